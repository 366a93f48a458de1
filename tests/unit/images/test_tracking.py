"""Movements that are known, as the tracker of plates sees them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omz.images.compositing import to_uint8
from omz.images.copies import Copies
from omz.images.tracking import Tracked, track
from omz.synthesis import textures

SIZE = (540, 960)


def shot(seed: int, right: float = 0.0, gain: float = 1.0, subject: bool = False, noise: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scene = np.clip(textures.cluttered(rng, (600, 1020), textures.palette(rng, 4)), 0, 1).astype(np.float32)
    seen = cv2.warpAffine(scene, np.float32([[1, 0, -30 - right], [0, 1, -30]]), SIZE[::-1], flags=cv2.INTER_CUBIC)
    if subject:
        seen[150:, 350:650] = (0.2, 0.4, 0.7)
    grain = np.random.default_rng(noise).normal(0, 0.008, seen.shape).astype(np.float32)
    return to_uint8(np.clip(seen * gain + grain, 0, 1).astype(np.float32))


def tracked_from(plate: np.ndarray, picture: np.ndarray, *more: object) -> Tracked | None:
    return track(Copies(plate), Copies(picture), *more)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("right", [0.0, 0.3, 2.0, 9.0])
def test_a_shift_is_measured_and_noise_is_none(exact, right):
    """0.15 pixels of a copy 960 wide are 0.3 at 1080p; here the threshold is at 0.1."""
    for seed in range(3):
        tracked = tracked_from(shot(seed), shot(seed, right, 1.05, subject=True, noise=9), None, exact)
        assert tracked is not None
        assert tracked.shift == pytest.approx(right, abs=0.08)
        assert tracked.is_still == (right == 0)
        assert tracked.homography[0, 2] == pytest.approx(-right, abs=0.6)


def test_a_shift_is_measured_against_what_is_expected():
    expected = np.array([[1.0, 0, -9], [0, 1, 0], [0, 0, 1]])
    tracked = tracked_from(shot(1), shot(1, 9, noise=3), expected)
    assert tracked is not None
    assert tracked.is_still
    tracked = tracked_from(shot(1), shot(1, 0, noise=3), expected)
    assert tracked is not None
    assert tracked.shift == pytest.approx(9, abs=0.1)


@pytest.mark.parametrize("size", [(1, 1), (2, 30), (90, 120)])
def test_without_points_there_is_no_answer(size):
    flat = np.full((*size, 3), 90, np.uint8)
    assert tracked_from(flat, flat) is None


def test_another_scene_is_not_still():
    tracked = tracked_from(shot(1), shot(2))
    assert tracked is None or not tracked.is_still
