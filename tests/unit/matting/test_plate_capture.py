"""Plates from pictures that move: the median, stillness, the capture before a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from omz.errors import VideoError
from omz.images.files import read_picture
from omz.matting import plate_capture
from omz.matting.plate_capture import SHOTS, capture_plate, is_still, median_plate, plate_of, spread
from omz.synthesis.scene import make_scene
from omz.video.reading import VideoFrame

SIZE = (90, 160)


def pictures(number: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (number, *SIZE, 3), np.uint8))


@pytest.mark.parametrize("number", [1, 2, 3, 14, 15])
def test_the_median_is_numpys_rounded_half_up(number):
    shots = pictures(number)
    expected = np.floor(np.median(np.stack(shots).astype(np.float64), axis=0) + 0.5)
    np.testing.assert_array_equal(median_plate(shots), expected)


def test_who_walks_through_is_not_on_the_plate():
    empty = make_scene(4, SIZE, "demo").plate
    shots = [empty.copy() for _ in range(SHOTS)]
    for index, shot in enumerate(shots):
        shot[20:80, 10 * index : 10 * index + 30] = 255
    np.testing.assert_array_equal(median_plate(shots), empty)


def camera(base: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """A picture as a camera gives it: with noise, and through JPEG."""
    noisy = base + np.random.default_rng(seed).normal(0, noise, base.shape)
    return cv2.imdecode(cv2.imencode(".jpg", noisy.clip(0, 255).astype(np.uint8), [1, 85])[1], cv2.IMREAD_COLOR)


@pytest.mark.parametrize(("seed", "size"), [(0, (360, 640)), (1, (360, 640)), (2, (720, 1280))])
def test_noise_and_flicker_are_still_and_a_hand_that_moves_is_not(seed, size):
    base = make_scene(seed, size, "demo").plate
    assert is_still([camera(base, 10, index) for index in range(SHOTS)])
    assert is_still([camera(base * (1 + 0.01 * np.sin(index)), 3, index) for index in range(SHOTS)])
    moving, side = [], size[0] // 12
    for index in range(SHOTS):
        shot = base.copy()
        left = size[1] // 2 + 3 * index * size[1] // 1280
        shot[size[0] // 2 : size[0] // 2 + side, left : left + side] = (130, 160, 200)
        moving.append(camera(shot, 5, index))
    assert not is_still(moving)


class Camera:
    """Gives what ``shots`` gives, a frame a tenth of a second, and has the clock that says so."""

    def __init__(self, shots: Iterator[np.ndarray]) -> None:
        self.shots, self.now, self.given, self.locked_at = shots, 50.0, 0, -1

    def __iter__(self) -> Camera:
        return self

    def __next__(self) -> VideoFrame:
        self.now += 0.1
        self.given += 1
        return VideoFrame(self.given, 0, 0, next(self.shots))

    def lock(self) -> None:
        self.locked_at = self.given

    def clock(self) -> float:
        return self.now


@pytest.fixture
def filmed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[np.ndarray]], Camera]:
    """Make a camera whose clock is the one that a capture looks at."""

    def film(shots: Iterator[np.ndarray]) -> Camera:
        source = Camera(shots)
        monkeypatch.setattr(plate_capture, "monotonic", source.clock)
        return source

    return film


EMPTY = make_scene(1, SIZE, "demo").plate


def test_after_the_countdown_still_pictures_make_the_plate_and_the_file(filmed, tmp_path):
    source, lines = filmed(EMPTY for _ in count()), []
    plate = capture_plate(source, lambda picture, line: bool(lines.append(line)) or True, tmp_path / "plate.png")
    np.testing.assert_array_equal(plate, EMPTY)
    np.testing.assert_array_equal(read_picture(tmp_path / "plate.png"), EMPTY)
    assert source.locked_at in (50, 51)  # five seconds of tenths, summed as floats
    assert source.given == source.locked_at + SHOTS
    assert lines[0].startswith("plate in 5 s")
    assert lines[-1].startswith("taking the plate")


def test_motion_has_it_tried_again(filmed):
    walks = (pictures(1, seed)[0] for seed in range(50 + SHOTS))
    source = filmed(shot for shots in (walks, (EMPTY for _ in count())) for shot in shots)
    plate = capture_plate(source, lambda *_: True)
    np.testing.assert_array_equal(plate, EMPTY)
    assert source.given >= source.locked_at + 2 * SHOTS


def test_what_never_rests_ends_in_one_line(filmed, tmp_path):
    shots = pictures(2)
    source = filmed(shots[index % 2] for index in count())
    with pytest.raises(VideoError, match="no plate: something moved in each of 10 tries"):
        capture_plate(source, lambda *_: True, tmp_path / "plate.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("after", [0, 3, 55])
def test_it_can_be_given_up_and_writes_nothing_then(filmed, after, tmp_path: Path):
    source = filmed(EMPTY for _ in count())
    shown = iter([True] * after)
    plate = capture_plate(source, lambda *_: next(shown, False), tmp_path / "plate.png")
    assert plate is None
    assert not list(tmp_path.iterdir())


def test_a_source_that_ends_is_one_line(filmed):
    source = filmed(EMPTY for _ in range(60))
    with pytest.raises(VideoError, match="the source ended"):
        capture_plate(source, lambda *_: True)


@pytest.mark.parametrize("length", [0, 1, 7, 24, 25, 26, 49, 50, 51, 1000])
def test_samples_are_evenly_spread_over_all_of_a_clip(length):
    marks = [np.array(index) for index in range(length)]
    kept = [int(mark) for mark in spread(iter(marks), 25)]
    assert min(length, 13) <= len(kept) <= 25
    assert len(set(np.diff(kept))) <= 1
    if kept:
        step = kept[1] - kept[0] if len(kept) > 1 else 1
        assert kept[0] == 0
        assert kept[-1] + step >= length


def test_a_plate_of_a_clip():
    clip = [EMPTY.copy() for _ in range(200)]
    clip[0][:] = 7
    for index, shot in enumerate(clip):
        shot[:, index % 100 : index % 100 + 40] = 255
    np.testing.assert_array_equal(plate_of(iter(clip), "first"), clip[0])
    np.testing.assert_array_equal(plate_of(iter(clip), "median"), EMPTY)
    with pytest.raises(VideoError, match="has no frames"):
        plate_of(iter(()), "median")
