from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from omz.images.blurring import blur_behind
from omz.synthesis.scene import make_scene

SIZE = (200, 320)


@pytest.fixture
def picture() -> np.ndarray:
    """Noise, and a slope from dark to bright below it."""
    noise = np.random.default_rng(0).integers(-40, 41, (*SIZE, 3))
    return (np.linspace(60, 190, SIZE[1])[None, :, None] + noise).clip(0, 255).astype(np.uint8)


def disc(radius: float = 60) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.where(np.hypot(y - 100, x - 160) < radius, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("strength", [2, 5, 16])
def test_without_a_subject_it_is_the_box_of_open_model_zoo(picture, strength):
    np.testing.assert_array_equal(
        blur_behind(picture, np.zeros(SIZE, np.uint8), strength), cv2.blur(picture, (strength, strength))
    )


@pytest.mark.parametrize("strength", [23, 41, 90])
def test_a_strong_blur_is_nearly_that_box(picture, strength):
    """Away from the border, which the two continue differently; noise of 23 levels becomes one of less than one."""
    box = uniform_filter(picture.astype(np.float64), (strength, strength, 0), mode="reflect")
    inside = (slice(strength, -strength), slice(strength, -strength))
    assert np.abs(blur_behind(picture, np.zeros(SIZE, np.uint8), strength) - box)[inside].max() < 4


@pytest.mark.parametrize("strength", [0, 1])
def test_no_strength_is_no_blur(picture, strength):
    assert blur_behind(picture, disc(), strength) is picture


@pytest.mark.parametrize("strength", [3, 15, 31, 120])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_colours_of_the_subject_reach_nothing(picture, strength, dtype):
    alpha = disc().astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    green = np.where(disc()[..., None] > 0, np.array([0, 255, 0], np.uint8), picture)
    black = np.where(disc()[..., None] > 0, np.uint8(0), picture)
    np.testing.assert_array_equal(blur_behind(green, alpha, strength), blur_behind(black, alpha, strength))


@pytest.mark.parametrize("strength", [5, 31, 120])
def test_a_background_of_one_colour_stays_so_without_a_halo(strength):
    """Behind the subject, too, as far as it may be from what can be seen."""
    picture = np.where(disc()[..., None] > 0, np.array([250, 10, 90], np.uint8), np.uint8(140))
    assert np.abs(blur_behind(picture, disc(), strength).astype(int) - 140).max() <= 2


@pytest.mark.parametrize("strength", [7, 31])
def test_near_the_subject_it_is_a_mean_of_the_background_alone(picture, strength):
    """The normalised box: weighted by the background, divided by the weight; scipy computes it."""
    weight = (disc() == 0).astype(np.float64)
    box = uniform_filter(picture * weight[..., None], (strength, strength, 0), mode="mirror")
    share = uniform_filter(weight, strength, mode="mirror")
    beside = (weight == 1) & (share < 0.9) & (share > 0.4)
    assert beside.sum() > 200
    error = np.abs(blur_behind(picture, disc(), strength) - box / np.maximum(share, 0.1)[..., None])
    assert error[beside].mean() < 6  # where the subject bled in, it would be tens


def test_a_subject_that_fills_the_picture_leaves_a_blur_and_no_black(picture):
    blurred = blur_behind(picture, np.full(SIZE, 255, np.uint8), 31)
    assert blurred.shape == picture.shape
    assert abs(blurred.mean() - picture.mean()) < 3


def test_a_single_pixel_of_background_is_enough():
    alpha = np.full(SIZE, 255, np.uint8)
    alpha[16:24, 16:24] = 0
    picture = np.full((*SIZE, 3), 10, np.uint8)
    picture[16:24, 16:24] = (80, 120, 200)
    assert np.abs(blur_behind(picture, alpha, 31).reshape(-1, 3) - np.array([80.0, 120, 200])).max() <= 4


def test_a_soft_edge_bleeds_little():
    """The same scene with a black and a white subject: what differs is what bled."""
    scene = make_scene(3, (270, 480), "blur")
    levels = np.rint(scene.alpha * 255).astype(np.uint8)
    background, weight = scene.plate.astype(np.float64), scene.alpha[..., None].astype(np.float64)
    black, white = (np.rint(weight * colour + (1 - weight) * background).astype(np.uint8) for colour in (0, 255))
    seen = scene.alpha < 0.5
    bled = np.abs(blur_behind(white, levels, 9).astype(int) - blur_behind(black, levels, 9))[seen]
    naive = np.abs(cv2.blur(white, (9, 9)).astype(int) - cv2.blur(black, (9, 9)))[seen]
    assert bled.mean() < 0.1 * naive.mean()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (101, 67)])
def test_any_size(size):
    picture = np.full((*size, 3), 77, np.uint8)
    blurred = blur_behind(picture, np.zeros(size, np.uint8), 40)
    assert blurred.shape == picture.shape
    assert (blurred == 77).all()
