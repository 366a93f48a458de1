from __future__ import annotations

import numpy as np

from omz.images.compositing import composite, cover, cutout, to_uint8


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
