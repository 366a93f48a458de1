"""The plate of each frame, and what is done to it."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from omz.errors import ImageError, VideoError
from omz.images.compositing import to_uint8
from omz.images.files import write_picture
from omz.matting.plates import OnePlate, PlateOptions, Plates, PlatesByName, PlatesInTurn, PlateVideo
from omz.synthesis import textures
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter


def grey(level: int, height: int = 8, width: int = 12) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def test_one_plate_that_fits_is_used_as_it_is():
    plate = grey(9)
    plates = Plates(OnePlate(plate), PlateOptions(), fixed=True)
    for index in range(3):
        fitted = plates.at(index, "", grey(0))
        assert fitted.plate is plate
        assert fitted.notes == ()


def test_a_plate_of_another_size_is_resized_once_a_size_and_said():
    plates = Plates(OnePlate(grey(9, 20, 30)), PlateOptions(), fixed=False)
    first, again = plates.at(0, "", grey(0)), plates.at(1, "", grey(0))
    assert first.plate.shape == (8, 12, 3)
    assert first.plate is again.plate
    assert first.notes == ("the plate is 30x20, resized to the image's 12x8",)
    assert plates.at(2, "", grey(0, 5, 5)).plate.shape == (5, 5, 3)


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


@pytest.fixture(scope="module")
def moved() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, its plate as the camera saw it before it moved, darker, and the plate that fits."""
    rng = np.random.default_rng(1)
    room = to_uint8(np.clip(textures.room(rng, (310, 520), textures.palette(rng, 4)), 0, 1).astype(np.float32))
    right, away = room[20:290, 20:500], room[23:293, 15:495]
    picture = right.copy()
    picture[100:, 200:280] = 255 - picture[100:, 200:280]
    return picture, cv2.convertScaleAbs(away, alpha=0.8), right


def test_what_moved_and_is_darker_is_laid_over_the_picture(moved):
    picture, plate, right = moved
    fitted = Plates(OnePlate(plate), PlateOptions("auto", match_exposure=True), fixed=True).at(0, "", picture)
    inner = np.s_[12:-12, 12:-12]
    before = np.abs(plate[inner].astype(int) - right[inner]).mean()
    after = np.abs(fitted.plate[inner].astype(int) - right[inner]).mean()
    assert after < before / 4
    assert float(fitted.notes[0].split(" moved by ")[1].split()[0]) == pytest.approx(np.hypot(5, 3), abs=0.3)
    assert "the exposure of the plate is matched" in fitted.notes[1]


def test_what_cannot_be_aligned_is_used_as_it_is_and_said():
    fitted = Plates(OnePlate(grey(100, 90, 120)), PlateOptions("auto"), fixed=True).at(0, "", grey(120, 90, 120))
    assert fitted.plate[0, 0, 0] == 100
    assert fitted.notes[0].startswith("the plate is used as it is, not aligned: ")


def test_a_camera_that_stands_still_is_aligned_once(moved):
    picture, plate, _ = moved
    plates = Plates(OnePlate(plate), PlateOptions("auto"), fixed=True)
    first = plates.at(0, "", picture)
    later = plates.at(5, "", np.zeros_like(picture))
    assert later.plate is first.plate
    assert later.notes == ()


def test_every_frame_is_aligned_where_that_is_asked_for(moved):
    picture, plate, _ = moved
    plates = Plates(OnePlate(plate), PlateOptions("frame"), fixed=True)
    first = plates.at(0, "", picture).plate
    shifted = np.roll(picture, 6, axis=1)
    assert np.abs(plates.at(1, "", shifted).plate.astype(int) - first)[20:-20, 20:-20].mean() > 3
