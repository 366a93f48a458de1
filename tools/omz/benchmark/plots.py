"""Plots of the page: error against latency, and the spread of latency."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from omz.accuracy.report.drawing import RULE, STEPS, Drawing, drawing, room, series_colour, series_marker
from omz.accuracy.report.notation import rough
from omz.benchmark.pareto import front, points
from omz.benchmark.results import BenchmarkRun, Row

_WIDE_RANGE = 20  # times, from which on a logarithmic axis has powers of ten only
_TEXT = 11


def series(run: BenchmarkRun) -> dict[str, int]:
    """Return the numbers of the colour and mark of each model that was measured, in order."""
    names = dict.fromkeys(row.case.model for row in run.measured)
    return {name: number for number, name in enumerate(names)}


def quality_plot(run: BenchmarkRun, place: int) -> Drawing | None:
    """Draw the first error of each row against its median latency, and the Pareto front; None without errors.

    Numbers are those of the rows in the table; ``place`` is that of the run on the page.
    """
    found = points(run)
    if not found:
        return None
    models, measured, best = series(run), run.measured, front(found)

    def paint(axis: Axes, narrow: bool) -> None:
        axis.plot(
            [each.milliseconds for each in best], [each.error for each in best],
            color=RULE, linewidth=2, drawstyle="steps-post",
        )  # fmt: skip
        for each in found:
            _mark(axis, models[measured[each.number - 1].case.model], each.milliseconds, each.error)
            axis.annotate(
                str(each.number), (each.milliseconds, each.error), (8, 5), textcoords="offset points", fontsize=_TEXT
            )
        axis.set_ylim(*room([each.error for each in found]))
        axis.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rough(value)))
        _latencies(axis, [each.milliseconds for each in found], narrow)

    return drawing(f"quality-{place}", paint)


def latency_plot(run: BenchmarkRun, place: int) -> Drawing:
    """Draw the median latency of each row, and lines to its 90th and 99th percentile, one row below the other."""
    models = series(run)

    def paint(axis: Axes, narrow: bool) -> None:
        ends: list[float] = []
        for number, row in enumerate(run.measured, 1):
            ends += _spread(axis, number, row, models[row.case.model])
        count = len(run.measured)
        axis.set_ylim(count + 0.6, 0.4)
        axis.yaxis.set_major_locator(MaxNLocator(min(count, 12), integer=True, min_n_ticks=1, steps=STEPS))
        _latencies(axis, ends, narrow)

    return drawing(f"latency-{place}", paint)


def _spread(axis: Axes, number: int, row: Row, colour: int) -> Sequence[float]:
    """Draw one row; return the ends of what was drawn."""
    figures = row.figures
    if figures is None:
        return ()
    axis.plot([figures.median_ms, figures.p99_ms], [number, number], color=series_colour(colour), linewidth=1.5)
    axis.plot(
        [figures.median_ms, figures.p90_ms], [number, number], color=series_colour(colour), linewidth=5, alpha=0.5
    )
    _mark(axis, colour, figures.median_ms, number)
    return figures.median_ms, figures.p99_ms


def _mark(axis: Axes, number: int, x: float, y: float) -> None:
    axis.plot(x, y, series_marker(number), color=series_colour(number), markersize=10, markeredgewidth=0)


def _latencies(axis: Axes, values: Sequence[float], narrow: bool) -> None:
    """Make the horizontal axis one of latencies: in powers of ten, for a fast model is many times as fast as a slow."""
    low, high = min(values) / 1.3, max(values) * 1.3
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    parts = (1.0,) if high / low > _WIDE_RANGE or narrow else (1.0, 2.0, 5.0)
    axis.xaxis.set_major_locator(LogLocator(subs=parts, numticks=7))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("milliseconds an image")
