"""Errors of candidates, on a scene of the zoo, beside those of numbers that tests know."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.benchmarks import figures
from helpers.matting_networks import save_one_picture
from onnx import helper, numpy_helper

from omz.benchmark import quality
from omz.benchmark.candidate import Candidate
from omz.benchmark.quality import Errors, Quality
from omz.benchmark.request import BenchmarkObserver, BenchmarkRequest
from omz.benchmark.results import Case, Row

REQUEST = BenchmarkRequest(dataset="synthetic", num_frames=1)


def scored(*candidates: Candidate, used: tuple[tuple[str, str], ...] = (("CPU", "f32"),)) -> list[Row]:
    """Return the rows of candidates with their errors; ``used`` are devices and precisions of execution."""
    rows = []
    for number, each in enumerate(candidates):
        device, precision = used[number % len(used)]
        rows.append(Row(each.case, replace(figures([1.0]), device=device, precision=precision)))
    return Quality(REQUEST).add(rows, candidates, BenchmarkObserver())


def candidate(path: Path, **case: str) -> Candidate:
    return Candidate(Case(path.name, **{"precision": "file", "size": "64x64", **case}), path, (path,))


def test_files_of_one_name_have_errors_of_their_own(tmp_path):
    one, other = tmp_path / "old" / "net.onnx", tmp_path / "new" / "net.onnx"
    for path in (one, other):
        path.parent.mkdir()
        save(path, float(path == other))
    errors = [row.quality["MAD"] for row in scored(candidate(one), candidate(other))]
    assert errors[0] != errors[1]


def save(path: Path, least: float) -> None:
    """Save a network whose alpha is between ``least`` and 1."""
    model = onnx.load(save_one_picture(path, 64, 64))
    model.graph.node[3].output[0] = "raw"
    model.graph.node.append(helper.make_node("Clip", ["raw", "low", "high"], ["alpha"]))
    for name, value in (("low", least), ("high", 1)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    onnx.save(model, path)


def test_a_crash_is_a_reason_and_the_figures_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(quality, "_score", crash)
    [row] = scored(candidate(tmp_path / "net.onnx"))
    assert row.figures is not None
    assert "SIGABRT" in row.no_quality


def crash(request: BenchmarkRequest, candidate: Candidate) -> None:
    os.abort()


@pytest.mark.parametrize(
    ("used", "times"),
    [
        ((("CPU", "f32"), ("CPU", "f32")), 1),
        ((("CPU", "bf16"), ("GPU", "f16")), 2),
        ((("CPU", "f32"), ("GPU", "f32")), 2),
    ],
)
def test_errors_are_shared_where_the_same_is_computed(tmp_path, monkeypatch, used, times):
    known = []

    def count(request: BenchmarkRequest, candidate: Candidate) -> Errors:
        known.append(candidate)
        return Errors({"MAD": float(len(known))})

    monkeypatch.setattr(quality, "_errors", count)
    path = tmp_path / "net.xml"
    scored(candidate(path, precision="FP16@default"), candidate(path, precision="FP16@default", streams="2"), used=used)
    assert len(known) == times
