"""Files that arrive: complete are those that have not changed for a while, and that nobody writes to."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.cutout.arrivals import STEADY, STEADY_UNSEEN, Arrivals, Stamp, read_complete, stamps

A = Path("a.png")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux who writes")


def stamp(path: Path) -> Stamp:
    return stamps([path])[path]


@given(st.lists(st.tuples(st.floats(0.05, 3), st.integers(0, 2), st.booleans()), max_size=12))
def test_a_file_is_steady_if_and_only_if_its_last_change_is_long_ago_and_it_was_not_taken_as_it_is(looks):
    arrivals, now = Arrivals(), 0.0
    changed, last, taken = 0.0, None, None
    for pause, size, takes in looks:
        now += pause
        if size != last:
            changed, last = now, size
        arrivals.look({A: Stamp(1, size, 0, 0)}, now)
        assert arrivals.steady(now) == ([A] if now - changed >= STEADY and taken != size else [])
        assert arrivals.are_pending == (taken != size)
        if takes and arrivals.steady(now):
            arrivals.take(A)
            taken = size


def test_a_file_that_went_and_came_back_is_new():
    arrivals = Arrivals()
    arrivals.look({A: Stamp(1, 1, 0, 0)}, 0.0)
    arrivals.take(A)
    arrivals.look({}, 1.0)
    assert A not in arrivals
    arrivals.look({A: Stamp(1, 1, 0, 0)}, 2.0)
    assert arrivals.are_pending


def test_only_files_have_stamps_and_another_file_of_the_same_size_and_time_has_another(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to("nowhere")
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    for path in (one, other):
        path.write_bytes(b"same")
        os.utime(path, (1, 1))
    assert [*stamps(sorted(tmp_path.iterdir()))] == [one, other]
    before = stamp(one)
    other.replace(one)
    assert stamp(one) != before


@LINUX
def test_a_file_that_is_open_for_writing_is_not_complete_however_old(tmp_path):
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.write(b"half")
        file.flush()
        assert read_complete(path, stamp(path), 100.0, is_local=True) is None
    assert read_complete(path, stamp(path), STEADY, is_local=True) == b"half"
    with path.open("rb"):  # readers do not matter
        assert read_complete(path, stamp(path), STEADY, is_local=True) == b"half"


def test_where_nobody_tells_who_writes_only_time_does(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"all")
    assert read_complete(path, stamp(path), STEADY, is_local=False) is None
    assert read_complete(path, stamp(path), STEADY_UNSEEN, is_local=False) == b"all"


def test_a_file_that_has_changed_since_it_was_seen_is_not_complete(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    before = stamp(path)
    time.sleep(0.02)  # the clock of a file system ticks slowly
    path.write_bytes(b"two")
    assert read_complete(path, before, 100.0, is_local=False) is None
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_complete(path, before, 100.0, is_local=False)
