"""A background of two planes that a step of the camera moves by different distances."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omz.images import parallax
from omz.images.compositing import to_uint8
from omz.images.copies import Copies
from omz.images.parallax import Bend, warp

SIZE = (360, 640)


def pair(seed: int, near: float, subject: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plate, picture, and the picture without its subject; the lower half of the plate is shifted by ``near``."""
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.normal(0, 1, (400, 700, 3)).astype(np.float32), (0, 0), size) for size in (2, 8)]
    scene = np.clip(0.5 + sum(0.12 * layer / layer.std() for layer in layers), 0, 1)
    far = scene[20:380, 30:670]
    moved = cv2.warpAffine(scene, np.float32([[1, 0, near - 30], [0, 1, -20]]), SIZE[::-1], flags=cv2.INTER_CUBIC)
    plate = np.concatenate([far[:180], moved[180:]])
    picture = far.copy()
    if subject:
        picture[100:300, 250:400] = (0.9, 0.2, 0.3)
    noisy = [each + rng.normal(0, 0.006, each.shape).astype(np.float32) for each in (plate, picture)]
    plate, picture = (to_uint8(np.clip(each, 0, 1).astype(np.float32)) for each in noisy)
    return plate, picture, to_uint8(far.astype(np.float32))


def find_field(plate: np.ndarray, picture: np.ndarray, homography: np.ndarray) -> Bend | None:
    return parallax.find_field(Copies(plate), Copies(picture), homography)


def off(plate: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean difference in the near plane, away from its edges."""
    part = np.s_[200:350, 20:-20]
    return float(np.abs(plate[part].astype(int) - truth[part]).mean())


@pytest.mark.parametrize("near", [1.5, 3.0, -4.0])
def test_what_is_near_comes_back_also_behind_a_subject(near):
    for seed in range(3):
        plate, picture, truth = pair(seed, near)
        field = find_field(plate, picture, np.eye(3))
        assert field is not None
        assert off(warp(plate, np.eye(3), field), truth) < 0.75 * off(plate, truth)
        assert field.shape == (90, 160, 2)
        assert 640 * np.abs(field[10:35, 5:-5]).mean() < 0.3
        assert 640 * np.median(field[55:85, 5:-5, 0]) == pytest.approx(near, abs=0.5)


def test_a_plate_that_fits_is_not_bent():
    plate, picture, _ = pair(1, 0)
    assert find_field(plate, picture, np.eye(3)) is None


def test_another_scene_is_not_bent_into_this_one():
    field = find_field(pair(1, 0)[0], pair(9, 0)[1], np.eye(3))
    assert field is None or 640 * np.abs(field).max() < 6.5


@pytest.mark.parametrize("size", [(12, 1280), (30, 1280), (1280, 30), (9, 9)])
def test_a_narrow_image_is_not_bent(size):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert find_field(picture, np.roll(picture, 1, axis=1), np.eye(3)) is None


def test_strips_make_the_same_picture(monkeypatch):
    plate, picture, _ = pair(2, 3)
    field = find_field(plate, picture, np.eye(3))
    move = np.array([[1.0, 0.01, 3], [-0.01, 1, 2], [0, 0, 1]])
    whole = warp(plate, move, field)
    monkeypatch.setattr(parallax, "_ROWS", 40)
    np.testing.assert_array_equal(warp(plate, move, field), whole)
