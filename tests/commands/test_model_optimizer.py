"""``omz_mo`` as scripts call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from helpers.builders import small_model

from omz.cli import model_optimizer
from omz.runtime.openvino_engine import OpenVINOEngine


def run(*arguments: object) -> Result:
    return CliRunner().invoke(model_optimizer.main, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture
def source(tmp_path) -> Path:
    return small_model(tmp_path / "net.onnx")


def test_a_command_line_of_model_optimizer_makes_an_ir_and_says_so_as_it_did(tmp_path, source):
    result = run(
        "--framework=onnx", f"--output_dir={tmp_path / 'ir'}", "--model_name=other", "--input=src,bgr",
        f"--input_model={source}", "--output=double", "--scale", "2", "--reverse_input_channels",
        "--layout=src(NCHW),bgr(NCHW)", "--compress_to_fp16=False",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "[ SUCCESS ] Generated IR version 11 model.",
        f"[ SUCCESS ] XML file: {tmp_path}/ir/other.xml",
        f"[ SUCCESS ] BIN file: {tmp_path}/ir/other.bin",
    ]
    assert sorted(path.name for path in (tmp_path / "ir").iterdir()) == ["other.bin", "other.xml"]
    engine = OpenVINOEngine(tmp_path / "ir" / "other.xml")
    x = np.random.default_rng(0).random((1, 3, 4, 5), np.float32)
    np.testing.assert_allclose(engine.infer({"src": x})["double"], x[:, ::-1], rtol=1e-6)
    assert engine.facts["input_src_takes"] == "BGR"
    assert engine.facts["source_file"] == "net.onnx"


@pytest.mark.parametrize("arguments", [("-m", "{}", "-n", "net"), ("{}",), ("--input_m", "{}", "--log_level=ERROR")])
def test_short_flags_and_beginnings_of_flags_are_understood(tmp_path, source, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert run(*(each.format(source) for each in arguments)).exit_code == 0
    assert (tmp_path / "net.xml").is_file()


@pytest.mark.parametrize(
    ("flags", "half"),
    [((), True), (("--compress_to_fp16",), True), (("--compress_to_fp16=False",), False),
     (("--data_type=FP32",), False), (("--data_type", "half"), True)],
)  # fmt: skip
def test_weights_are_stored_as_model_optimizer_stored_them(tmp_path, source, flags, half):
    from helpers.builders import heavy_model

    heavy_model(source, weights=1000)
    assert run("-m", source, "-o", tmp_path / "ir", *flags).exit_code == 0
    assert ((tmp_path / "ir" / "net.bin").stat().st_size < 3000) == half


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "there is no model; name an ONNX file with --input_model; see omz_mo --help"),
        (("-o", "ir"), 2, "required: --input_model/-m; see omz_mo --help"),
        (("--input_model=",), 2, "--input_model is empty; give a path"),
        (("-m", "{}", "--output_dir", ""), 2, "--output_dir is empty; give a path"),
        (("-m", "{}", "--transformations_config=x"), 2, "--transformations_config is not supported"),
        (("-m", "{}", "--nonsense"), 2, "--nonsense is not supported"),
        (("-m", "{}", "--scale=0"), 2, "--scale must be a number other than 0"),
        (("-m", "{}.absent"), 1, "there is no file"),
        (("-m", "{}", "--output=nothing"), 1, "no output 'nothing'; it has sum, double, inner"),
        (("-m", "{}", "--mean_values=x[1]"), 1, "--mean_values names 'x', but the inputs are src, bgr"),
        (("-m", "{}", "-o", "{}"), 1, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, source, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    result = run(*(each.format(source) for each in arguments))
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_an_old_ir_stays_where_a_conversion_fails(tmp_path, source):
    assert run("-m", source, "-o", tmp_path / "ir").exit_code == 0
    before = (tmp_path / "ir" / "net.xml").read_bytes()
    assert run("-m", source, "-o", tmp_path / "ir", "--output=nothing").exit_code == 1
    assert (tmp_path / "ir" / "net.xml").read_bytes() == before


def test_it_runs_as_a_file_as_the_original_converter_runs_it(tmp_path, source):
    command = [sys.executable, "--", model_optimizer.__file__, f"--input_model={source}", f"--output_dir={tmp_path}/ir"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "ir" / "net.xml").is_file()
