from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.layers import small_cache

from omz.errors import ModelFileError
from omz.synthesis.staged_scene import StagedScenes
from omz.training.batches import HELD_OUT, band, batches, make_batch, settling_batches
from omz.training.drawn_scenes import drawn_scene
from omz.training.recipe import Recipe, Stage
from omz.training.validation import held_out_scenes

RECIPE = Recipe(
    (Stage("small", ((32, 32), (24, 40)), 3, 5, 1e-3), Stage("large", ((64, 64),), 2, 3, 1e-3, settled=True)),
    {"widths": (4, 6), "depths": (1, 1)},
)


def test_batches_depend_on_the_step_alone():
    first = list(batches(RECIPE, 0, drawn_scene, workers=0))
    later = list(batches(RECIPE, 4, drawn_scene, workers=0))
    assert len(first) == 8
    assert torch.equal(first[4].image, later[0].image)
    assert [tuple(batch.alpha.shape) for batch in first] == [
        (3, 32, 32), (3, 24, 40), (3, 32, 32), (3, 24, 40), (3, 32, 32), (2, 64, 64), (2, 64, 64), (2, 64, 64),
    ]  # fmt: skip
    assert not torch.equal(first[0].image, first[2].image)


def test_workers_make_the_same_batches():
    here = list(batches(replace(RECIPE, stages=RECIPE.stages[:1]), 2, drawn_scene, workers=0))
    there = list(batches(replace(RECIPE, stages=RECIPE.stages[:1]), 2, drawn_scene, workers=1))
    for one, other in zip(here, there, strict=True):
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.contrast, other.contrast)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_scene_that_cannot_be_made_is_told_as_it_is(tmp_path, workers):
    """Without a trace of the process in which that was found."""
    cache = small_cache(tmp_path / "layers")
    for path in (cache.folder / "plates").iterdir():
        path.write_bytes(b"not an image")
    with pytest.raises(ModelFileError, match=r"^[^\n]*/plates/0000\d\.jpg is not an image; [^\n]*$"):
        list(batches(RECIPE, 0, StagedScenes(cache), workers))


def test_a_batch_is_rgb_and_true():
    batch = make_batch(drawn_scene, 0, range(2), (40, 56))
    scenes = [drawn_scene(0, index, (40, 56)) for index in range(2)]
    image, plate = batch.inputs(torch.device("cpu"))
    truth = batch.truth(torch.device("cpu"))
    for index, scene in enumerate(scenes):
        for tensor, array in ((image, scene.image), (plate, scene.plate)):
            expected = (array[..., ::-1].astype(np.float32) / np.float32(255)).transpose(2, 0, 1)
            np.testing.assert_array_equal(tensor[index].numpy(), expected)
        np.testing.assert_array_equal(truth.alpha[index, 0].numpy(), scene.alpha.astype(np.float32) / np.float32(255))
        colours = (scene.foreground.astype(float), scene.background.astype(float))
        contrast = np.abs(colours[0] - colours[1]).mean(2)
        assert np.abs(255 * truth.contrast[index, 0].numpy() - contrast).max() < 0.51


def test_a_drawn_scene_is_its_composite():
    """Without noise, the image is what foreground, background and alpha make; noise and compression stay small."""
    for index in range(4):
        scene = drawn_scene(1, index, (48, 64))
        alpha = scene.alpha[..., None] / 255
        composite = alpha * scene.foreground + (1 - alpha) * scene.background
        assert np.abs(scene.image - composite).mean() < 6


def test_scenes_for_training_validation_and_statistics_are_different_ones():
    made = []

    def make(seed, index, size):
        made.append((seed, index))
        return drawn_scene(seed, index, (8, 8))

    list(batches(RECIPE, 0, make, workers=0))
    trained = set(made)
    made.clear()
    settling_batches(RECIPE, 0, make)
    settling_batches(RECIPE, 6, make)
    settled = set(made)
    made.clear()
    held_out_scenes(RECIPE, make)
    assert len(trained) == 3 * 5 + 2 * 3
    assert not trained & settled
    assert not set(made) & (trained | settled)
    assert {seed for seed, _ in made} == {RECIPE.seed + HELD_OUT}


def test_the_band_is_soft_pixels_and_edges_and_three_pixels_around():
    alpha = np.zeros((20, 40), np.uint8)
    alpha[:, 20:] = 255
    alpha[5, 5] = 128
    alpha[15, 5] = 2
    alpha[10, 32] = 254
    expected = np.zeros((20, 40), np.uint8)
    expected[:, 17:23] = 255
    expected[2:9, 2:9] = 255
    np.testing.assert_array_equal(band(alpha), expected)
