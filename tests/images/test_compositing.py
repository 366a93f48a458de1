from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from omz.images.compositing import blend, composite, cover, cutout, cutout_levels, to_uint8


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
