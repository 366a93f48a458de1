"""``omz_benchmark``, run as users run it."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from helpers.matting_networks import save_one_picture
from helpers.rewritten import save_rewritten

from omz.cli.benchmark import main

STARTER = "background-matting-starter"
PROGRAM = [sys.executable, "-m", "omz.cli.benchmark"]


def run(*arguments: object) -> Result:
    runner = CliRunner(env={"COLUMNS": "160"})
    result = runner.invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    return save_one_picture(tmp_path_factory.mktemp("network") / "small.onnx", 64, 64)


@pytest.fixture(scope="module")
def results(tmp_path_factory, network) -> tuple[Path, Result]:
    """The starter on synthetic scenes beside its original, with all files that a run can write."""
    folder = tmp_path_factory.mktemp("results")
    outputs = [part for suffix in ("json", "csv", "html", "md") for part in ("-o", folder / f"run.{suffix}")]
    result = run(
        "--name", f"{STARTER},u2net", "--precisions", "FP16", "--sizes", "96x64,64x64", "--compare", "pytorch",
        "--time", "0.2", "--num_threads", 1, "--dataset", "synthetic", "--num_frames", 1, "--recommend",
        "fps>=0.001,memory<=99999", *outputs,
    )  # fmt: skip
    return folder, result


def test_a_run_prints_tables_and_writes_all_files(results):
    folder, result = results
    assert result.exit_code == 0, result.output
    for told in (STARTER, "96x64", "PyTorch", "median ms", "MAD", "u2net: its weights are not here; omz_downloader"):
        assert told in result.output
    assert re.search(
        rf"^RECOMMENDED: {STARTER} FP16 OpenVINO \S+ \d+x64 latency: it has the lowest", result.output, re.M
    )
    assert sorted(path.name for path in folder.iterdir()) == ["run.csv", "run.html", "run.json", "run.md"]
    [written] = json.loads((folder / "run.json").read_text())["runs"]
    assert written["machine"].keys() >= {"processor", "features", "governor", "cores"}
    assert written["versions"].keys() >= {"openvino", "python"}
    rows = [*csv.DictReader((folder / "run.csv").read_text().splitlines())]
    assert [bool(row["median_ms"]) for row in rows] == [True] * 4 + [False]
    # The original and the IR compute the same, at each of the sizes that they were timed at.
    errors = {(row["engine"], row["size"]): float(row["MAD"]) for row in rows if row["MAD"]}
    for size in ("96x64", "64x64"):
        assert errors["OpenVINO", size] == pytest.approx(errors["PyTorch", size], rel=0.02)
    assert errors["OpenVINO", "96x64"] != errors["OpenVINO", "64x64"]


def test_runs_are_merged_into_one_page(results, tmp_path):
    folder, _ = results
    content = (folder / "run.json").read_text()
    other = json.loads(content)
    other["runs"][0]["machine"]["processor"] = "another machine"
    (tmp_path / "other.json").write_text(json.dumps(other))
    result = run("--merge", folder / "run.json", tmp_path / "other.json", "-o", tmp_path / "both.html")
    assert result.exit_code == 0
    assert "another machine" in result.output
    page = (tmp_path / "both.html").read_text()
    assert page.count("<section") == 2
    assert "another machine" in page


def test_what_no_model_keeps_is_not_recommended(results):
    folder, _ = results
    result = run("--merge", folder / "run.json", "--recommend", "latency<=0.000001")
    assert result.exit_code == 1
    assert "RECOMMENDED: none" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "give exactly one of --name, --list, --all"),
        (["--name", "nothing"], 1, "No matching models"),
        (["--name", STARTER, "--precisions", "FP8"], 2, "--precisions FP8"),
        (["--name", STARTER, "--precisions", "FP16,,FP32"], 2, "a value is missing beside a comma"),
        (["--name", STARTER, "--recommend", "colour>=3"], 2, "no figure is called 'colour'"),
        (["--name", STARTER, "--recommend", "MAD<=3"], 2, "no figure is called 'MAD'"),
        (["--name", STARTER, "-o", "table.pdf"], 2, "there are .json, .csv, .html, .md"),
        (["--name", STARTER, "-o", "nowhere/table.csv"], 2, "there is no folder nowhere"),
        (["--name", STARTER, "--dataset", "nowhere"], 1, "nowhere"),
        (["--name", STARTER, "file.json"], 2, "files are for --merge"),
        (["--merge"], 2, "--merge needs the files"),
        (["--merge", "nowhere.json"], 1, "nowhere.json cannot be read"),
        (["--merge", "--name", STARTER, "a.json"], 2, "--merge measures nothing"),
    ],
)
def test_errors_are_one_line_with_their_code(arguments, code, said):
    result = run(*arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_where_nothing_can_be_measured_the_reasons_are_told(tmp_path):
    result = run("--name", "u2net", "-d", "MARTIAN", "--download_dir", tmp_path, "-o", tmp_path / "run.json")
    assert result.exit_code == 1
    assert "its weights are not here" in result.stdout
    assert "nothing was measured" in result.stderr
    assert (tmp_path / "run.json").is_file()
    missing = run("--name", STARTER, "--precisions", "FP16", "-d", "MARTIAN", "--sizes", "64x64")
    assert missing.exit_code == 1
    assert "device MARTIAN is not there" in missing.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_prints_what_was_measured_and_leaves_no_process(network, tmp_path, number):
    # Rounds of a second, of which most are to come when it is interrupted.
    command = [*PROGRAM, "-m", network, "--precisions", "FP16", "-d", "CPU", "--time", "60"]
    command += ["--num_threads", "1", "-o", tmp_path / "run.json"]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:  # until it has measured for a while
        if re.search(r": round ([2-9]|\d\d)", line):
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    assert "small.onnx" in out
    assert "the table has what was measured before" in err
    assert not json.loads((tmp_path / "run.json").read_text())["runs"][0]["is_whole"]
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.slow
def test_all_models_are_rows(u2netp_weights, tmp_path):
    downloads = u2netp_weights.parents[2]
    result = run("--all", "--download_dir", downloads, "-o", tmp_path / "run.json")
    assert result.exit_code == 0
    rows = json.loads((tmp_path / "run.json").read_text())["runs"][0]["rows"]
    assert {row["case"]["model"] for row in rows if row["figures"]} >= {STARTER, "u2netp"}
    assert all(row["figures"] or row["reason"] for row in rows)


def test_the_faster_graph_of_a_rewritten_model_is_measured_and_named(tmp_path, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    ir, rows = save_rewritten(tmp_path / "net.xml", 64, 96), tmp_path / "rows.json"
    result = run("-m", ir, "--time", "0.2", "--num_threads", 1, "-d", "CPU", "-o", rows)
    assert result.exit_code == 0
    (measured,) = (tmp_path / "cache" / "graphs").glob("*.json")
    times = json.loads(measured.read_text())["milliseconds"]
    assert f"its {min(times, key=times.get)} graph ran, the faster one here" in rows.read_text()
