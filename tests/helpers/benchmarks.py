"""Runs of a benchmark, made of numbers that tests know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omz.benchmark.results import BenchmarkRun, Case, Figures, Round, Row


def figures(rounds: Sequence[float], first: int = 0, disk: int = 2_000_000) -> Figures:
    """Return the figures of a case with these median latencies, in milliseconds, by round from ``first`` on."""
    ordered = sorted(rounds)
    told = tuple(Round(first + number, each, 1e3 / each, each) for number, each in enumerate(rounds))
    middle = ordered[len(ordered) // 2]
    return Figures(
        "CPU", "f32", len(rounds), middle, ordered[-1], ordered[-1], 1e3 / middle, 2 * middle, 100.0, 50.0,
        200_000_000, disk, told,
    )  # fmt: skip


def row(
    model: str, rounds: Sequence[float] = (), first: int = 0, disk: int = 2_000_000, error: float | None = None,
    **others: Any,
) -> Row:  # fmt: skip
    """Return a row with rounds; ``others`` are ``reason`` and ``notes`` of the row, and the parts of its case."""
    reason, notes = others.pop("reason", ""), others.pop("notes", ())
    known: Mapping[str, float] = {} if error is None else {"MAD": error}
    parts = {"precision": "FP16", "size": "320x320", **others}
    return Row(Case(model, **parts), figures(rounds, first, disk) if rounds else None, reason, notes, known)


def run_of(*rows: Row, processor: str = "a processor", is_whole: bool = True) -> BenchmarkRun:
    """Return a run with these rows, on a machine."""
    has_errors = any(each.quality for each in rows)
    return BenchmarkRun(
        machine={"processor": processor, "governor": "powersave", "features": "avx2"},
        versions={"openvino": "2026.4"},
        settings={"names": "a, b"},
        command=("omz_benchmark", "--name", "a,b"),
        finished="2026-01-01T00:00:00+00:00",
        rows=rows,
        dataset="20 scenes" if has_errors else "",
        convention="convention omz" if has_errors else "",
        units={"MAD": "x1e3"} if has_errors else {},
        is_whole=is_whole,
    )
