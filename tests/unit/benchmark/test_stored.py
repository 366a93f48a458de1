from __future__ import annotations

import json

import pytest
from helpers.benchmarks import row, run_of

from omz.benchmark.stored import read_runs
from omz.benchmark.writing import write_results
from omz.errors import DataError


def test_what_is_written_is_read_and_a_run_counts_once(tmp_path):
    one = run_of(row("a", [10.0] * 12, error=3.5), row("b", reason="its weights are not here"))
    other = run_of(row("ä <b>", [1.0]), processor="another", is_whole=False)
    write_results([tmp_path / "one.json"], [one])
    write_results([tmp_path / "both.json"], [one, other])
    assert read_runs([tmp_path / "one.json", tmp_path / "both.json"]) == [one, other]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def change(content, *keys, to):
    for key in keys[:-1]:
        content = content[key]
    content[keys[-1]] = to


FIGURES = ("runs", 0, "rows", 0, "figures")


@pytest.mark.parametrize(
    ("keys", "to", "said"),
    [
        (("schema", "name"), "other", "is not a result of omz_benchmark"),
        (("schema",), [], "is not a result of omz_benchmark"),
        (("schema", "version"), 2, "version 2"),
        (("runs",), {}, "runs"),
        (("runs", 0, "rows", 0, "case"), None, "runs.0.rows.0.case"),
        ((*FIGURES, "fps"), "fast", "fps"),
        ((*FIGURES, "median_ms"), 0, "not positive"),
        ((*FIGURES, "rounds", 0, "fps"), -1, "not positive"),
        ((*FIGURES, "p99_ms"), 1e999, "not positive"),
        ((*FIGURES, "rounds"), [], "no rounds"),
        ((*FIGURES, "first_ms"), float("nan"), "not positive"),
        ((*FIGURES, "load_ms"), 0, "not positive"),
        ((*FIGURES, "warm_load_ms"), float("nan"), "not positive"),
        ((*FIGURES, "disk"), -5, "not positive"),
        ((*FIGURES, "rounds", 0, "cpu_ms"), float("nan"), "not positive"),
    ],
)
def test_files_that_were_changed_are_refused_in_a_line(tmp_path, keys, to, said):
    path = tmp_path / "run.json"
    write_results([path], [run_of(row("a", [10.0] * 12))])
    content = json.loads(path.read_text())
    change(content, *keys, to=to)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=said) as caught:
        read_runs([path])
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_files_that_are_no_results_are_refused_in_a_line(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"run\.json"):
        read_runs([path])
