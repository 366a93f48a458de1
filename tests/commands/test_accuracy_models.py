"""``omz_accuracy`` on the models of the zoo, and on conversions that went wrong."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.accuracy_command import run
from helpers.builders import save_brightness_model, save_difference_model, write_published_zoo
from helpers.published_graph import save_published_graph, trained

from omz.convert import convert
from omz.convert.plan import ConversionSettings
from omz.images.files import write_picture
from omz.networks.background_matting import BackgroundMatting
from omz.runtime.openvino_engine import default_precision
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog

PUBLISHED = "background-matting-mobilenetv2"
SIZE = (64, 1024)
"""Wide, for the farther to the right, the less bf16 can tell pixels apart."""

TABLE = ("original", "FP32", "FP16", "original to FP32: conversion", "PASSED")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory, generated_state) -> tuple[object, ...]:
    """The published background matting model with generated weights, in its published structure, as arguments."""

    def make(path: Path) -> None:
        save_published_graph(path, trained(BackgroundMatting(refine_sample_pixels=SIZE[0] * SIZE[1]), generated_state))

    models, downloads = write_published_zoo(tmp_path_factory.mktemp("zoo"), PUBLISHED, make, SIZE)
    return "--models_dir", models, "--download_dir", downloads, "--name", PUBLISHED


@pytest.fixture
def as_published(zoo, tmp_path) -> tuple[object, ...]:
    """The same model, whose card does not ask to rewrite its graph."""
    _, models, *others = zoo
    shutil.copytree(models, tmp_path / "models")
    card = tmp_path / "models" / PUBLISHED / "model.yml"
    card.write_text(card.read_text().replace("rewrite: background_matting_v2\n", ""))
    return "--models_dir", tmp_path / "models", *others


def test_the_published_background_matting_model(zoo):
    result = run(*zoo, "--num_frames", 2, "--size", "1024x64")
    assert result.exit_code == 0, result.output
    assert all(told in result.output for told in TABLE)


@pytest.mark.slow
@pytest.mark.skipif(default_precision("CPU") != "bf16", reason="this processor does not run models in bf16 by default")
def test_bf16_moves_the_windows_of_the_published_graph_and_fails(as_published):
    asked = (*as_published, "--num_frames", 2, "--size", "1024x64", "--models", "original,FP32")
    assert run(*asked).exit_code == 0
    result = run(*asked, "--precision", "bf16", "--locate")
    assert result.exit_code == 1, result.output
    assert "FAIL FP32: alpha: 99.9 % within" in result.output
    assert "the error grows most in RoiAlign" in result.output


@pytest.mark.slow
@pytest.mark.skipif(default_precision("CPU") != "bf16", reason="this processor does not run models in bf16 by default")
def test_bf16_leaves_the_windows_of_the_rewritten_graph_where_they_are(zoo):
    asked = (*zoo, "--num_frames", 2, "--size", "1024x64", "--models", "original,FP32")
    result = run(*asked, "--precision", "bf16", "--locate")
    assert result.exit_code == 0, result.output


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mindspore") is None, reason="MindSpore is an extra")
def test_the_published_human_matting_model(tmp_path):
    from helpers.semantic_human_matting import write_zoo

    models, downloads = write_zoo(tmp_path)
    asked = ("--models_dir", models, "--download_dir", downloads, "--name", "semantic_human_matting")
    result = run(*asked, "--num_frames", 2, "--size", "400x300", "--convention", "shm")
    assert result.exit_code == 0, result.output
    assert all(told in result.output for told in (*TABLE, "MindSpore", "SAD /1e3"))


@pytest.mark.parametrize(
    ("forgotten", "said"),
    [("--reverse_input_channels=False", "colours are reversed"), ("--scale=1", "is 255 times what it should be")],
)
def test_a_published_model_whose_conversion_forgets_something_fails_where_that_is(zoo, tmp_path, forgotten, said):
    card = Catalog(zoo[1])[PUBLISHED]
    convert(
        card, Path(str(zoo[3])), tmp_path, ConversionSettings(precisions=("FP32",), extra=(forgotten,), check="none")
    )
    asked = ("--num_frames", 1, "--size", "1024x64", "--models", "original,FP32", "--model_dir", tmp_path)
    result = run(*zoo, *asked, "--locate")
    assert result.exit_code == 1
    assert "FAIL FP32: alpha: 99.9 % within" in result.output
    assert said in result.output


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("nncf") is None, reason="NNCF is an extra")
def test_eight_bits_are_a_variant_of_their_own(tmp_path, monkeypatch):
    for number in range(4):
        scene = make_scene(number, (128, 192), "train")
        write_picture(tmp_path / "frames" / f"{number}.png", scene.picture)
        write_picture(tmp_path / "frames" / "bgr" / f"{number}.png", scene.plate)
    asked = (
        "--name",
        "background-matting-starter",
        "--num_frames",
        2,
        "--size",
        "192x128",
        "--report",
        tmp_path / "report",
    )
    monkeypatch.chdir(tmp_path)
    result = run(*asked, "--models", "original,FP16,FP16-INT8", "--calibration", "frames")
    assert result.exit_code in (0, 1), result.output  # four small scenes are few
    assert "to FP16-INT8, on 4 images of frames" in result.stderr
    told = json.loads((tmp_path / "report" / "report.json").read_text())
    quantised = next(each for each in told["agreements"] if (each["first"], each["second"]) == ("FP16", "FP16-INT8"))
    assert quantised["cause"] == "FP16 to FP16-INT8: quantisation"
    assert 1e-4 < quantised["outputs"]["alpha"]["mean"] < 0.05
    counts = {
        label: dict(each.rsplit(" ", 1) for each in info["layers"].split(", "))
        for label, info in told["models"].items()
        if info["layers"]
    }
    assert int(counts["FP16-INT8"].get("u8", 0)) > 10 > int(counts["FP16"].get("u8", 0))


def test_models_of_different_sizes_see_different_pictures_and_are_refused(tmp_path):
    first, second = (save_difference_model(tmp_path / f"{side}.xml", side, 64) for side in (48, 64))
    free = save_difference_model(tmp_path / "free.xml", "height", "width")
    result = run("--models", f"{first},{second}", "--num_frames", 1, "--size", "64x48")
    assert result.exit_code == 2
    assert f"{first} 64x48, {second} 64x64" in result.stderr
    result = run(
        "--models", f"{free},{first}", "--num_frames", 1, "--size", "80x60"
    )  # the free one takes that of the other
    assert result.exit_code == 0, result.output


def test_outputs_are_compared_by_what_they_are(tmp_path):
    """The one calls alpha ``alpha``, the other ``pha``; they say quite different things."""
    one = save_brightness_model(tmp_path / "one.xml", 48, 64)
    other = save_difference_model(tmp_path / "other.xml", 48, 64)
    result = run("--models", f"{other},{one}", "--num_frames", 2, "--size", "64x48")
    assert result.exit_code == 1, result.output
    assert f"FAIL {one}: alpha: 99.9 % within" in result.output


def test_files_of_one_name_are_told_apart(tmp_path):
    paths = [tmp_path / folder / "net.xml" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        save_difference_model(path, 48, 64)
    result = run(
        "--models", ",".join(map(str, paths)), "--num_frames", 1, "--size", "64x48", "--report", tmp_path / "report"
    )
    assert result.exit_code == 0, result.output
    with (tmp_path / "report" / "frames.csv").open(newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == [*map(str, paths)]


def test_files_are_compared_without_a_card(tmp_path):
    from omz.runtime.quiet_openvino import ov

    first, second = save_difference_model(tmp_path / "one.xml", 48, 64), tmp_path / "two.xml"
    ov.save_model(ov.Core().read_model(first), second, compress_to_fp16=True)
    result = run("--models", f"{first},{second}@default", "--num_frames", 2, "--size", "64x48")
    assert result.exit_code == 0, result.output
    assert f"{first}" in result.output.replace("\n", "")
    assert np.isfinite(float(result.output.split("MAD x1e3")[1].split("│")[1]))


def test_what_the_command_makes_of_a_model_is_scored_beside_it(tmp_path):
    # A size at which the command shows the network images as they are, neither enlarged nor shrunk.
    asked = ("--name", "background-matting-starter", "--num_frames", 3, "--size", "1280x192", "--convention", "parts")
    result = run(*asked, "--models", "FP16,FP16+plain,FP16+default,FP16+fast", "--report", tmp_path)
    assert result.exit_code == 0, result.output  # though refined alpha is far from the network's
    assert all(told in result.output for told in ("FP16+fast", "band x1e3", "holes %", "ghosts %", "fringe x1e3"))
    summaries = json.loads((tmp_path / "report.json").read_text())["summaries"]
    network, plain, default, fast = (summaries[label]["figures"] for label in summaries)
    assert plain["MAD"] == pytest.approx(network["MAD"], abs=1e3 * 0.5 / 255)  # of rounded alpha
    assert default == fast != plain  # as the card says
    with (tmp_path / "frames.csv").open(newline="") as file:
        assert {row["model"] for row in csv.DictReader(file)} == set(summaries)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("original+fast", "to IRs, one of @f32"),
        ("FP16+quick", "then one of +plain, +default, +off, +fast, +best"),
        ("net.onnx+fast", "pipelines are those of IRs; convert net.onnx first"),
        ("FP16,FP16+fast,FP16+fast", "each once"),
    ],
)
def test_pipelines_that_do_not_exist_are_refused(models, said):
    result = run("--name", "background-matting-starter", "--models", models, "--num_frames", 1, "--size", "64x64")
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_pipelines_are_neither_configured_nor_looked_into():
    asked = ("--name", "background-matting-starter", "--models", "FP16+fast", "--num_frames", 1, "--size", "64x64")
    result = run(*asked, "--config", "card")
    assert (result.exit_code, "leave +fast out" in result.stderr) == (2, True)
    result = run(*asked, "--locate")
    assert (result.exit_code, "--models has none" in result.stderr) == (2, True)
