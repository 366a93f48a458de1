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
from safetensors.torch import load_file

from omz.errors import ModelFileError
from omz.images.files import read_picture
from omz.networks.plate_matting import PlateMatting
from omz.networks.weights import load_weights
from omz.training.batches import make_batch
from omz.training.drawn_scenes import DrawnScenes, drawn_scene
from omz.training.journal import STEPS, VALIDATIONS
from omz.training.recipe import Recipe, Stage, StopRule, Validation
from omz.training.trainer import CHECKPOINT, Machine, begin_with, learning_rate, train
from omz.training.watch import CHART, SAMPLES, VALIDATED, Stopped

HERE = Machine(workers=0)
TINY = Recipe(
    stages=(
        Stage("learn", ((32, 32), (24, 40)), 2, 5, 1e-3),
        Stage("real size", ((64, 96),), 1, 3, 1e-3, settled=True, mixed_precision=False),
    ),
    network={"widths": (4, 6), "depths": (1, 1), "fine": 4, "tolerant": 4},
    average=0.9,
    validation=Validation(every=4, count=2, size=(32, 48)),
)


def entries(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_times(path: Path) -> list[dict]:
    found = entries(path)
    for entry in found:
        entry.pop("seconds", None)
        entry.pop("waited", None)
    return found


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
    train(TINY, folder, drawn_scene, HERE)
    return folder


def test_every_step_is_logged(unbroken):
    found = entries(unbroken / STEPS)
    assert [entry["step"] for entry in found] == list(range(1, 9))
    assert [entry["stage"] for entry in found] == ["learn"] * 5 + ["real size"] * 3
    assert all(entry["loss"] == pytest.approx(sum(entry["terms"].values())) for entry in found)


def test_validations_leave_figures_weights_samples_and_a_chart(unbroken):
    found = entries(unbroken / VALIDATIONS)
    assert [entry["step"] for entry in found] == [4, 8]
    assert all({"mad", "band", "inside", "background", "holes", "ghosts"} <= entry.keys() for entry in found)
    assert read_picture(unbroken / SAMPLES / "000008.jpg").shape == (2 * 32, 4 * 48, 3)
    assert read_picture(unbroken / CHART).shape[2] == 3
    last, weights = (load_file(unbroken / name) for name in (f"{VALIDATED}/000008.safetensors", "weights.safetensors"))
    assert all(torch.equal(last[name], weights[name]) for name in weights)


def test_weights_are_those_of_a_network(unbroken):
    network = PlateMatting(**TINY.network)
    load_weights(network, unbroken / "weights.safetensors")
    assert np.isfinite(parameters(network)).all()


@pytest.mark.slow
def test_a_killed_training_ends_in_the_weights_of_an_unbroken_one(tmp_path, unbroken):
    """Killed before the first checkpoint, between two, and within the settled stage."""
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from test_trainer import HERE, TINY, drawn_scene, train\n"
        "def die(progress):\n"
        "    if progress.step == int(sys.argv[2]):\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(TINY, Path(sys.argv[1]), drawn_scene, HERE, checkpoint_every=2, on_step=die)\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    paths = [Path(__file__).parent, Path(__file__).parents[2], *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    for step in (1, 3, 7):
        killed = subprocess.run(
            [sys.executable, "-c", script, tmp_path, str(step)], env=environment, check=False, capture_output=True
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    resumed = load_file(train(TINY, tmp_path, drawn_scene, HERE, checkpoint_every=2))
    expected = load_file(unbroken / "weights.safetensors")
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)
    for name in (STEPS, VALIDATIONS):
        assert without_times(tmp_path / name) == without_times(unbroken / name)


def test_a_finished_training_is_not_done_again(unbroken):
    before = (unbroken / STEPS).read_bytes()
    done = []
    train(TINY, unbroken, drawn_scene, HERE, on_step=done.append)
    assert done == []
    assert (unbroken / STEPS).read_bytes() == before


def test_another_recipe_does_not_continue_this_one(unbroken):
    with pytest.raises(ModelFileError, match="another recipe"):
        train(replace(TINY, seed=1), unbroken, drawn_scene, HERE)
    assert (unbroken / CHECKPOINT).exists()


def test_a_training_does_not_continue_on_other_scenes(unbroken):
    with pytest.raises(ModelFileError, match="other scenes; train in another folder"):
        train(TINY, unbroken, DrawnScenes("others"), HERE)
    assert (unbroken / CHECKPOINT).exists()


def test_a_damaged_checkpoint_is_told(tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(ModelFileError, match="not a checkpoint of a training"):
        train(TINY, tmp_path, drawn_scene, HERE)


def test_a_recipe_may_be_extended_but_its_past_may_not_change():
    longer = replace(TINY, stages=(*TINY.stages, replace(TINY.stages[0], name="more")))
    changed = replace(TINY, stages=(replace(TINY.stages[0], batch=2, rate=2e-3), *TINY.stages[1:]))
    watched = replace(TINY, validation=Validation(every=2), stop_rules=(StopRule(1, "band", 1.0),))
    assert (
        TINY.fingerprint(TINY.steps, "drawn")
        == longer.fingerprint(TINY.steps, "drawn")
        == watched.fingerprint(TINY.steps, "drawn")
    )
    assert TINY.fingerprint(1, "drawn") == replace(TINY, stages=TINY.stages[:1]).fingerprint(1, "drawn")
    assert TINY.fingerprint(6, "drawn") != replace(TINY, stages=TINY.stages[:1]).fingerprint(6, "drawn")
    assert TINY.fingerprint(1, "drawn") != changed.fingerprint(1, "drawn")
    assert TINY.fingerprint(1, "drawn") != replace(TINY, seed=1).fingerprint(1, "drawn")


def test_a_training_begins_with_the_weights_of_another(tmp_path, unbroken):
    start = unbroken / "weights.safetensors"
    still = replace(TINY, stages=(Stage("still", ((32, 32),), 1, 1, 0.0, settled=True),), start=start)
    begun = load_file(train(still, tmp_path, drawn_scene, HERE))
    for name, value in load_file(start).items():
        assert torch.equal(begun[name], value) or "running" in name or "num_batches" in name
    assert still.fingerprint(1, "drawn") != replace(still, start=None).fingerprint(1, "drawn")
    with pytest.raises(ModelFileError, match="does not fit PlateMatting"):
        train(replace(still, network={"widths": (4, 8), "depths": (1, 1)}), tmp_path / "other", drawn_scene, HERE)


def test_further_blocks_change_nothing_at_first(unbroken):
    small = PlateMatting(**TINY.network).eval()
    load_weights(small, unbroken / "weights.safetensors")
    torch.manual_seed(1)
    large = PlateMatting(**{**TINY.network, "depths": (2, 3), "fine_blocks": 3}).eval()
    begin_with(large, unbroken / "weights.safetensors")
    images = torch.rand(2, 1, 3, 32, 40)
    assert parameters(large).size > parameters(small).size
    assert torch.equal(large(*images), small(*images))


def test_a_stop_rule_stops_once(tmp_path):
    strict = replace(TINY, stop_rules=(StopRule(3, "band", 1.0),))
    with pytest.raises(Stopped, match=r"stopped at step 4: band is \d+\.\d, above 1; run it again"):
        train(strict, tmp_path, drawn_scene, HERE)
    assert [entry["step"] for entry in entries(tmp_path / STEPS)] == [1, 2, 3, 4]
    assert not (tmp_path / "weights.safetensors").exists()
    train(strict, tmp_path, drawn_scene, HERE)
    assert [entry["step"] for entry in entries(tmp_path / VALIDATIONS)] == [4, 8]


def test_normalisation_keeps_its_statistics_in_a_settled_stage(unbroken):
    """They are those of the start of the stage, in the network and in the average."""
    state = torch.load(unbroken / CHECKPOINT, weights_only=True)
    statistics = [name for name in state["network"] if "running" in name]
    assert statistics
    assert all(torch.equal(state["network"][name], state["average"][name]) for name in statistics)


def test_training_learns_what_it_sees(tmp_path):
    """The same two scenes again and again: in the band, the network must become far better than a stencil."""
    drawn = [drawn_scene(0, index, (64, 64)) for index in (3, 4)]

    class TwoScenes:
        identity = "two"

        def __call__(self, seed, index, size):
            return drawn[index % 2]

    two_scenes = TwoScenes()
    recipe = replace(
        TINY,
        network={"widths": (12, 16), "depths": (1, 1), "fine": 12, "tolerant": 8},
        stages=(Stage("learn", ((64, 64),), 2, 150, 1e-2, mixed_precision=False),),
        validation=Validation(every=150, count=2, size=(64, 64)),
    )
    losses = []
    weights = train(recipe, tmp_path, two_scenes, HERE, on_step=lambda progress: losses.append(progress.loss))
    assert np.mean(losses[-10:]) < 0.25 * losses[0]
    network = PlateMatting(**recipe.network).eval()
    load_weights(network, weights)
    batch = make_batch(two_scenes, 0, range(2), (64, 64))
    with torch.no_grad():
        alpha = network(*batch.inputs(torch.device("cpu")))
    truth = batch.truth(torch.device("cpu")).alpha
    soft = (truth > 0.01) & (truth < 0.99)
    errors = [(each - truth).abs()[soft].mean().item() for each in (alpha, truth.round())]
    assert errors[0] < 0.7 * errors[1]


def test_the_rate_climbs_and_falls():
    stage = Stage("learn", ((32, 32),), 1, 5000, 1.0)
    rates = [learning_rate(stage, step) for step in range(5000)]
    assert rates[0] < 0.01
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] == pytest.approx(0.02, abs=0.001)
    assert np.argmax(rates) in range(190, 210)
