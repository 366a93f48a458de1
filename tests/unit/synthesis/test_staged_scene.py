from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from helpers.layers import small_cache

from omz.synthesis.camera import Drift
from omz.synthesis.staged_scene import Stage, StagedScenes
from omz.synthesis.staging import Shadow

SIZE = (96, 128)
PARTS = ("image", "plate", "alpha", "foreground", "background")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> StagedScenes:
    return StagedScenes(small_cache(tmp_path_factory.mktemp("layers") / "cache"))


def same(one, other) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PARTS)


@pytest.mark.parametrize("size", [(96, 128), (200, 120), (512, 512)])
def test_every_scene_is_whole(scenes, size):
    for index in range(12):
        scene = scenes(0, index, size)
        for name in PARTS:
            image = getattr(scene, name)
            assert image.dtype == np.uint8
            assert image.shape == (size if name == "alpha" else (*size, 3))


def test_a_scene_is_of_its_seed_its_index_and_its_size_alone(scenes):
    first = scenes(3, 5, SIZE)
    for index in range(4):
        scenes(9, index, SIZE)  # what was made in between does not matter
    assert same(first, pickle.loads(pickle.dumps(scenes))(3, 5, SIZE))
    assert not same(first, scenes(3, 6, SIZE))
    assert not same(first, scenes(4, 5, SIZE))


def test_other_layers_or_another_stage_have_another_identity(scenes):
    assert pickle.loads(pickle.dumps(scenes)).identity == scenes.identity
    fewer = replace(scenes, cache=replace(scenes.cache, counts=(2, 3, 3)))
    still = replace(scenes, stage=Stage(only_drift=Drift()))
    assert len({scenes.identity, fewer.identity, still.identity}) == 3


def test_the_image_is_the_foreground_before_the_background(scenes):
    quiet = replace(scenes, stage=Stage(only_drift=Drift(), shadow=0.0, distraction=0.0))
    for index in range(20):
        scene = quiet(1, index, SIZE)
        np.testing.assert_array_equal(scene.plate, scene.background)
        alpha = scene.alpha[..., None] / 255
        expected = alpha * scene.foreground + (1 - alpha) * scene.background
        assert np.abs(scene.image - expected).max() <= 1.6  # all of them are rounded


def test_a_shadow_is_in_the_background_and_not_in_the_plate(scenes):
    stage = Stage(
        only_drift=Drift(), only_shadow=Shadow(0.5, (0.1, 0.0), 0.02), several=0.0, empty=0.0, distraction=0.0
    )
    scene = replace(scenes, stage=stage)(1, 2, SIZE)
    dark = scene.background.sum(axis=2, dtype=int) < 0.75 * scene.plate.sum(axis=2, dtype=int)
    assert dark[scene.alpha == 0].mean() > 0.005


def test_scenes_differ_in_drift_alone_where_that_is_all_that_differs(scenes):
    still = replace(scenes, stage=Stage(only_drift=Drift(noise=0.01), shadow=0.0))
    shaken = replace(scenes, stage=Stage(only_drift=Drift(shift=(1.8, -0.9), noise=0.01), shadow=0.0))
    for index in range(6):
        one, other = still(2, index, SIZE), shaken(2, index, SIZE)
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.alpha, other.alpha)
        assert not np.array_equal(one.plate, other.plate)


def test_a_share_of_scenes_is_empty(scenes):
    empty = replace(scenes, stage=Stage(empty=1.0))(0, 0, SIZE)
    assert not empty.alpha.any()


def test_noise_is_that_of_the_drift(scenes):
    noisy = replace(scenes, stage=Stage(only_drift=Drift(noise=0.02), shadow=0.0, distraction=0.0, empty=1.0))
    scene = noisy(0, 3, (256, 256))
    found = (scene.image.astype(float) - scene.plate)[scene.background.min(axis=2) > 40].std()
    assert 0.02 * 255 * 0.9 < found < 0.02 * 255 * 1.5  # that of a plate may be less
