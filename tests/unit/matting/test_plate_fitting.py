"""Plates that fit: what is done to them, and what to those of a video from frame to frame."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from omz.images.compositing import to_uint8
from omz.images.exposure import scale_channels
from omz.matting.plate_fitting import PlateOptions, Plates, VideoPlates, fit
from omz.matting.plates import OnePlate
from omz.synthesis import textures
from omz.synthesis.scene import make_scene

AUTO, PLAIN = PlateOptions(), PlateOptions("off", "off")
SIZE = (270, 480)


def grey(level: int, height: int = 8, width: int = 12) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture(scope="module")
def room() -> np.ndarray:
    """A scene that is larger than what a camera sees of it."""
    rng = np.random.default_rng(1)
    return to_uint8(np.clip(textures.room(rng, (350, 560), textures.palette(rng, 4)), 0, 1).astype(np.float32))


def seen(room: np.ndarray, right: float = 0, down: float = 0, seed: int = 0, subject: int | None = None) -> np.ndarray:
    """What a camera sees that has moved: with noise, and perhaps a subject, at so many pixels from the left."""
    move = np.float32([[1, 0, -40 - right], [0, 1, -40 - down]])
    picture = cv2.warpAffine(room, move, SIZE[::-1], flags=cv2.INTER_CUBIC)
    if subject is not None:
        picture[100:, subject : subject + 80] = 255 - picture[100:, subject : subject + 80]
    noise = np.random.default_rng(seed).normal(0, 1.5, picture.shape)
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def off(plate: np.ndarray, right: np.ndarray) -> float:
    inner = np.s_[20:-20, 20:-20]
    return float(np.abs(plate[inner].astype(int) - right[inner]).mean())


@pytest.mark.parametrize("kind", [Plates, VideoPlates])
@pytest.mark.parametrize("options", [AUTO, PLAIN])
def test_a_plate_that_fits_is_used_as_it_is(room, kind, options):
    plate = seen(room)
    plates = kind(OnePlate(plate), options)
    for index in range(3):
        fitted = plates.at(index, "", seen(room, seed=index + 1, subject=50 * index))
        assert fitted.plate is plate
        assert (fitted.notes, fitted.problem, fitted.shift) == ((), "", 0.0)


def test_a_plate_of_another_size_is_resized_once_a_size_and_said():
    plates = Plates(OnePlate(grey(9, 20, 30)), AUTO)
    first, again = plates.at(0, "", grey(0)), plates.at(1, "", grey(0))
    assert first.plate.shape == (8, 12, 3)
    assert first.plate is again.plate
    assert first.notes == ("the plate is 30x20, resized to the image's 12x8",)
    assert plates.at(2, "", grey(0, 5, 5)).plate.shape == (5, 5, 3)


@pytest.mark.parametrize("kind", [Plates, VideoPlates])
def test_a_plate_is_moved_at_the_size_at_which_it_is_seen(room, kind):
    size = 180, 320
    plates = kind(OnePlate(cv2.convertScaleAbs(seen(room, 5, -3, 7), alpha=0.8)), AUTO, plate_size=lambda _: size)
    picture = seen(room, subject=200)
    fitted, whole = plates.at(0, "", picture), plates.at(1, "", picture, whole=True)
    shrunk, right = (cv2.resize(each, size[::-1], interpolation=cv2.INTER_AREA) for each in (picture, seen(room)))
    np.testing.assert_array_equal(fitted.small, shrunk)
    assert off(fitted.plate, right) < 2.5
    np.testing.assert_array_equal(fitted.plate[:60, :2], shrunk[:60, :2])  # beyond the plate
    assert fitted.shift == pytest.approx(np.hypot(5, 3), abs=0.2)
    assert (whole.plate.shape, whole.small) == (picture.shape, None)
    assert off(whole.plate, seen(room)) < 3.5


@pytest.mark.parametrize("kind", [Plates, VideoPlates])
def test_so_is_one_whose_exposure_is_matched(room, kind):
    size = 180, 320
    plates = kind(OnePlate(cv2.convertScaleAbs(seen(room), alpha=0.8)), AUTO, plate_size=lambda _: size)
    picture = seen(room, subject=200)
    fitted, whole = plates.at(0, "", picture), plates.at(1, "", picture, whole=True)
    shrunk, right = (cv2.resize(each, size[::-1], interpolation=cv2.INTER_AREA) for each in (picture, seen(room)))
    assert fitted.fitting.homography is None
    np.testing.assert_array_equal(fitted.small, shrunk)
    assert off(fitted.plate, right) < 2.5
    assert (whole.plate.shape, whole.small) == (picture.shape, None)


@pytest.mark.parametrize("kind", [Plates, VideoPlates])
def test_a_plate_that_fits_keeps_its_size(room, kind):
    plate = seen(room)
    fitted = kind(OnePlate(plate), AUTO, plate_size=lambda _: (180, 320)).at(0, "", seen(room, subject=200))
    assert fitted.plate is plate
    assert fitted.small is None


@pytest.mark.parametrize("kind", [Plates, VideoPlates])
def test_what_moved_and_is_darker_is_laid_over_the_picture(room, kind):
    plate = cv2.convertScaleAbs(seen(room, 5, -3, 7), alpha=0.8)
    fitted = kind(OnePlate(plate), AUTO).at(0, "", seen(room, subject=200))
    assert off(fitted.plate, seen(room)) < 3.5
    assert off(plate, seen(room)) > 20
    assert fitted.shift == pytest.approx(np.hypot(5, 3), abs=0.2)
    np.testing.assert_allclose(fitted.fitting.gains, 1.25, rtol=0.02)
    assert (fitted.notes, fitted.problem) == ((), "")


@pytest.mark.parametrize("kind", [Plates, VideoPlates])
@pytest.mark.parametrize("right", [0, 5])
def test_a_plate_that_was_exposed_for_longer_has_the_highlights_of_its_picture(room, kind, right):
    """Light falls in from the right: there channels are clipped in the plate, and hardly any in the picture."""
    bright = to_uint8((room * np.linspace(0.6 / 255, 1.7 / 255, room.shape[1])[:, None]).astype(np.float32))
    plate = cv2.convertScaleAbs(seen(bright, right, 0, 7), alpha=1.25)
    truth, picture = seen(bright), seen(bright, seed=1, subject=100)
    fitted = kind(OnePlate(plate), AUTO).at(0, "", picture)
    np.testing.assert_allclose(fitted.fitting.gains, 0.8, rtol=0.02)
    assert fitted.shift == pytest.approx(right, abs=0.2)
    is_lost = truth > 208
    is_lost[:, :20] = is_lost[:, -20:] = False
    assert is_lost.mean() > 0.05
    scaled = scale_channels(plate, fitted.fitting.gains)
    before, after = (np.abs(each[is_lost].astype(int) - truth[is_lost]).mean() for each in (scaled, fitted.plate))
    assert before > 10
    assert after < 3.5


def test_what_is_switched_off_is_not_done(room):
    plate = cv2.convertScaleAbs(seen(room, 5, -3, 7), alpha=0.8)
    picture = seen(room, subject=200)
    assert Plates(OnePlate(plate), PLAIN).at(0, "", picture).plate is plate
    assert Plates(OnePlate(plate), replace(PLAIN, align="auto")).at(0, "", picture).fitting.gains == (1, 1, 1)
    assert Plates(OnePlate(plate), replace(PLAIN, match_exposure="auto")).at(0, "", picture).shift == 0


def test_what_cannot_be_aligned_is_used_as_it_is_with_what_to_do(room):
    rng = np.random.default_rng(5)
    other = to_uint8(np.clip(textures.cluttered(rng, SIZE, textures.palette(rng, 4)), 0, 1).astype(np.float32))
    fitted = Plates(OnePlate(other), replace(AUTO, match_exposure="off")).at(0, "", seen(room))
    assert fitted.plate is other
    assert fitted.problem.startswith("the plate is used as it is, not aligned: ")
    assert fitted.problem.endswith("or do without: --plate none")


def test_a_plain_wall_needs_no_alignment():
    wall, picture = grey(100, 90, 120), grey(100, 90, 120)
    picture[30:, 40:90] = 200
    assert Plates(OnePlate(wall), AUTO).at(0, "", picture).problem == ""


def test_while_the_camera_stands_still_the_same_plate_serves_but_for_what_it_does_not_show(room):
    plates = VideoPlates(OnePlate(seen(room, 5, -3, 7)), AUTO)
    first = plates.at(0, "", seen(room, subject=0))
    for index in range(1, 30):
        picture = seen(room, seed=index, subject=10 * index)
        later = plates.at(index, "", picture)
        assert later.fitting is first.fitting
        np.testing.assert_array_equal(later.plate[4:-4, 6:-6], first.plate[4:-4, 6:-6])
        np.testing.assert_array_equal(later.plate[:90, :4], picture[:90, :4])  # above the subject


def test_a_camera_that_moves_is_followed_smoothly(room):
    plates = VideoPlates(OnePlate(seen(room, seed=99)), AUTO)
    shifts = []
    for index in range(30):
        right, down = 12 * np.sin(index / 7), 6 * np.sin(index / 5)
        fitted = plates.at(index, "", seen(room, right, down, index, subject=100 + 3 * index))
        assert off(fitted.plate, seen(room, right, down)) < 4, index
        shifts.append(fitted.shift)
    assert max(shifts) == pytest.approx(13, abs=1)
    assert np.abs(np.diff(shifts, 2)).max() < 1.5


def test_a_camera_that_is_bumped_is_found_again(room):
    plates = VideoPlates(OnePlate(seen(room, seed=99)), AUTO)
    for index in range(60):
        right = 0 if index < 10 else 30
        fitted = plates.at(index, "", seen(room, right, 0, index, subject=100))
    assert off(fitted.plate, seen(room, 30)) < 4


def test_light_that_changes_is_followed(room):
    plates = VideoPlates(OnePlate(seen(room, seed=99)), AUTO)
    for index in range(60):
        fitted = plates.at(index, "", cv2.convertScaleAbs(seen(room, seed=index, subject=100), alpha=1 - index / 200))
    np.testing.assert_allclose(fitted.fitting.gains, 1 - 50 / 200, rtol=0.03)


def test_a_video_goes_on_from_what_was_done_to_its_last_frame(room):
    def frame(index: int) -> np.ndarray:
        return seen(room, index, index / 3, index, subject=100 + 3 * index)

    plate = OnePlate(seen(room, 4, 2, seed=99))
    whole, rest = VideoPlates(plate, AUTO), VideoPlates(plate, AUTO)
    for index in range(12):
        fitted = whole.at(index, "", frame(index))
    rest.fitting = fitted.fitting
    for index in range(12, 30):
        np.testing.assert_array_equal(rest.at(index, "", frame(index)).plate, whole.at(index, "", frame(index)).plate)


def test_every_frame_is_aligned_anew_where_that_is_asked_for(room):
    plates = VideoPlates(OnePlate(seen(room, seed=99)), replace(AUTO, align="frame"))
    for index in range(3):
        fitted = plates.at(index, "", seen(room, 6 * index, 0, index))
        assert fitted.shift == pytest.approx(6 * index, abs=0.2)


def test_no_alarm_where_the_plate_fits_as_it_is():
    scene = make_scene(3, (180, 320), "demo")
    fitted = fit(scene.plate, scene.picture, PlateOptions())
    assert (fitted.problem, fitted.shift) == ("", 0)
