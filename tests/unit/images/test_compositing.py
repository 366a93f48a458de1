from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from omz.images.compositing import blend, blur_behind, composite, cover, cutout, cutout_levels, in_shadow, to_uint8
from omz.images.transparency import premultiplied
from omz.synthesis.scene import make_scene


def test_composite_is_the_formula_rounded():
    rng = np.random.default_rng(0)
    alpha = rng.random((20, 30), np.float32)
    foreground = rng.random((20, 30, 3), np.float32)
    target = rng.integers(0, 256, (20, 30, 3), np.uint8)
    exact = (
        255.0 * alpha[..., None].astype(np.float64) * foreground + (1 - alpha[..., None].astype(np.float64)) * target
    )
    assert np.abs(composite(alpha, foreground, target) - exact).max() <= 0.5 + 1e-3


def test_compositing_the_cutout_is_the_composite_within_a_level():
    rng = np.random.default_rng(1)
    alpha, foreground = rng.random((20, 30), np.float32), rng.random((20, 30, 3), np.float32)
    target = rng.integers(0, 256, (20, 30, 3), np.uint8)
    rgba = cutout(alpha, foreground).astype(np.float64)
    weight = rgba[..., 3:] / 255
    placed = weight * rgba[..., :3] + (1 - weight) * target
    assert np.abs(placed - composite(alpha, foreground, target)).max() <= 1.5


def test_values_are_clipped_and_rounded_to_the_nearest():
    values = np.array([[-1, 0, 0.4999 / 255, 0.501 / 255, 0.5, 1, 2, 254.6 / 255]], np.float32)
    assert to_uint8(values).tolist() == [[0, 0, 0, 1, 128, 255, 255, 255]]


def test_every_level_survives():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(to_uint8(levels.astype(np.float32) / 255), levels)


def test_cover_fills_the_size_with_the_middle_of_the_target():
    target = np.zeros((100, 300, 3), np.uint8)
    target[:, 100:200] = 255
    covered = cover(target, (50, 50))
    assert covered.shape == (50, 50, 3)
    assert covered.min() == 255
    assert cover(target[:7, :5], (64, 99)).shape == (64, 99, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_blend_of_levels_is_the_formula_rounded(dtype):
    """Every alpha of 8 bits with colours of every kind; numpy's double precision is the second opinion."""
    full = np.iinfo(dtype).max
    rng = np.random.default_rng(2)
    alpha = rng.integers(0, full, (256, 300), dtype, endpoint=True)
    alpha[:, :256] = np.arange(256, dtype=dtype)[None] * (full // 255)
    foreground, target = (rng.integers(0, 256, (256, 300, 3), np.uint8) for _ in range(2))
    weight = alpha[..., None].astype(np.float64) / full
    exact = weight * foreground + (1 - weight) * target
    blended = blend(alpha, foreground, target)
    assert blended.dtype == np.uint8
    assert np.abs(blended - exact).max() <= 0.5 + 1e-3
    np.testing.assert_array_equal(blended[:, 0], target[:, 0])
    np.testing.assert_array_equal(blended[:, 255], foreground[:, 255])


def test_what_is_of_one_colour_stays_so_whatever_the_alpha():
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for level in (0, 1, 127, 128, 254, 255):
        picture = np.full((16, 16, 3), level, np.uint8)
        np.testing.assert_array_equal(blend(alpha, picture, picture), picture)


def test_the_blend_does_not_change_what_it_is_given():
    rng = np.random.default_rng(3)
    alpha, foreground = rng.integers(0, 256, (9, 7), np.uint8), rng.integers(0, 256, (9, 7, 3), np.uint8)
    target = np.broadcast_to(np.array([1, 2, 3], np.uint8), (9, 7, 3))
    given = alpha.copy(), foreground.copy(), target.copy()
    blend(alpha, foreground, target)
    for now, before in zip((alpha, foreground, target), given, strict=True):
        np.testing.assert_array_equal(now, before)


def test_a_full_hd_frame_is_blended_by_one_core_in_25_ms():
    rng = np.random.default_rng(4)
    foreground, target = (rng.integers(0, 256, (1080, 1920, 3), np.uint8) for _ in range(2))
    alpha = foreground[..., 0].copy()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        seconds = []
        for _ in range(15):
            begun = time.thread_time()  # of this thread's work, however busy the machine
            blend(alpha, foreground, target)
            seconds.append(time.thread_time() - begun)
    finally:
        cv2.setNumThreads(threads)
    assert min(seconds) < 0.025


def test_a_cutout_holds_the_levels_and_the_colours():
    rng = np.random.default_rng(5)
    foreground = rng.integers(0, 256, (20, 30, 3), np.uint8)
    alpha = rng.integers(0, 256, (20, 30), np.uint8)
    rgba = cutout_levels(alpha, foreground)
    assert (rgba.dtype, rgba.shape) == (np.uint8, (20, 30, 4))
    np.testing.assert_array_equal(rgba[..., 3], alpha)
    np.testing.assert_array_equal(rgba[..., :3], foreground)


def test_a_deep_cutout_keeps_white_white():
    foreground = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, axis=2)
    alpha = np.random.default_rng(6).integers(0, 65536, (16, 16), np.uint16)
    rgba = cutout_levels(alpha, foreground)
    assert rgba.dtype == np.uint16
    np.testing.assert_array_equal(rgba[..., 3], alpha)
    np.testing.assert_array_equal(rgba[..., :3].astype(np.float64) / 65535, foreground.astype(np.float64) / 255)


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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cutout_with_a_shadow_darkens_what_it_is_put_before(dtype):
    """Straight alpha, put before a target by the formula, is the target with less light, and the subject before it."""
    full = np.iinfo(dtype).max
    rng = np.random.default_rng(4)
    alpha, shadow = rng.integers(0, full, (2, 60, 80), dtype, endpoint=True)
    alpha[:20], shadow[10:30] = 0, 0
    alpha[40:50] = full
    foreground, target = rng.integers(0, 256, (2, 60, 80, 3), np.uint8)
    rgba = cutout_levels(alpha, foreground, shadow)
    assert rgba.dtype == dtype
    weight = rgba[..., 3:].astype(np.float64) / full
    placed = 255 / full * weight * rgba[..., :3] + (1 - weight) * target
    share, light = (plane[..., None].astype(np.float64) / full for plane in (alpha, full - shadow))
    exact = share * foreground + (1 - share) * light * target
    assert np.abs(placed - exact).max() <= 1.01
    composite_before = blend(alpha, foreground, in_shadow(target, shadow))
    assert np.abs(composite_before - exact).max() <= 1.01
    np.testing.assert_array_equal(rgba[10:20, :, 3], 0)
    np.testing.assert_array_equal(rgba[10:20, :, :3] // (full // 255), foreground[10:20])


def test_a_shadow_falls_on_a_transparent_target_as_black_before_it():
    rng = np.random.default_rng(5)
    opacity, shadow = rng.integers(0, 256, (2, 40, 50), np.uint8)
    colours, behind = rng.integers(0, 256, (2, 40, 50, 3), np.uint8)
    fallen = in_shadow(premultiplied(colours, opacity), shadow).astype(np.float64)
    seen = fallen[..., :3] + (1 - fallen[..., 3:] / 255) * behind
    weight = opacity[..., None] / 255
    unshaded = weight * colours + (1 - weight) * behind
    assert np.abs(seen - (1 - shadow[..., None] / 255) * unshaded).max() <= 2
