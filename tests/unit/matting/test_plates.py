"""Sources of plates."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from omz.errors import ImageError, VideoError
from omz.images.files import write_picture
from omz.matting.plates import PlatesByName, PlatesInTurn, PlateVideo
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter


def grey(level: int, height: int = 8, width: int = 12) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def test_plates_by_name(tmp_path):
    write_picture(tmp_path / "a.png", grey(1))
    write_picture(tmp_path / "b.png", grey(2))
    write_picture(tmp_path / "c.png", grey(3))
    source = PlatesByName(tmp_path, {"a": tmp_path / "a.png", "sub/b": tmp_path / "b.png", "b": tmp_path / "c.png"})
    assert [source.at(0, name)[0, 0, 0] for name in ("a.jpg", "sub/b.webp", "b.jpg", "other/a.png")] == [1, 2, 3, 1]
    with pytest.raises(ImageError, match=r"no plate for x\.jpg"):
        source.at(0, "x.jpg")


def test_plates_in_turn_end_with_the_last(tmp_path):
    paths = [tmp_path / f"{level}.png" for level in (5, 6)]
    for level, path in zip((5, 6), paths, strict=True):
        write_picture(path, grey(level))
    source = PlatesInTurn(paths)
    assert [source.at(index, "")[0, 0, 0] for index in range(4)] == [5, 6, 6, 6]


def test_a_video_gives_a_plate_a_frame(tmp_path):
    path = tmp_path / "plates.webm"
    with VideoWriter(
        path, choose_format(path, False, lossless=True), (16, 16), Fraction(1, 25), Fraction(25)
    ) as writer:
        for index in range(4):
            writer.write(grey(40 * index + 40, 16, 16), index)
    source = PlateVideo(path)
    found = [int(source.at(index, "")[0, 0, 0]) for index in (0, 1, 3, 4, 9)]
    assert found == [pytest.approx(level, abs=2) for level in (40, 80, 160, 160, 160)]


def test_a_plate_video_without_frames_says_so(tmp_path):
    (tmp_path / "x.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"x\.mp4"):
        PlateVideo(tmp_path / "x.mp4").at(0, "")
