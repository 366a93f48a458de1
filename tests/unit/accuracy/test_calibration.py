"""Images to calibrate on: which are taken of a folder, a video or pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import write_clip

from omz.accuracy.calibration import FIRST, CalibrationSource
from omz.errors import DataError, OmzError, UsageError
from omz.images.files import write_picture

SIZE = (16, 24)


def level(value: int) -> np.ndarray:
    return np.full((*SIZE, 3), value, np.uint8)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for number in range(10):
        write_picture(tmp_path / f"{number}.png", level(number))
        write_picture(tmp_path / "bgr" / f"{number}.png", level(100 + number))
    return tmp_path


def taken(source: CalibrationSource) -> list[int]:
    """Return the levels of the images, which tell them apart."""
    return [int(picture[0, 0, 0]) for picture, _ in source.open().pictures]


def test_pairs_come_from_all_over_the_folder_each_with_its_plate(pairs):
    source = CalibrationSource(pairs, count=5)
    found = [(int(one[0, 0, 0]), int(plate[0, 0, 0])) for one, plate in source.open().pictures]
    assert all(plate == 100 + number for number, plate in found)
    assert [number // 2 for number, _ in found] == [0, 1, 2, 3, 4]
    assert source.open().title == f"5 images of {pairs}"


def test_the_seed_chooses_and_the_content_counts(pairs):
    source = CalibrationSource(pairs, count=5)
    assert taken(source) == taken(source)
    assert len({tuple(taken(replace(source, seed=seed))) for seed in range(4)}) > 1
    before = source.open().digest
    assert replace(source, seed=1).open().digest != before
    write_picture(pairs / f"{taken(source)[0]}.png", level(50))
    assert source.open().digest != before
    assert len(taken(replace(source, count=99))) == 10


def test_images_without_plates_take_the_one_that_is_named(tmp_path):
    write_picture(tmp_path / "images" / "1.png", level(7))
    write_picture(tmp_path / "plate.png", level(9))
    for path in (tmp_path / "images", tmp_path / "images" / "1.png"):
        ((picture, plate),) = CalibrationSource(path, plate=str(tmp_path / "plate.png")).open().pictures
        assert (picture[0, 0, 0], plate[0, 0, 0]) == (7, 9)
        assert [plate for _, plate in CalibrationSource(path).open().pictures] == [None]
    with pytest.raises(UsageError, match="--plate first is the first frame of a video"):
        CalibrationSource(tmp_path / "images", plate=FIRST).open()


def test_the_remedy_for_missing_plates_is_one_that_these_images_take(pairs, tmp_path):
    write_clip(tmp_path / "clip.mp4", [level(1)] * 3)
    told = {each: CalibrationSource(each).open().remedy for each in (pairs, tmp_path / "clip.mp4", pairs / "1.png")}
    assert ["folder bgr" in remedy for remedy in told.values()] == [True, False, False]
    assert ["--plate first" in remedy for remedy in told.values()] == [False, True, False]
    assert all("--plate FILE" in remedy for remedy in told.values())


def test_frames_of_a_video_are_spread_over_it_and_its_first_may_be_the_plate(tmp_path):
    path = tmp_path / "talk.mkv"
    write_clip(path, [level(20 * number) for number in range(10)])
    pictures = list(CalibrationSource(path, count=5, plate=FIRST).open().pictures)
    assert [round(int(picture[0, 0, 0]) / 20) // 2 for picture, _ in pictures] == [0, 1, 2, 3, 4]
    assert all(plate.max() < 3 for _, plate in pictures)


def test_a_broken_image_and_a_folder_without_any_are_named(tmp_path):
    with pytest.raises(DataError, match="has no images in it"):
        CalibrationSource(tmp_path).open()
    write_picture(tmp_path / "1.png", np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8))
    content = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(OmzError, match=r"1\.png .*; ") as raised:
        list(CalibrationSource(tmp_path).open().pictures)
    assert "\n" not in str(raised.value)
