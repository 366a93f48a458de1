"""A bundled file that is missing or damaged: every command says how to restore it, and none sends for a download."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from omz.cli import accuracy, converter, downloader, info_dumper
from omz.images.files import write_picture
from omz.zoo import Catalog
from omz_demo.cli import main as demo
from omz_demo.findings import examine

STARTER = "background-matting-starter"


@pytest.fixture(params=["missing", "damaged"])
def models(request, tmp_path, monkeypatch) -> Path:
    """A zoo with the starter, whose weights are missing or damaged, and an empty cache."""
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "models" / STARTER
    shutil.copytree(Catalog()[STARTER].folder, folder, ignore=shutil.ignore_patterns("FP16"))  # its IR needs no weights
    weights = folder / f"{STARTER}.safetensors"
    if request.param == "missing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    return tmp_path / "models"


def run(command: click.Command, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    assert "omz_downloader" not in result.output
    return result


def assert_says_how_to_restore_it(result: Result, models: Path) -> None:
    assert result.exit_code != 0
    (line,) = (line for line in result.output.splitlines() if "restore" in line)
    assert f"{models}/{STARTER}/{STARTER}.safetensors" in line
    assert line.endswith(f"; it ships with its card; restore it in {models}/{STARTER}")


def test_the_converter(models, tmp_path):
    result = run(converter.main, "--name", STARTER, "--models_dir", models, "-o", tmp_path / "out")
    assert_says_how_to_restore_it(result, models)


def test_the_accuracy(models):
    result = run(accuracy.main, "--name", STARTER, "--models_dir", models, "--num_frames", 1, "--size", "64x64")
    assert_says_how_to_restore_it(result, models)


def test_the_demo(models, tmp_path):
    for name in ("photo.png", "plate.png"):
        write_picture(tmp_path / name, np.zeros((32, 32, 3), np.uint8))
    pictures = ("-i", tmp_path / "photo.png", "--background", tmp_path / "plate.png", "-o", tmp_path / "cut.png")
    result = run(demo, *pictures, "-m", STARTER, "--models_dir", models)
    assert_says_how_to_restore_it(result, models)
    assert not (tmp_path / "cut.png").exists()


def test_the_doctor(models):
    weights = models / STARTER / f"{STARTER}.safetensors"
    weights.unlink(missing_ok=True)  # it has to be quick, and reads no file
    state = next(model for model in examine([models]).models if model.name == STARTER)
    assert (state.state, state.command) == ("unusable", "")
    assert str(weights) in state.detail
    assert state.detail.endswith(f"restore it in {models}/{STARTER}")


def test_the_downloader(models, tmp_path):
    result = run(downloader.main, "--name", STARTER, "--models_dir", models, "-o", tmp_path / "out", "--verify")
    assert result.exit_code == 1
    assert f"{STARTER}.safetensors" in result.output


def test_the_linter(models):
    result = run(info_dumper.main, "--lint", "--name", STARTER, "--models_dir", models)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{models}/{STARTER}/model.yml: files.0: {STARTER}.safetensors ")
