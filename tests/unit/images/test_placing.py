from __future__ import annotations

import numpy as np
import pytest

from omz.images.placing import place

WAYS = ("cover", "contain", "stretch", "tile")


def gradient(height: int, width: int) -> np.ndarray:
    """Blue grows to the right, green downwards, both from 0 to 240."""
    y, x = np.mgrid[:height, :width]
    return np.dstack([240 * x / (width - 1), 240 * y / (height - 1), np.full((height, width), 99)]).astype(np.uint8)


@pytest.mark.parametrize("fit", WAYS)
@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (64, 99), (65, 100)])
def test_the_size_is_the_one_asked_for(fit, size):
    placed = place(gradient(64, 100), size, fit)
    assert placed.shape == (*size, 3)
    assert placed.dtype == np.uint8


@pytest.mark.parametrize("fit", WAYS)
def test_nothing_is_done_where_nothing_is_to_be_done(fit):
    target = gradient(64, 100)
    assert place(target, (64, 100), fit) is target


@pytest.mark.parametrize("fit", WAYS)
def test_a_single_pixel_is_a_colour(fit):
    placed = place(np.array([[[1, 2, 3]]], np.uint8), (30, 40), fit)
    assert np.unique(placed.reshape(-1, 3), axis=0).tolist() == [[1, 2, 3]]
    assert placed.shape == (30, 40, 3)


def test_contain_shows_the_whole_in_the_middle_between_bars():
    placed = place(gradient(50, 100), (100, 100), "contain")
    assert (placed[:25] == 0).all()
    assert (placed[75:] == 0).all()
    np.testing.assert_array_equal(placed[25:75], gradient(50, 100))
    tall = place(gradient(50, 100), (50, 301), "contain")
    assert [(tall[:, x] == 0).all() for x in (0, 99, 100, 199, 200, 300)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


def test_cover_cuts_both_sides_alike():
    placed = place(gradient(50, 101), (50, 51), "cover")
    np.testing.assert_array_equal(placed, gradient(50, 101)[:, 25:76])


def test_stretch_keeps_the_corners_and_not_the_proportions():
    placed = place(gradient(50, 100), (200, 100), "stretch").astype(int)
    expected = gradient(200, 100).astype(int)
    assert np.abs(placed - expected).max() <= 3


def test_tile_repeats_at_its_own_size_from_the_upper_left_corner():
    target = np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8)
    y, x = np.mgrid[:50, :60]
    np.testing.assert_array_equal(place(target, (50, 60), "tile"), target[y % 13, x % 17])
    np.testing.assert_array_equal(place(target, (5, 60), "tile"), target[(y % 13)[:5], (x % 17)[:5]])
