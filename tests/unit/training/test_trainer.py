from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.builders import parameters

from omz.errors import ModelFileError
from omz.networks.background_matting import BackgroundMatting
from omz.networks.weights import load_weights
from omz.training.recipe import Recipe, Stage
from omz.training.trainer import CHECKPOINT, LOG, batches, learning_rate, start_from_differences, train

RATES = {"backbone": 1e-3, "aspp": 1e-3, "decoder": 1e-3}
TINY = Recipe(
    width=0.1,
    backbone_scale=0.25,
    stages=(
        Stage("base", "base", 32, 3, 5, RATES),
        Stage("refine", "refine", 64, 2, 3, {**RATES, "refiner": 1e-3}, mixed_precision=False),
    ),
)


def weights(path) -> np.ndarray:
    network = BackgroundMatting(TINY.width)
    load_weights(network, path)
    return parameters(network)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Tiny convolutions on many threads mostly wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    train(TINY, folder, workers=0)
    return folder


def test_every_step_is_logged(unbroken):
    entries = [json.loads(line) for line in (unbroken / LOG).read_text().splitlines()]
    assert [entry["step"] for entry in entries] == list(range(1, 9))
    assert [entry["stage"] for entry in entries] == ["base"] * 5 + ["refine"] * 3
    assert all(entry["loss"] == pytest.approx(sum(entry["terms"].values())) for entry in entries)


@pytest.mark.slow
def test_a_killed_training_ends_in_the_weights_of_an_unbroken_one(tmp_path, unbroken):
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from test_trainer import TINY\n"
        "from omz.training.trainer import train\n"
        "def die(progress):\n"
        "    if progress.step == int(sys.argv[2]):\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(TINY, Path(sys.argv[1]), workers=0, checkpoint_every=2, on_step=die)\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    for step in (3, 6):
        killed = subprocess.run(
            [sys.executable, "-c", script, tmp_path, str(step)], cwd=Path(__file__).parent, env=environment, check=False
        )
        assert killed.returncode == -signal.SIGKILL
    resumed = train(TINY, tmp_path, workers=0, checkpoint_every=2)
    np.testing.assert_array_equal(weights(resumed), weights(unbroken / resumed.name))
    steps = [json.loads(line)["step"] for line in (tmp_path / LOG).read_text().splitlines()]
    assert steps == list(range(1, 9))


def test_a_finished_training_is_not_done_again(unbroken):
    before = (unbroken / LOG).read_bytes()
    done = []
    train(TINY, unbroken, workers=0, on_step=done.append)
    assert done == []
    assert (unbroken / LOG).read_bytes() == before


def test_another_recipe_does_not_continue_this_one(unbroken):
    other = Recipe(TINY.width, TINY.backbone_scale, TINY.stages, seed=1)
    with pytest.raises(ModelFileError, match="another recipe"):
        train(other, unbroken, workers=0)
    assert (unbroken / CHECKPOINT).exists()


def test_a_recipe_may_be_extended_but_its_past_may_not_change():
    longer = replace(TINY, stages=(*TINY.stages, replace(TINY.stages[0], name="more")))
    changed = replace(TINY, stages=(replace(TINY.stages[0], batch=2), *TINY.stages[1:]))
    assert TINY.fingerprint(TINY.steps) == longer.fingerprint(TINY.steps)
    assert TINY.fingerprint(1) == replace(TINY, stages=TINY.stages[:1]).fingerprint(1)
    assert TINY.fingerprint(6) != replace(TINY, stages=TINY.stages[:1]).fingerprint(6)
    assert TINY.fingerprint(1) != changed.fingerprint(1)
    assert TINY.fingerprint(1) != replace(TINY, seed=1).fingerprint(1)


def test_a_network_starts_with_filters_that_cancel_what_picture_and_plate_share():
    torch.manual_seed(0)
    network = BackgroundMatting(0.4)
    start_from_differences(network)
    same = torch.rand(1, 3, 16, 16)
    for conv, before in ((network.backbone.features[0][0], 0), (network.refiner.conv1, 20), (network.refiner.conv3, 8)):
        half = conv.out_channels // 2 // 2 * 2
        respond = conv(torch.cat([torch.rand(1, before, 16, 16), same, same], 1))[0]
        silent = respond.abs().amax((1, 2)) < 1e-5
        assert silent[: half - 1].all() or silent[:half].all()
        assert not silent[half:].any()
        differ = conv(torch.cat([torch.zeros(1, before, 16, 16), same, 1 - same], 1))[0]
        torch.testing.assert_close(differ[0], -differ[1])
        assert differ[0].abs().max() > 0.01


def test_training_lowers_the_loss(tmp_path):
    recipe = Recipe(0.1, 0.25, (Stage("base", "base", 32, 4, 60, dict.fromkeys(RATES, 3e-3), mixed_precision=False),))
    losses = []
    train(recipe, tmp_path, workers=0, on_step=lambda progress: losses.append(progress.loss))
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


def test_batches_depend_on_the_step_alone():
    first = list(batches(TINY, 0, workers=0))
    later = list(batches(TINY, 4, workers=0))
    assert len(first) == 8
    assert torch.equal(first[4].picture, later[0].picture)
    assert not torch.equal(first[0].picture, first[1].picture)
    assert first[0].picture.shape == (3, 3, 32, 32)
    assert first[-1].truth.pha.shape == (2, 1, 64, 64)


def test_the_rate_climbs_and_falls():
    stage = Stage("base", "base", 32, 1, 1000, RATES)
    rates = [learning_rate(stage, 1.0, step) for step in range(1000)]
    assert rates[0] < 0.05
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] == pytest.approx(0.02, abs=0.001)
    assert np.argmax(rates) in range(40, 60)
