"""A video that is only shown."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from omz.errors import VideoError
from omz_demo.inputs.shown_video import ShownVideo
from omz_demo.video.formats import choose_format
from omz_demo.video.writing import VideoWriter


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "v.mp4"
    with VideoWriter(path, choose_format(path, False), (16, 32), Fraction(1, 100), Fraction(25)) as writer:
        for index in range(3):
            writer.write(np.full((16, 32, 3), 80 * index, np.uint8), 4 * index, 4)
    return path


def test_it_ends_with_its_last_frame(video):
    source = ShownVideo(video, loop=False)
    assert (source.size, source.rate, source.dropped) == ((16, 32), 25, 0)
    frames = list(source)
    assert [round(frame.picture.mean()) for frame in frames] == [pytest.approx(80 * index, abs=2) for index in range(3)]
    assert source.now() == frames[-1].time


def test_in_a_loop_time_goes_on(video):
    frames = list(islice(ShownVideo(video, loop=True), 7))
    assert [frame.index for frame in frames] == list(range(7))
    assert [frame.time * ShownVideo(video, False).time_base for frame in frames] == [
        Fraction(4 * index, 100) for index in range(7)
    ]
    assert [round(frame.picture.mean() / 80) for frame in frames] == [0, 1, 2, 0, 1, 2, 0]


def test_what_is_no_video_says_so(tmp_path):
    (tmp_path / "x.mp4").touch()
    with pytest.raises(VideoError, match=r"x\.mp4"):
        ShownVideo(tmp_path / "x.mp4", loop=False)
