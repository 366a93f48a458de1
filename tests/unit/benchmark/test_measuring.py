"""Measurement, in real processes on networks of a few layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.matting_networks import save_one_picture, save_recurrent
from helpers.rewritten import save_rewritten

from omz.benchmark import measuring, worker
from omz.benchmark.candidate import ONNX_RUNTIME, Candidate
from omz.benchmark.measuring import ROUNDS, Measurement, time_for
from omz.benchmark.request import BenchmarkObserver
from omz.benchmark.results import Case, Row
from omz.benchmark.runners import Burst
from omz.benchmark.worker import Loaded
from omz.errors import EngineError
from omz.isolated import apart
from omz.runtime.engine import EngineInfo
from omz.zoo.vocabulary import GRAPHS


class Watcher(BenchmarkObserver):
    """Remembers what is done, and interrupts at a step."""

    def __init__(self, stop_at: str = "never") -> None:
        self.steps: list[str] = []
        self._stop_at = stop_at

    def on_progress(self, step: str, share: float) -> None:
        assert 0 <= share <= 1
        self.steps.append(step)
        if step.startswith(self._stop_at):
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    return save_one_picture(tmp_path_factory.mktemp("network") / "small.onnx", 64, 64)


def candidate(path: Path, name: str, **case: str) -> Candidate:
    return Candidate(Case(name, **{"size": "64x64", **case}), path, (path,), threads=1)


def measured(planned: Sequence[Candidate | Row], seconds: float = 0.12) -> tuple[Row, ...]:
    measurement = Measurement(planned, seconds, BenchmarkObserver())
    measurement.run()
    return measurement.rows


def test_candidates_run_in_rounds_and_those_that_fail_are_rows_with_their_reasons(network, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    waiting = Row(Case("elsewhere"), reason="its weights are not here")
    rows = measured(
        [
            candidate(network, "one"),
            waiting,
            candidate(tmp_path / "bad.onnx", "bad"),
            candidate(network, "nowhere", device="MARTIAN"),
            candidate(network, "many", streams="throughput"),
            candidate(network, "two", streams="2"),
            candidate(network, "original", engine=ONNX_RUNTIME),
        ]
    )
    assert [row.case.model for row in rows] == ["one", "elsewhere", "bad", "nowhere", "many", "two", "original"]
    assert rows[1] is waiting
    assert "device MARTIAN is not there" in rows[3].reason
    assert rows[2].reason
    for row in (rows[0], *rows[4:]):
        figures = row.figures
        assert figures is not None, row.reason
        assert {each.number for each in figures.rounds} <= {*range(ROUNDS)}
        assert len(figures.rounds) >= 1
        assert 0 < figures.median_ms <= figures.p90_ms <= figures.p99_ms
        assert figures.fps > 0
        assert figures.runs >= len(figures.rounds)
        assert figures.disk == network.stat().st_size
        assert figures.peak_memory is None or 2**24 < figures.peak_memory < 2**34
        assert (figures.warm_load_ms is None) == (row.case.engine == ONNX_RUNTIME)


@pytest.mark.parametrize("device", ["AUTO", "MULTI:CPU", "HETERO:CPU"])
def test_virtual_devices_run(network, device):
    [row] = measured([candidate(network, "one", device=device)])
    assert row.figures is not None, row.reason
    assert "CPU" in row.figures.device


def test_a_recurrent_network_remembers_its_frames(tmp_path):
    [row] = measured([candidate(save_recurrent(tmp_path / "net.onnx", 64, 64), "recurrent")])
    assert row.figures is not None, row.reason


def test_the_process_of_a_candidate_runs_only_one_graph(tmp_path, monkeypatch):
    """Else its time to load and its memory would be those of both."""
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    path = save_rewritten(tmp_path / "net.xml", 64, 96)
    for graph in GRAPHS:
        chosen = replace(candidate(path, "one", size="96x64"), has_graphs=True, graph=graph)
        assert apart("OpenVINO", worker.load, chosen).first_ms > 0
    assert not (tmp_path / "cache" / "graphs").exists()
    assert apart("OpenVINO", worker.faster_graph, chosen) in GRAPHS
    assert len([*(tmp_path / "cache" / "graphs").glob("*.json")]) == 1


def test_where_memory_is_short_the_first_runs_with_all_others(network, monkeypatch):
    monkeypatch.setattr(measuring, "_MOST_AT_A_TIME", 2)
    rows = measured([candidate(network, name) for name in ("first", "second", "third")])
    numbers = [{each.number for each in row.figures.rounds} for row in rows]
    assert numbers[1] <= {*range(ROUNDS)} < {*range(2 * ROUNDS)}
    assert numbers[2] <= {*range(ROUNDS, 2 * ROUNDS)}
    assert numbers[0] & numbers[1]
    assert numbers[0] & numbers[2]


def test_a_model_that_takes_longer_than_its_time_runs_beside_each_group(network, monkeypatch):
    monkeypatch.setattr(measuring, "_MOST_AT_A_TIME", 2)
    rows = measured([candidate(network, name) for name in ("first", "second", "third")], seconds=1e-9)
    first, *others = ({each.number for each in row.figures.rounds} for row in rows)
    assert all(first & other for other in others)


def test_where_the_first_fails_another_runs_with_all_others(network, monkeypatch):
    monkeypatch.setattr(measuring, "_MOST_AT_A_TIME", 3)
    measure = measuring._Running.measure

    def fail(running, number: int, seconds: float) -> None:
        if running.candidate.case.model == "first":
            raise EngineError("it broke")
        measure(running, number, seconds)

    monkeypatch.setattr(measuring._Running, "measure", fail)
    rows = measured([candidate(network, name) for name in ("first", "second", "third", "fourth", "fifth")])
    assert rows[0].reason == "it broke"
    second, *others = ({each.number for each in row.figures.rounds} for row in rows[1:])
    assert all(second & other for other in others)


def test_a_model_that_does_not_load_from_the_cache_is_measured(network, monkeypatch):
    monkeypatch.setattr(measuring.worker, "load_cached", worker_that_fails)
    [row] = measured([candidate(network, "one")])
    assert row.figures is not None, row.reason
    assert row.figures.warm_load_ms is None


def worker_that_fails(candidate: Candidate, cache: Path) -> float:
    raise EngineError("the cache is of no use")


@pytest.mark.parametrize(
    ("asked", "first", "later", "is_untested"),
    [
        ("CPU", "CPU", "CPU", False),
        ("AUTO", "GPU.0", "GPU.0", True),
        ("AUTO", "(CPU)", "GPU.0", True),
        ("NPU", "NPU", "NPU", True),
    ],
)
def test_what_a_device_is_called_is_asked_of_the_engine(network, asked, first, later, is_untested):
    loaded = Loaded(EngineInfo("OpenVINO", first, "f16"), 1, 1)
    running = measuring._Running(candidate(network, "one", device=asked), None, loaded)
    running.used, running.bursts[0] = EngineInfo("OpenVINO", later, "f16"), Burst((1.0,), 1, 1)
    row = running.row()
    assert row.figures.device == later
    assert any(note.startswith("untested") for note in row.notes) == is_untested


def test_an_interruption_leaves_what_was_measured(network):
    watcher = Watcher("round 3")
    measurement = Measurement([candidate(network, name) for name in ("a", "b")], 0.2, watcher)
    with pytest.raises(KeyboardInterrupt):
        measurement.run()
    assert [len(row.figures.rounds) for row in measurement.rows] == [2, 2]
    early = Measurement([candidate(network, name) for name in ("a", "b")], 0.2, Watcher("loading b"))
    with pytest.raises(KeyboardInterrupt):
        early.run()
    assert [row.reason for row in early.rows] == ["not measured: the run was stopped before"] * 2


def test_many_candidates_share_the_time():
    assert time_for(1) == 10
    assert 24 * time_for(24) <= 240
    assert time_for(1000) == 1
