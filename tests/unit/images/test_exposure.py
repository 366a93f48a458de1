from __future__ import annotations

import numpy as np
import pytest

from omz.images.exposure import match_exposure
from omz.synthesis import textures

SIZE = (240, 320)


def scene(seed: int, noise: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """A background, 0 to 255 in floats, and the plate of it with noise of so many levels."""
    rng = np.random.default_rng(seed)
    background = 230.0 * textures.background(rng, SIZE)
    return background, photographed(background, rng, noise), rng


def photographed(light: np.ndarray, rng: np.random.Generator, noise: float = 1.5) -> np.ndarray:
    return np.rint(np.clip(light + rng.normal(0, noise, light.shape), 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("gains", [(1.0, 1.0, 1.0), (0.8, 0.8, 0.8), (0.9, 1.0, 1.1), (1.25, 1.2, 1.15)])
@pytest.mark.parametrize("seed", range(4))
def test_the_gains_are_found_though_a_subject_covers_a_third(seed, gains):
    background, plate, rng = scene(seed)
    light = background * gains
    light[:, 100:207] = rng.uniform(0, 255, 3)
    found = match_exposure(plate, photographed(light, rng))
    np.testing.assert_allclose(found.gains, gains, rtol=0.015)
    assert found.is_off == any(abs(gain - 1) > 0.05 for gain in gains)


@pytest.mark.parametrize("seed", range(4))
def test_the_plate_becomes_like_the_picture(seed):
    background, plate, rng = scene(seed)
    picture = photographed(0.8 * background, rng)
    before = np.abs(plate.astype(int) - picture).mean()
    after = np.abs(match_exposure(plate, picture).plate.astype(int) - picture).mean()
    assert after < 3
    assert after < 0.4 * before


def test_only_valid_pixels_count():
    """The right two thirds are something else; told so, the left one is enough."""
    background, plate, rng = scene(5)
    light = 0.85 * background
    light[:, 107:] = 0.5 * background[:, 107:]
    valid = np.zeros(SIZE, bool)
    valid[:, :107] = True
    picture = photographed(light, rng)
    np.testing.assert_allclose(match_exposure(plate, picture, valid).gains, 0.85, rtol=0.015)
    assert abs(match_exposure(plate, picture).gains[1] - 0.85) > 0.1


def test_clipped_light_does_not_count():
    background, plate, rng = scene(6)
    background[:120], plate[:120] = 255, 255
    np.testing.assert_allclose(match_exposure(plate, photographed(1.2 * background, rng)).gains, 1.2, rtol=0.02)


@pytest.mark.parametrize("level", [0, 255])
def test_without_a_measure_nothing_changes(level):
    plate = np.full((*SIZE, 3), level, np.uint8)
    found = match_exposure(plate, np.full((*SIZE, 3), 120, np.uint8))
    assert found.gains == (1.0, 1.0, 1.0)
    assert not found.is_off
    np.testing.assert_array_equal(found.plate, plate)


def test_gains_beyond_reason_are_those_of_another_scene():
    dark, bright = np.full((*SIZE, 3), 60, np.uint8), np.full((*SIZE, 3), 180, np.uint8)
    assert match_exposure(dark, bright).gains == (1.0, 1.0, 1.0)
    assert match_exposure(bright, dark).gains == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_plate_of_another_scene_stays_as_it_is(seed):
    _, plate, _ = scene(seed)
    _, other, _ = scene(seed + 100)
    assert match_exposure(plate, other).plate is plate


@pytest.mark.parametrize("seed", range(4))
def test_a_gain_within_the_noise_leaves_the_plate_as_it_is(seed):
    background, plate, rng = scene(seed)
    assert match_exposure(plate, photographed(1.005 * background, rng)).plate is plate
    assert match_exposure(plate, photographed(1.03 * background, rng)).gains[1] == pytest.approx(1.03, abs=0.01)


def test_a_large_dark_subject_before_a_wall_is_no_exposure():
    rng = np.random.default_rng(0)
    wall = np.full((*SIZE, 3), (150.0, 160.0, 170.0))
    light = wall.copy()
    light[:, :190] *= 0.6
    assert match_exposure(photographed(wall, rng), photographed(light, rng)).gains == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("gain", [0.9, 1.12])
def test_the_gains_are_found_though_a_subject_covers_two_thirds(gain):
    background, plate, rng = scene(3)
    light = background * gain
    light[:, 107:] = 230 * textures.background(rng, SIZE)[:, 107:]
    np.testing.assert_allclose(match_exposure(plate, photographed(light, rng)).gains, gain, rtol=0.02)


def test_a_gain_of_a_plate_is_rounded_and_clipped():
    plate = np.arange(40, 240, dtype=np.uint8).repeat(600).reshape(200, 200, 3)
    picture = np.rint(plate * 0.5).astype(np.uint8)
    found = match_exposure(plate, picture)
    np.testing.assert_allclose(found.gains, 0.5, rtol=0.02)
    exact = plate * np.array(found.gains)
    assert np.abs(found.plate - exact).max() <= 0.5 + 255 / 2**11  # OpenCV's gains have ten bits after the point


@pytest.mark.parametrize("seed", range(4))
def test_a_window_that_is_white_in_both_does_not_hide_the_exposure_of_the_room(seed):
    background, _, rng = scene(seed)
    background[:, 110:] = 400
    plate, picture = photographed(background, rng), photographed(0.8 * background, rng)
    np.testing.assert_allclose(match_exposure(plate, picture).gains, 0.8, rtol=0.015)
