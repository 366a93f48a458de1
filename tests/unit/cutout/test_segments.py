"""Finished segments of a video, and those of them that still count later."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from omz.cutout.segments import Segments, open_segments
from omz.errors import UsageError
from omz.matting.frames import Frame

PICTURE = np.zeros((2, 2, 3), np.uint8)
FACTS = {"model": "a", "options": "b"}


class Stopped(Exception):
    pass


stopped = functools.partial(contextlib.suppress, Stopped)


def write(folder: Path, count: int, facts: dict[str, str] = FACTS) -> None:
    """Finish segments of ten frames each, and be stopped."""
    with stopped(), open_segments(folder, facts, resume=False) as segments:
        for index in range(count):
            add(segments, index)
        raise Stopped


def add(segments: Segments, index: int) -> None:
    path = segments.path("composite", index, ".mp4")
    path.write_bytes(b"x" * (index + 1))
    segments.add(10, Frame(10 * index + 9, PICTURE, time=100 * index + 90, duration=10), (path,))


def test_what_is_finished_stays_when_the_work_is_stopped(tmp_path):
    folder = tmp_path / ".out.mp4.omz_demo"
    write(folder, 3)
    with open_segments(folder, FACTS, resume=True) as segments:
        assert segments.frames == 30
        assert segments.count == 3
        assert (segments.last.first, segments.last.last_time, segments.last.last_duration) == (20, 290, 10)
        assert segments.warning == ""
        add(segments, 3)
    assert list(tmp_path.iterdir()) == []


def test_without_resume_all_is_begun_anew(tmp_path):
    folder = tmp_path / ".out"
    write(folder, 3)
    with open_segments(folder, FACTS, resume=False) as segments:
        assert segments.frames == 0
        assert segments.warning.startswith("30 frames that an earlier run had finished are done anew; --resume")
        assert [path.name for path in folder.iterdir()] == ["segments.jsonl"]


def test_with_other_facts_all_is_begun_anew_with_a_warning(tmp_path):
    folder = tmp_path / ".out"
    write(folder, 2)
    with open_segments(folder, {**FACTS, "options": "c"}, resume=True) as segments:
        assert segments.frames == 0
        assert segments.warning == (
            "the 20 frames that are finished are of a run with another options (b, not c); everything is done anew"
        )


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_segments_count_up_to_the_first_that_is_damaged(tmp_path, damage):
    folder = tmp_path / ".out"
    write(folder, 4)
    path = folder / "composite.00002.mp4"
    path.unlink() if damage == "missing" else path.write_bytes(b"yyy")
    with stopped(), open_segments(folder, FACTS, resume=True) as segments:
        assert segments.frames == 20
        raise Stopped
    with open_segments(folder, FACTS, resume=True) as segments:
        assert segments.frames == 20


def test_half_a_line_does_not_count(tmp_path):
    folder = tmp_path / ".out"
    write(folder, 2)
    lines = (folder / "segments.jsonl").read_bytes()
    (folder / "segments.jsonl").write_bytes(lines[:-9])
    with open_segments(folder, FACTS, resume=True) as segments:
        assert segments.frames == 10
    assert json.loads(lines.splitlines()[0]) == FACTS


_HOLD = """
import sys
from pathlib import Path
from omz.matting.frames import Frame
from omz.cutout.segments import open_segments
with open_segments(Path(sys.argv[1]), {}, resume=False):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_two_runs_on_one_result_are_refused(tmp_path):
    folder = tmp_path / ".out"
    command = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(UsageError, match="another run works on"), open_segments(folder, FACTS, False):
            pass
        other.stdin.close()
    with open_segments(folder, FACTS, False):
        pass
    assert list(tmp_path.iterdir()) == []
