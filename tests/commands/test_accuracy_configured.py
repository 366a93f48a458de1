"""``omz_accuracy --config``: an accuracy-check.yml in Open Model Zoo's form, run from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from helpers.accuracy_command import run
from helpers.builders import published_file, write_card
from helpers.check_files import with_plate, write_check, write_clips
from helpers.matting_networks import save_two_pictures

SIZE = (48, 64)
NAME = "background-matting-mobilenetv2"


@pytest.fixture
def source(tmp_path) -> Path:
    return write_clips(tmp_path / "clips")


@pytest.fixture
def model(tmp_path) -> Path:
    (tmp_path / "dl" / "public" / NAME).mkdir(parents=True)
    return save_two_pictures(tmp_path / "dl" / "public" / NAME / "net.onnx", *SIZE)


def write_config(path: Path, **thresholds: float) -> Path:
    """Write the shipped configuration, for a smaller network; its references fit another network and other clips."""
    content = with_plate(SIZE[1], SIZE[0])
    for metric in content["models"][0]["datasets"][0]["metrics"]:
        metric.update(thresholds)
    return write_check(path, content)


def figures(report: Path, label: str) -> dict[str, float]:
    return json.loads((report / "report.json").read_text())["summaries"][label]["figures"]


def test_a_model_file_is_scored_as_the_configuration_says(tmp_path, source, model):
    config = write_config(tmp_path / "accuracy-check.yml")
    report = tmp_path / "report"
    result = run("-c", config, "-s", source, "--models", model, "--report", report)
    assert result.exit_code == 0, result.output
    found = figures(report, str(model))
    assert set(found) == {"alpha_MAD", "alpha_GRAD", "alpha_MSE", "foreground_MSE"}
    assert f"reference alpha_MAD 4.35 (no threshold): {model} {found['alpha_MAD']:.4f}" in result.output
    asked = ("--models", model.parent, "--allow_missing", "--report", tmp_path / "again")
    folder = run("-c", config, "-s", source, *asked)
    assert folder.exit_code == 0
    assert figures(tmp_path / "again", str(model)) == found


def test_references_with_thresholds_are_judged_and_updated_on_purpose_only(tmp_path, source, model):
    config = write_config(tmp_path / "accuracy-check.yml", abs_threshold=0.05)
    before = config.read_bytes()
    given = ("-c", config, "-s", source, "--models", model)
    result = run(*given)
    assert result.exit_code == 1
    assert f"FAIL {model}: alpha_MAD, beside the reference" in result.output
    assert config.read_bytes() == before

    assert run(*given, "--update_references", "nothing").exit_code == 2
    assert config.read_bytes() == before
    run(*given, "--update_references", model, "--report", tmp_path / "report")
    metrics = yaml.safe_load(config.read_text())["models"][0]["datasets"][0]["metrics"]
    assert {metric["name"]: metric["reference"] for metric in metrics} == figures(tmp_path / "report", str(model))
    assert run(*given).exit_code == 0


def test_a_card_brings_its_own_configuration_and_all_its_variants(tmp_path, source, model):
    write_card(
        tmp_path / "zoo", NAME, files=[published_file("net.onnx", model.read_bytes(), "https://example.com/")],
        input_info=[{"name": name, "shape": [1, 3, *SIZE], "layout": "NCHW"} for name in ("src", "bgr")],
        model_optimizer_args=[
            "--input_model=$dl_dir/net.onnx", "--output=pha,fgr", "--scale=255", "--reverse_input_channels",
        ],
    )  # fmt: skip
    write_config(tmp_path / "zoo" / NAME / "accuracy-check.yml")
    asked = ("--models_dir", tmp_path / "zoo", "--download_dir", tmp_path / "dl", "--name", NAME)
    report = tmp_path / "report"
    result = run(*asked, "-c", "card", "-s", source, "--report", report)
    assert result.exit_code == 0, result.output
    assert figures(report, "FP32") == pytest.approx(figures(report, "original"), rel=1e-5)
    assert "original to FP32: conversion" in result.output
    # The bare file takes RGB from 0 to 1: shown what an IR takes, it says something else.
    run("-c", tmp_path / "zoo" / NAME / "accuracy-check.yml", "-s", source, "--models", model, "--report", report)
    assert figures(report, str(model))["alpha_MAD"] > 100


def test_several_datasets_have_a_report_each(tmp_path, source, model):
    content = with_plate(SIZE[1], SIZE[0])
    datasets = content["models"][0]["datasets"]
    datasets.append({**datasets[0], "name": "The others/now"})
    config = write_check(tmp_path / "accuracy-check.yml", content)
    result = run("-c", config, "-s", source, "--models", model, "--report", tmp_path / "report")
    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"1-HumanMattingClips120", "2-The_others_now"}
    assert result.output.count("PASSED") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-c", "nothing.yml"], "nothing.yml"),
        (["-c", "card"], "give the model's --name"),
        (["--definitions", "x.yml"], "--definitions needs --config, too"),
        (["--update_references", "FP32"], "--update_references needs --config, too"),
        (["-s", ".", "--models", "x.onnx"], "--source needs --config, too"),
        (["-c", "card", "-s", ".", "--dataset", "."], "--source says what --dataset would"),
        (["-c", "card", "--convention", "dim"], "--config says what --convention would; leave one of them out"),
    ],
)
def test_wrong_usage_is_one_line(arguments, said):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_broken_configuration_is_one_line(tmp_path, source, model):
    config = write_config(tmp_path / "accuracy-check.yml")
    config.write_text(config.read_text().replace("use_mask", "use_musk"))
    result = run("-c", config, "-s", source, "--models", model)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "use_musk" in result.stderr
