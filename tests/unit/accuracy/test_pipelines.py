"""Against what the command writes, and a plain loop for what is remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import make_pictures
from helpers.role_networks import recurrent_loop, write_recurrent_zoo

import omz
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.labels import PIPELINES
from omz.accuracy.pipelines import PipelinePredictor
from omz.convert.converter import carry_out
from omz.convert.plan import plan_conversion
from omz.convert.store import stored_ir
from omz.errors import ImageError
from omz.images.files import read_picture, write_picture
from omz.matting.roles import RoleOptions
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog

STARTER = "background-matting-starter"
MOVED = Drift(shift=(3.0, -2.0), gain=(1.06, 1.06, 1.06), noise=0.005)
FLAGS = {
    "plain": {"plain": True},
    "default": {},
    "off": {"refine": "off"},
    "fast": {"refine": "fast"},
    "best": {"refine": "best"},
}


@pytest.fixture(scope="module")
def starter() -> Path:
    return stored_ir(Catalog()[STARTER], Path())


@pytest.fixture(scope="module")
def sample() -> Sample:
    scene = make_scene(1, (203, 310), "test", MOVED)
    return Sample(Entry("scene", "", 0, {}), scene.picture, scene.plate)


def predictor(name: str, path: Path) -> PipelinePredictor:
    return PipelinePredictor(name, path, "CPU", "f32", RoleOptions())


def with_marks(name: str):
    return pytest.param(name, marks=pytest.mark.slow) if name == "best" else name  # its solver compiles itself


@pytest.mark.parametrize("name", [with_marks(name) for name in PIPELINES])
def test_a_pipeline_gives_the_pixels_of_the_command(name, starter, sample, tmp_path):
    if name == "best":
        pytest.importorskip("pymatting")
    write_picture(tmp_path / "image.png", sample.picture)
    write_picture(tmp_path / "plate.png", sample.plate)
    whats = ("alpha", "foreground")
    options = {"model": str(starter), "precision": "f32", "what": whats, **FLAGS[name]}
    omz.cut_out(tmp_path / "image.png", f"{tmp_path}/out/", plate=tmp_path / "plate.png", **options)
    found = predictor(name, starter).predict(sample, begins=True)
    written = {path.stem.rpartition("_")[2]: read_picture(path) for path in (tmp_path / "out").rglob("*.png")}
    assert set(written) == set(whats)
    np.testing.assert_array_equal(found.alpha, written["alpha"][..., 0])
    np.testing.assert_array_equal(found.foreground, written["foreground"])
    assert found.milliseconds > 0


def test_pipelines_differ(starter, sample):
    alphas = [predictor(name, starter).predict(sample, begins=True).alpha for name in ("plain", "off", "fast")]
    assert np.abs(alphas[0].astype(int) - alphas[1]).max() > 8  # for the plate
    assert np.abs(alphas[1].astype(int) - alphas[2]).max() > 8  # for the refinement


def test_without_plates_there_is_nothing_to_run(starter, sample):
    with pytest.raises(ImageError, match="needs the plate"):
        predictor("fast", starter).predict(replace(sample, plate=None), begins=True)


def test_a_recurrent_network_remembers_a_clip_and_nothing_before_it(tmp_path):
    models, downloads, source = write_recurrent_zoo(tmp_path)
    ir = carry_out(plan_conversion(Catalog(models)["net"], downloads, tmp_path / "ir")).irs["FP32"].path
    frames = make_pictures(4, (64, 96))
    plain = predictor("plain", ir)
    assert plain.remembers
    for clip in ("a", "b"):
        for index, (alpha, _) in enumerate(recurrent_loop(source, frames)):
            sample = Sample(Entry(f"{clip}/{index}", clip, index, {}), frames[index], frames[index])
            found = plain.predict(sample, begins=index == 0).alpha
            np.testing.assert_allclose(found / 255, alpha, atol=0.6 / 255)
