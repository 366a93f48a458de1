"""The commands as a user calls them."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omz.cli import accuracy, converter, train
from omz.errors import UsageError
from omz.images.sizes import parse_size

STARTER = "background-matting-starter"


def run(command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_converter_writes_both_precisions(tmp_path):
    result = run(converter.main, "--name", STARTER, "-d", tmp_path, "-o", tmp_path)
    assert result.exit_code == 0
    for precision in ("FP16", "FP32"):
        xml = tmp_path / "public" / STARTER / precision / f"{STARTER}.xml"
        assert xml.is_file()
        assert xml.with_suffix(".bin").is_file()
        assert str(xml) in result.output


def test_a_dry_run_prints_and_touches_nothing(tmp_path):
    result = run(converter.main, "--name", STARTER, "-o", tmp_path, "--dry_run", "--precisions", "FP16")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{STARTER}: would write {tmp_path}/public/{STARTER}/{STARTER}.onnx",
        f"{STARTER}: would write {tmp_path}/public/{STARTER}/FP16/{STARTER}.xml",
        "  src NCHW: BGR to RGB; / 255",
        "  bgr NCHW: BGR to RGB; / 255",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--name", "background-matting-startr"], 1, "did you mean background-matting-starter"),
        (["--name", "resnet-50-pytorch"], 1, "for a model of Open Model Zoo, add --models_dir"),
        (["--name", "background-matting-mobilenetv2"], 1, "bgm_mobilenetv2.onnx is not in "),
        (["--name", STARTER, "--precisions", "FP8"], 2, "Unknown precisions specified: FP8; there are FP16, FP32\n"),
        ([], 2, "--name"),
        (["--nmae", STARTER], 2, "--nmae"),
    ],
)
def test_errors_of_the_converter_are_one_line_with_their_code(tmp_path, arguments, code, message):
    result = run(converter.main, *arguments, "-d", tmp_path)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    result = run(converter.main, "--name", STARTER, "-o", tmp_path / "file")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_the_accuracy_table_has_original_and_converted_side_by_side(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    result = run(accuracy.main, "--name", STARTER, "--num_frames", 2, "--size", "160x96")
    assert result.exit_code == 0, result.output
    for column in ("original", "FP32", "FP16", "PyTorch", "OpenVINO"):
        assert column in result.output
    rows = {line.split("│")[1].strip(): line.split("│")[2:5] for line in result.output.splitlines() if "│" in line}
    for metric in ("MAD x1e3", "MSE x1e3", "GRAD /1e3"):
        original, fp32, fp16 = (float(cell) for cell in rows[metric])
        assert original > 0
        assert math.isclose(original, fp32, rel_tol=1e-3, abs_tol=1e-4)
        assert math.isclose(original, fp16, rel_tol=5e-2, abs_tol=1e-2)


def test_the_accuracy_of_a_model_that_is_not_there_is_one_line(tmp_path):
    for arguments in (["--name", "background-matting-mobilenetv2"], ["--name", STARTER, "--model_dir", tmp_path]):
        result = run(accuracy.main, *arguments, "-d", tmp_path)
        assert result.exit_code == 2
        assert result.output.count("\n") <= 3
        assert "Traceback" not in result.output


def test_sizes_are_width_by_height():
    assert parse_size("1280x720") == (720, 1280)
    for text in ("1280", "0x5", "-1x5", "axb", "1x2x3", ""):
        with pytest.raises(UsageError, match="width x height"):
            parse_size(text)
    with pytest.raises(UsageError, match="50 million pixels"):
        parse_size("10000000x1000000")


@pytest.mark.parametrize("command", ["omz_converter", "omz_accuracy", "omz_benchmark", "omz_demo"])
def test_installed_commands_show_their_flags(command):
    script = Path(sys.executable).with_name(command)
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert re.search(r"^Usage: \S+", done.stdout)
    assert "--precision" in done.stdout or "--name" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--device", "martian"], 1, "no device 'martian'"),
        (["--workers", "-1"], 2, "--workers"),
        (["--checkpoint_every", "0"], 2, "--checkpoint_every"),
    ],
)
def test_errors_of_the_training_are_one_line(tmp_path, arguments, code, message):
    result = run(train.main, "-o", tmp_path, *arguments)
    assert result.exit_code == code
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_training_folder_that_is_a_file_or_holds_something_else_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    result = run(train.main, "-o", tmp_path / "file")
    assert (result.exit_code, "cannot be created" in result.output) == (1, True)
    (tmp_path / "checkpoint.pt").write_bytes(b"something else")
    result = run(train.main, "-o", tmp_path, "--workers", 0)
    assert (result.exit_code, "is not a checkpoint" in result.output) == (1, True)
