"""Wrong usage, and outputs that take nothing, of every command: one line, a code, and the way to the help."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

COMMANDS = {
    "omz_demo": "omz_demo.cli",
    "omz_downloader": "omz.cli.downloader",
    "omz_converter": "omz.cli.converter",
    "omz_info_dumper": "omz.cli.info_dumper",
    "omz_accuracy": "omz.cli.accuracy",
    "omz_benchmark": "omz.cli.benchmark",
    "omz_quantizer": "omz.cli.quantizer",
    "omz_data_downloader": "omz.cli.data_downloader",
    "omz_mo": "omz.cli.model_optimizer",
}
FLAGS = tuple(name for name in COMMANDS if name != "omz_mo")  # which takes flags as arguments
TEXTS = (click.Path, click.File, type(click.STRING))


def command(name: str) -> click.Command:
    return importlib.import_module(COMMANDS[name]).main


def refused(name: str, *arguments: str) -> str:
    """Return the only line of a command that is refused as wrong usage."""
    result = CliRunner().invoke(command(name), arguments, prog_name=name, catch_exceptions=False)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.removesuffix("\n")


def named_values(name: str) -> list[str]:
    """Return the flags of a command that take a path or a name."""
    flags = []
    for parameter in command(name).params:
        if isinstance(parameter.type, TEXTS) and isinstance(parameter, click.Option) and parameter.default != "":
            flags += [flag for flag in parameter.opts if flag.startswith("--")]
    return flags


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_flag_is_one_line_that_leads_to_the_help(name):
    needed = ["--input_model=net.onnx"] if name == "omz_mo" else []
    line = refused(name, *needed, "--nonsense")
    assert re.fullmatch(rf"{name}: error: .*--nonsense.*; see {name} --help", line)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("omz_demo", ["--fit", "nonsense"]),
        ("omz_demo", ["--num_requests", "nonsense"]),
        ("omz_demo", ["--target"]),
        ("omz_converter", ["--check", "nonsense"]),
        ("omz_converter", ["-j", "nonsense"]),
        ("omz_downloader", ["--num_attempts", "0"]),
        ("omz_downloader", ["nonsense"]),
        ("omz_accuracy", ["--region", "nonsense"]),
        ("omz_info_dumper", ["--format", "nonsense"]),
        ("omz_benchmark", ["--time", "nonsense"]),
    ],
)
def test_a_wrong_value_is_one_line_that_leads_to_the_help(name, arguments):
    line = refused(name, *arguments)
    assert re.fullmatch(rf"{name}: error: [a-z].*[^.]; see {name} --help", line)


@pytest.mark.parametrize(("name", "flag"), [(name, flag) for name in FLAGS for flag in named_values(name)])
def test_an_empty_value_is_wrong_usage(name, flag):
    assert re.fullmatch(rf"{name}: error: --\w+ is empty; give a value, or leave it out", refused(name, flag, ""))


def test_empty_values_are_tried_of_what_people_name():
    assert {"--plate", "--output", "--target", "--input", "--model"} <= {*named_values("omz_demo")}
    assert {"--output_dir", "--name", "--list", "--models_dir"} <= {*named_values("omz_downloader")}


@pytest.mark.parametrize("arguments", [["photo.png", ""], ["", "--plate", "plate.png"]])
def test_an_empty_input_is_wrong_usage(arguments):
    assert refused("omz_demo", *arguments) == "omz_demo: error: INPUT is empty; give a value, or leave it out"


@pytest.mark.parametrize("flag", ["--what", "--format", "--shard", "--input_size"])
def test_an_empty_choice_is_wrong_usage(flag):
    assert refused("omz_demo", "photo.png", flag, "").startswith(f"omz_demo: error: {flag}: '' is not a ")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_an_output_that_is_full_is_one_line(name, arguments, environment, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    run = [sys.executable, "-c", f"from {COMMANDS[name]} import main; main(prog_name='{name}')", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        silent = subprocess.run(run, stdout=full, stderr=full, check=False)
    assert done.stderr == f"{name}: error: standard output: No space left on device\n"
    assert (done.returncode, silent.returncode) == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("omz_demo", ["doctor", "--json"]),
        ("omz_info_dumper", ["--all"]),
        ("omz_info_dumper", ["--all", "--format", "table"]),
        ("omz_converter", ["--name", "background-matting-starter", "--dry_run"]),
        ("omz_downloader", ["--print_all"]),
    ],
)
def test_results_that_cannot_be_printed_are_one_line(tmp_path, name, arguments):
    run = [sys.executable, "-c", f"from {COMMANDS[name]} import main; main(prog_name='{name}')", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    assert re.fullmatch(rf"{name}: error: (standard output: )?No space left on device\n", done.stderr)
    assert done.returncode == 1
