"""``omz_benchmark --cluster``: a run on each machine, and none beside another one of the same machine."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from helpers.clusters import LONG, kill_a_worker, ray_nodes, start, wait_for_the_end_of_ray
from helpers.matting_networks import save_one_picture

from omz.cli import benchmark

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

GIVEN = ("-m", "small.onnx", "-m", "nowhere.xml", "-d", "CPU", "--sizes", "64x64", "--time", "0.5")


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    save_one_picture(tmp_path / "small.onnx", 64, 64)
    yield tmp_path
    wait_for_the_end_of_ray()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(benchmark.main, [str(each) for each in arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("-m", "a.onnx", "--cluster", "nowhere"), "'nowhere' is no cluster; write auto, the HOST:PORT of its head"),
        (("-m", "a.onnx", "--cluster", "local[2]"), "--cluster local is this machine alone; leave it out"),
        (("--merge", "a.json", "--cluster", "auto"), "--merge measures nothing; leave --cluster out"),
    ],
)
def test_what_a_cluster_cannot_do_is_wrong_usage(flags, problem):
    result = run(*flags)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_without_the_extra_there_is_one_line(monkeypatch):
    monkeypatch.setattr("omz.extras.find_spec", lambda _: None)
    result = run("-m", "a.onnx", "--cluster", "auto")
    assert result.exit_code == 1
    assert "Ray is not installed" in result.stderr


@pytest.mark.slow
def test_each_machine_has_its_rows_though_a_worker_dies(folder):
    with ray_nodes(folder, nodes=2) as nodes:
        outputs = ("-o", "both.json", "-o", "both.csv", "-o", "both.html")
        process = start("omz.cli.benchmark", folder, *GIVEN, *outputs, "--cluster", nodes.address)
        killed = False
        while process.poll() is None and not killed:
            time.sleep(0.05)
            killed = kill_a_worker()
        out, said = process.communicate(timeout=LONG)
    assert process.returncode == 0, said
    assert killed
    assert "Traceback" not in said
    runs = json.loads((folder / "both.json").read_text())["runs"]
    names = [each["machine"]["node"] for each in runs]
    assert len({*names}) == 2
    assert all(re.fullmatch(r"[\d.]+ \([0-9a-f]{6}\)", name) for name in names)
    assert all(name in (folder / "both.html").read_text() for name in names)
    for each in runs:
        measured, missing = each["rows"]
        assert measured["case"]["model"] == "small.onnx"
        assert measured["figures"]["median_ms"] > 0
        assert "nowhere.xml is not there" in missing["reason"]
    rows = [*csv.DictReader((folder / "both.csv").read_text().splitlines())]
    assert sorted(row["node"] for row in rows) == sorted(2 * names)
    assert out.count("nowhere.xml is not there") == 2


@pytest.mark.slow
def test_machines_without_figures_are_named(folder):
    (folder / "small.onnx").write_bytes(b"no network")
    with ray_nodes(folder, nodes=2) as nodes:
        process = start("omz.cli.benchmark", folder, *GIVEN, "--cluster", nodes.address)
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert said.count("nothing was measured") == 2
    assert "2 of 2 machines were not measured; the reasons are above" in said
