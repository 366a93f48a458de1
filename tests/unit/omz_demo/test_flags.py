"""Flags of ``omz_demo``: made from the records of options, none left out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

import omz
from omz.cutout.flag import flag_of
from omz.cutout.options import Options, make_options
from omz_demo.cli import main
from omz_demo.open_model_zoo_flags import with_theirs


def read(*arguments: str) -> Options:
    """Read a command line as the command does."""
    with main.make_context("omz_demo", list(arguments)) as context:
        flags = dict(context.params)
    for name in ("positional", "example"):
        del flags[name]
    inputs = flags.pop("inputs")
    return make_options(inputs, with_theirs(flags)[0])


def test_without_flags_all_options_have_their_defaults():
    assert read() == Options()


def test_each_option_with_a_flag_is_in_the_help():
    shown = CliRunner().invoke(main, ["--help"]).output
    for each in fields(Options):
        for name in flag_of(each).names:
            assert name.partition("/")[0] in shown


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--throughput"], "hint", "throughput"),
        (["--latency"], "hint", "latency"),
        (["--late"], "hint", "latency"),
        (["--no_sound"], "sound", False),
        (["--show"], "show", True),
        (["--no_sh"], "show", False),
        (["--what", "alpha, cutout"], "whats", ("alpha", "cutout")),
        (["--shard", "2/3"], "part", (2, 3)),
        (["--limit", "0"], "limit", None),
        (["-limit", "3"], "limit", 3),
        (["--limit", "2", "-limit", "3"], "limit", 2),
        (["-i", "a.png", "--input", "b.png"], "inputs", ("a.png", "b.png")),
        (["--num_streams", "CPU:2"], "num_streams", 2),
        (["--target_bgr", "0,0,255", "--target", "blue"], "target", "blue"),
    ],
)
def test_flags_become_options(arguments, name, value):
    assert getattr(read(*arguments), name) == value


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--quality", "0"], "omz_demo: error: --quality 0: give at least 1\n"),
        (["--low", "1.5"], "omz_demo: error: --low 1.5: give at most 1\n"),
        (["--input_size", "big"], "omz_demo: error: --input_size: "),
    ],
)
def test_values_out_of_range_are_wrong_usage(arguments, line):
    result = CliRunner().invoke(main, ["a.png", *arguments], prog_name="omz_demo")
    assert result.exit_code == 2
    assert result.stderr.startswith(line)


def test_every_flag_has_a_help_text():
    for parameter in main.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help


def test_the_version_is_that_of_the_package():
    told = version("open-matting-zoo")
    assert CliRunner().invoke(main, ["--version"]).output.endswith(f", version {told}\n")
    assert omz.__version__ == told
    assert issubclass(omz.errors.UsageError, omz.OmzError)


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "omz_demo", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: omz_demo [OPTIONS]")
