"""The shadow that a subject casts, against scenes whose shadow is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.shadows import shadowed

from omz.images.compositing import to_uint8
from omz.images.refining.cast_shadow import cast_shadow


def found(scene) -> np.ndarray:
    return cast_shadow(scene.picture, scene.plate, to_uint8(scene.alpha))


def seen(scene, shadow: np.ndarray) -> np.ndarray:
    """How far a shadow darkens what is behind the subject."""
    return shadow * (1 - scene.alpha)


@pytest.mark.parametrize("strength", [0.15, 0.4, 0.6])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_soft_shadow_is_measured(strength, seed):
    scene = shadowed(strength, seed=seed)
    error = np.abs(seen(scene, found(scene)) - seen(scene, scene.shadow)).mean()
    assert error < 0.15 * seen(scene, scene.shadow).mean()


def test_it_is_measured_in_large_images_as_in_small_ones():
    scene = shadowed(size=(1080, 1920))
    error = np.abs(seen(scene, found(scene)) - seen(scene, scene.shadow)).mean()
    assert error < 0.15 * seen(scene, scene.shadow).mean()


def test_it_goes_on_below_the_soft_edge_of_the_subject():
    """Hair lets the background through, and its shadow."""
    scene = shadowed()
    edge = (scene.alpha > 0.02) & (scene.alpha < 0.98) & (scene.shadow > 0.3)
    assert edge.sum() > 50
    assert np.abs(found(scene) - scene.shadow)[edge].mean() < 0.1 * scene.shadow[edge].mean()


def test_where_there_is_none_none_is_found():
    scene = shadowed(strength=0)
    assert seen(scene, found(scene)).mean() < 1e-3
    assert seen(scene, found(scene)).max() < 0.05


def test_a_subject_without_an_outline_casts_none():
    scene = shadowed()
    assert not cast_shadow(scene.picture, scene.plate, np.zeros(scene.alpha.shape, np.uint8)).any()
    assert np.isfinite(cast_shadow(scene.picture, scene.plate, np.full(scene.alpha.shape, 255, np.uint8))).all()


def test_a_dark_patch_far_from_the_subject_is_not_its_shadow():
    scene = shadowed()
    y, x = np.mgrid[: scene.alpha.shape[0], : scene.alpha.shape[1]]
    cloud = cv2.GaussianBlur((np.hypot(y - 50, x - 60) < 30).astype(np.float32), (0, 0), 3)
    darker = np.rint(scene.picture * (1 - 0.4 * cloud[..., None])).astype(np.uint8)
    shadow = cast_shadow(darker, scene.plate, to_uint8(scene.alpha))
    assert shadow[10:95, 20:110].max() < 0.01
    assert shadow == pytest.approx(found(scene), abs=0.02)


def test_what_changes_colour_is_no_shadow():
    scene = shadowed(strength=0)
    tinted = scene.picture.astype(np.float32)
    tinted[150:220, 320:390] *= (0.4, 0.9, 0.9)
    shadow = cast_shadow(np.rint(tinted).astype(np.uint8), scene.plate, to_uint8(scene.alpha))
    assert shadow[155:215, 325:385].mean() < 0.03


def test_an_image_that_is_darker_as_a_whole_has_no_shadow_for_that():
    scene = shadowed()
    darker = np.rint(scene.picture * 0.85).astype(np.uint8)
    shadow = cast_shadow(darker, scene.plate, to_uint8(scene.alpha))
    assert shadow == pytest.approx(found(scene), abs=0.04)


def test_a_plate_of_another_scene_shows_no_shadow():
    scene = shadowed()
    assert cast_shadow(scene.picture, shadowed(seed=1).plate, to_uint8(scene.alpha)).mean() < 1e-3


def test_noise_in_dark_places_is_no_shadow():
    rng = np.random.default_rng(0)
    scene = shadowed(strength=0)
    dark = np.zeros(scene.alpha.shape, bool)
    dark[:, 300:] = True
    picture, plate = scene.picture.copy(), scene.plate.copy()
    for image in (picture, plate):
        image[dark] = rng.integers(0, 6, (dark.sum(), 3))
    assert seen(scene, cast_shadow(picture, plate, to_uint8(scene.alpha))).mean() < 2e-3


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 5), (33, 1400), (719, 1281)])
def test_any_size_gives_a_finite_shadow_of_that_size(size):
    rng = np.random.default_rng(size[1])
    picture, plate = rng.integers(0, 256, (2, *size, 3), np.uint8)
    shadow = cast_shadow(picture, plate, rng.integers(0, 256, size, np.uint8))
    assert shadow.shape == size
    assert shadow.dtype == np.float32
    assert 0 <= shadow.min() <= shadow.max() <= 1
