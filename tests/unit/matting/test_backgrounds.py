"""What the subject is placed before."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omz.errors import ImageError, UsageError, VideoError
from omz.images.files import write_picture
from omz.matting.backgrounds import BLUR, Blur, ImagesInTurn, ImageTarget, VideoTarget, load_target
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter

SIZE = (32, 48)


def grey(level: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def write_video(path: Path, levels: list[int], times: list[int]) -> Path:
    """Write a frame of grey a level, in units of 1/10 second."""
    with VideoWriter(path, choose_format(path, False, lossless=True), SIZE, Fraction(1, 10), Fraction(5)) as writer:
        for level, time in zip(levels, times, strict=True):
            writer.write(grey(level), time, 2)
    return path


def level(target: VideoTarget | ImagesInTurn | ImageTarget, index: int, seconds: float) -> int:
    picture = target.at(index, seconds, SIZE)
    assert picture.shape == (*SIZE, 3)
    return round(float(picture.mean()))


@pytest.mark.parametrize(
    ("text", "bgr"), [("#78ff9b", (155, 255, 120)), ("lime", (0, 255, 0)), ("rgb(1, 2, 3)", (3, 2, 1))]
)
def test_a_colour(text, bgr):
    target = load_target(text, "cover")
    assert target.at(7, 0.3, (2, 5)).tolist() == [[list(bgr)] * 5] * 2


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("bleu", "did you mean blue?"),
        ("Gren", "did you mean green?"),
        ("blurr", "did you mean blur?"),
        ("transparant", "did you mean transparent?"),
        ("zzz", "write green or #78ff9b"),
        ("#12345", "write green or #78ff9b"),
    ],
)
def test_what_is_no_colour_gets_a_name_that_is_near(text, advice):
    with pytest.raises(UsageError, match=f"^--target {text}: there is no such file or colour; {re.escape(advice)}$"):
        load_target(text, "cover")


@pytest.mark.parametrize("text", [None, "transparent"])
def test_nothing(text):
    assert load_target(text, "cover") is None


@pytest.mark.parametrize(("text", "pixels"), [("blur", BLUR), ("blur:7", 7)])
def test_blur(text, pixels):
    assert load_target(text, "cover") == Blur(pixels)


@pytest.mark.parametrize("text", ["blur:0", "blur:x", "blur:-3", "no-such-thing", "", "rgb(300,0,0)"])
def test_what_is_nothing_of_it_is_refused(text):
    with pytest.raises(UsageError, match="--target"):
        load_target(text, "cover")


def test_a_picture_serves_pictures_of_all_sizes(tmp_path):
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, 10:] = 200
    write_picture(tmp_path / "half.png", picture)
    target = load_target(str(tmp_path / "half.png"), "stretch")
    for size in ((10, 20), (40, 40), (10, 20), (33, 7)):
        placed = target.at(0, 0.0, size)
        assert placed.shape == (*size, 3)
        assert placed[:, 0].max() == 0
        assert placed[:, -1].min() == 200
    assert target.at(1, 0.1, (33, 7)) is target.at(2, 0.2, (33, 7))


def test_pictures_of_a_folder_come_in_turn_in_natural_order(tmp_path):
    for name, shade in (("p2.png", 20), ("p10.png", 100), ("p1.png", 10)):
        write_picture(tmp_path / name, grey(shade))
    (tmp_path / "notes.txt").touch()
    target = load_target(str(tmp_path), "cover")
    assert [level(target, index, 0.0) for index in range(5)] == [10, 20, 100, 10, 20]


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="has no images"):
        load_target(str(tmp_path), "cover")


def test_a_video_shows_the_frame_of_the_moment_and_begins_again(tmp_path):
    path = write_video(tmp_path / "v.webm", [40, 80, 120, 160], [0, 2, 4, 10])
    target = load_target(str(path), "cover")
    shown = {0.0: 40, 0.1: 40, 0.2: 80, 0.39: 80, 0.5: 120, 0.99: 120, 1.0: 160, 1.19: 160, 1.2: 40, 1.41: 80, 2.4: 40}
    assert {at: level(target, 0, at) for at in shown} == {
        at: pytest.approx(value, abs=2) for at, value in shown.items()
    }


def test_a_video_can_be_asked_for_a_late_moment_first(tmp_path):
    path = write_video(tmp_path / "v.webm", [40, 80, 120, 160], [0, 2, 4, 10])
    late = load_target(str(path), "cover")
    assert level(late, 0, 5 * 1.2 + 0.2) == pytest.approx(80, abs=2)


def test_files_that_cannot_be_read_say_so(tmp_path):
    (tmp_path / "x.png").touch()
    (tmp_path / "x.mp4").touch()
    with pytest.raises(ImageError, match="is empty"):
        load_target(str(tmp_path / "x.png"), "cover")
    with pytest.raises(VideoError, match=r"x\.mp4"):
        load_target(str(tmp_path / "x.mp4"), "cover")
