"""Highlights that a plate lost; the truth is the light of the scene, which knows no limit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omz.images.arrays import Gains
from omz.images.exposure import scale_channels
from omz.images.highlights import restore_highlights

SIZE = (180, 320)
GAINS: Gains = (0.84, 0.87, 0.9)
ROUNDED = 1.5  # levels that two roundings change


def light(seed: int, most: float) -> np.ndarray:
    """A smooth scene of 0 to ``most`` levels, (H, W, 3) in floats."""
    coarse = np.random.default_rng(seed).uniform(0, most, (6, 9, 3)).astype(np.float32)
    return cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_LINEAR)


def taken(scene: np.ndarray, gains: Gains = (1.0, 1.0, 1.0)) -> np.ndarray:
    return np.clip(scene * gains, 0, 255).round().astype(np.uint8)


def darkened(scene: np.ndarray, gains: Gains = GAINS) -> np.ndarray:
    """A plate that shows the scene at its own exposure, with that of a picture which is darker by ``gains``."""
    return scale_channels(taken(scene), gains)


@pytest.mark.parametrize("seed", range(4))
def test_what_a_plate_lost_comes_from_the_picture(seed):
    scene = light(seed, 300)
    plate, picture = darkened(scene), taken(scene, GAINS)
    restored = restore_highlights(plate, picture, GAINS)
    was_clipped = (scene > 256).any(axis=2)
    assert 0.01 < was_clipped.mean() < 0.5
    before, after = (np.abs(each - scene * GAINS)[was_clipped].max() for each in (plate, restored))
    assert before > 20
    assert after < before / 2  # of a whole area without colour, what is far from its median stays
    assert np.abs(restored - scene * GAINS).mean() < 1
    surely_not = scene < 240
    np.testing.assert_array_equal(restored[surely_not], plate[surely_not])


def test_a_channel_that_is_clipped_says_nothing_of_the_others():
    """An orange wall, of which the plate shows all but red; before it something as red, but not orange."""
    scene = np.full((*SIZE, 3), (60, 140, 280), np.float32)
    picture = taken(scene, GAINS)
    picture[60:120, 100:200] = 30, 40, 250
    restored = restore_highlights(darkened(scene), picture, GAINS)
    np.testing.assert_allclose(restored[..., :2], np.broadcast_to(taken(scene, GAINS), restored.shape)[..., :2])
    np.testing.assert_allclose(restored[:50, ..., 2], 252, atol=ROUNDED)


@pytest.mark.parametrize("level", [20, 120, 250])
def test_a_subject_before_a_white_wall_is_not_restored_away(level):
    """The wall is 196 in the picture, and clipped in the plate, where it becomes 178."""
    gains = (0.7, 0.7, 0.7)
    scene = np.full((*SIZE, 3), 280, np.float32)
    picture = taken(scene, gains)
    picture[40:, 100:200] = level
    restored = restore_highlights(darkened(scene, gains), picture, gains).astype(int)
    np.testing.assert_allclose(restored[:30], 196, atol=ROUNDED)
    assert np.abs(restored - picture)[50:, 110:190].min() > 36
    assert np.abs(restored - scene * gains)[50:, 110:190].max() < 18


def test_walls_of_different_brightness_are_restored_each_by_itself():
    scene = np.full((*SIZE, 3), 100, np.float32)
    scene[20:160, 20:140], scene[20:160, 180:300] = 262, 290
    restored = restore_highlights(darkened(scene), taken(scene, GAINS), GAINS)
    np.testing.assert_allclose(restored, taken(scene, GAINS), atol=ROUNDED)


@pytest.mark.parametrize("gains", [(1.0, 1.0, 1.0), (1.2, 1.1, 1.05)])
def test_a_plate_that_was_exposed_less_stays_as_it_is(gains):
    plate = darkened(light(0, 300), gains)
    assert restore_highlights(plate, taken(light(1, 300)), gains) is plate


def test_a_plate_without_highlights_stays_as_it_is():
    plate = darkened(light(0, 240))
    assert restore_highlights(plate, taken(light(0, 300), GAINS), GAINS) is plate


def test_an_area_in_which_nothing_is_bright_enough_stays_as_it_is():
    scene = np.full((*SIZE, 3), 280, np.float32)
    plate = darkened(scene)
    np.testing.assert_array_equal(restore_highlights(plate, np.full_like(plate, 90), GAINS), plate)
