"""The Pareto front: rows that no other row beats in both error and latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omz.benchmark.results import BenchmarkRun


@dataclass(frozen=True)
class Point:
    """A measured row, by its number from 1, with its median latency and its error."""

    number: int
    milliseconds: float
    error: float


def points(run: BenchmarkRun) -> list[Point]:
    """Return the rows that have the first metric of a run."""
    found = []
    metric = next(iter(run.metrics), "")
    for number, row in enumerate(run.measured, 1):
        if row.figures is not None and metric in row.quality:
            found.append(Point(number, row.figures.median_ms, row.quality[metric]))
    return found


def front(found: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats in one of the two and equals in the other, from the fastest on.

    Example:
        >>> [each.number for each in front([Point(1, 10, 3), Point(2, 20, 1), Point(3, 30, 2)])]
        [1, 2]

    """
    best: list[Point] = []
    for point in sorted(found, key=lambda each: (each.milliseconds, each.error)):
        if not best or point.error < best[-1].error:
            best.append(point)
    return best
