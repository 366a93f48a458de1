"""Lines of JSON; what they mean is tested where they are used: tests/accuracy/test_journal.py, and the demo's."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
from helpers.full_disk import small_disk

from omz.journal_file import Written, open_journal_file, read_journal_file, what_differs

HEADER = {"a": "1", "b": "2"}


def parse(value: dict[str, int]) -> int:
    return value["n"]


def test_lines_are_added_behind_those_that_stay(tmp_path):
    path = tmp_path / "deep" / "journal"
    assert read_journal_file(path, parse) == Written({}, (), 0)
    with open_journal_file(path, HEADER) as add:
        add({"n": 1})
        assert read_journal_file(path, parse).entries == (1,)  # at once
        add({"n": 2})
    there = read_journal_file(path, parse)
    assert (there.header, there.entries, there.size) == (HEADER, (1, 2), path.stat().st_size)
    with path.open("a") as file:
        file.write('{"n": 3')
    assert read_journal_file(path, parse) == there
    with open_journal_file(path, {}, there.size) as add:
        add({"n": 4})
    assert read_journal_file(path, parse).entries == (1, 2, 4)
    with open_journal_file(path, HEADER):
        pass
    assert read_journal_file(path, parse).entries == ()


def test_a_line_the_disk_has_no_room_for_is_taken_back(tmp_path):
    with small_disk(tmp_path / "disk", 8) as disk:
        with open_journal_file(disk / "journal", HEADER) as add:
            add({"n": 1})
            with pytest.raises(OSError) as full:  # noqa: PT011 the number tells
                add({"n": 2, "more": "x" * 10000})
            assert full.value.errno == errno.ENOSPC
            add({"n": 3})
        assert read_journal_file(disk / "journal", parse).entries == (1, 3)


def test_lines_outlive_the_process(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from omz.journal_file import open_journal_file\n"
        "with open_journal_file(Path(sys.argv[1]), {'a': '1'}) as add:\n"
        "    add({'n': 1}); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "journal"], check=False)
    assert read_journal_file(tmp_path / "journal", parse).entries == (1,)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"a": "1"}, {"a": "2"}, "a (1, not 2)"),
        ({"a": "1"}, {"a": "1", "b": "2"}, "b (none, not 2)"),
        ({"a": "1", "b": "2"}, {"a": "1"}, "b (2, not none)"),
        ({"a": "x" * 500 + "1"}, {"a": "x" * 500 + "2"}, f"a (…{'x' * 40}1, not …{'x' * 40}2)"),
    ],
)
def test_what_differs_is_shown_by_name(before, now, said):
    assert what_differs(before, now) == said


def test_a_link_is_no_journal(tmp_path):
    (tmp_path / "other").write_text("kept")
    (tmp_path / "journal").symlink_to("other")
    with pytest.raises(OSError, match="symbolic links"), open_journal_file(tmp_path / "journal", {"a": "b"}):
        pass
    assert (tmp_path / "other").read_text() == "kept"
