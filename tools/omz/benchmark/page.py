"""The page: tables and plots of one run or several, in one file that loads nothing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omz.accuracy.report.drawing import MARKERS, SERIES, Drawing
from omz.accuracy.report.templates import environment
from omz.benchmark import table
from omz.benchmark.pareto import front, points
from omz.benchmark.plots import latency_plot, quality_plot, series
from omz.benchmark.results import BenchmarkRun, Row


@dataclass(frozen=True)
class Line:
    """A row of the table: its number, its colour, what it is of, its cells, and whether it is on the Pareto front."""

    number: int
    series: int
    model: str
    case: str
    cells: list[str]
    speed: table.Speed
    is_best: bool


@dataclass(frozen=True)
class Part:
    """A run as the page shows it.

    ``metric`` is the heading of the first error, and ``quality_words`` tell its plot to those who do not see it.
    """

    run: BenchmarkRun
    title: str
    common: str
    facts: Mapping[str, str]
    headings: list[str]
    lines: list[Line]
    models: Mapping[str, int]
    metric: str
    quality: Drawing | None
    quality_words: str
    latency: Drawing | None
    left_out: list[tuple[str, str]]
    notes: list[tuple[str, str]]
    command: str


def page_html(runs: Sequence[BenchmarkRun]) -> str:
    """Return the page of runs, one below the other, for times on two machines have no common axis.

    Names are escaped wherever they stand, and a policy in the page keeps the browser from fetching or running anything.
    """
    template = environment("omz.benchmark", "omz.accuracy.report").get_template("benchmark.html.j2")
    return template.render(
        parts=[_part(run, place) for place, run in enumerate(runs)],
        speed_place=table.SPEED,
        explained=table.NOTES,
        markers=MARKERS,
        series=SERIES,
        heat="",  # of a rule in the style sheet that no element here has
    ) + "\n"  # fmt: skip


def _part(run: BenchmarkRun, place: int) -> Part:
    models, best = series(run), {each.number for each in front(points(run))}
    lines = []
    for number, row in enumerate(run.measured, 1):
        line = Line(
            number=number,
            series=models[row.case.model],
            model=row.case.model,
            case=table.case(run, row),
            cells=table.cells(run, row),
            speed=table.speed(run, row),
            is_best=number in best,
        )
        lines.append(line)
    return Part(
        run=run,
        title=run.title or "A machine",
        common=table.common(run) if lines else "",
        facts={name: value for name, value in run.machine.items() if name != "processor" and value},
        headings=table.headings(run),
        lines=lines,
        models=models,
        metric=run.heading(run.metrics[0]) if run.metrics else "",
        quality=quality_plot(run, place),
        quality_words=_in_words(run),
        latency=latency_plot(run, place) if lines else None,
        left_out=table.left_out(run),
        notes=table.notes(run),
        command=shlex.join(run.command),
    )


def _in_words(run: BenchmarkRun) -> str:
    """Return the rows on the Pareto front in words."""
    told = []
    for point in front(points(run)):
        row: Row = run.measured[point.number - 1]
        told.append(f"{row.case.title}: {point.error:.4g} in {table.milliseconds(point.milliseconds)} ms")
    return "; ".join(told)
