from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from helpers.clips import make_mattes, make_pictures

from omz.errors import VideoError
from omz.video.sequence import SequenceWriter

TIME_BASE = Fraction(1, 1000)


def write(folder, frames, start=0):
    with SequenceWriter(folder, TIME_BASE, start) as writer:
        for index, frame in enumerate(frames, start):
            writer.write(frame, 40 * index + 7)


def test_frames_and_times_are_kept(tmp_path):
    frames = [np.dstack(pair) for pair in zip(make_pictures(3), make_mattes(3), strict=True)]
    write(tmp_path / "out", frames)
    for index, frame in enumerate(frames):
        read = cv2.imread(str(tmp_path / "out" / f"{index:08d}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(read, frame)
    assert (tmp_path / "out" / "times.csv").read_text().splitlines() == [
        "index,time,seconds",
        "0,7,0.007000",
        "1,47,0.047000",
        "2,87,0.087000",
    ]


def test_going_on_gives_what_one_run_gives(tmp_path):
    frames = make_pictures(6)
    write(tmp_path / "whole", frames)
    write(tmp_path / "parts", frames[:4])
    write(tmp_path / "parts", frames[2:], start=2)
    assert {path.name: path.read_bytes() for path in (tmp_path / "parts").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()
    }


def test_going_on_without_the_earlier_times_is_told(tmp_path):
    with pytest.raises(VideoError, match="lacks the times of earlier frames"):
        write(tmp_path / "out", make_pictures(1), start=3)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(VideoError, match="cannot be written"):
        write(tmp_path / "out", make_pictures(1))


@pytest.mark.parametrize("name", ["times.csv", "00000003.png"])
def test_what_is_of_something_else_stays(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(VideoError, match="of something else"), SequenceWriter(tmp_path, Fraction(1, 25)):
        pass
    assert (tmp_path / name).read_text() == "mine"


def test_rests_of_killed_processes_go_and_nothing_else(tmp_path):
    rests = [".00000004.abcdef01.part.png", ".times.abcdef01.part.csv"]
    others = [".notes.abcdefgh.part.zip", "notes.txt", ".00000004.png"]
    for name in (*rests, *others):
        (tmp_path / name).touch()
    with SequenceWriter(tmp_path, Fraction(1, 25)) as writer:
        writer.write(np.zeros((4, 4, 3), np.uint8), 0)
    assert {path.name for path in tmp_path.iterdir()} == {*others, "times.csv", "00000000.png"}
