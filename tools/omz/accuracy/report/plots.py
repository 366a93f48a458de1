"""Plots of a report: error frame by frame, and error against time.

Matplotlib draws them as SVG, which takes colours and font from the page it stands in.
"""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.style
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from omz.accuracy.comparison import FrameResult
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.figures import distance, distances, figure_names, first_model, scores
from omz.accuracy.report.notation import power, rough

_Values = NDArray[np.float64]

MANY = 300
"""Frames beyond which a plot shows groups of them: their mean, lowest and highest."""
_GROUPS = 240
_FEW = 60  # frames that have room for a mark each
_FEW_CLIPS = 24
_STEPS = (1, 2, 5, 10)  # between numbers at an axis
_LEAST_ROOM = 0.05  # of the highest value: so that nearly equal values look nearly equal
_RULE = "#0a0b02"
"""Stand-in for the page's colour of lines while matplotlib draws."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Matplotlib's names of marks; a model has one besides its colour, for those who see no colours."""
SERIES = 8
"""Number of colours; the page calls them ``--series-0`` and so on."""
_INK = "#0a0b01"
_COLOURS = tuple(map("#0a0b1{}".format, range(SERIES)))
_VARIABLES = {_INK: "var(--muted)", _RULE: "var(--rule)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(_COLOURS)
}
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that all machines leave the same room for text
    "font.size": 12,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.labelpad": 6,
    "grid.color": _RULE,
    "grid.linewidth": 0.8,
    "xtick.color": _RULE,
    "ytick.color": _RULE,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "svg.fonttype": "none",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_POINT = 1 / 72  # inches; an SVG of matplotlib has one unit a point
_WIDE, _NARROW = (1040, 260), (340, 230)
_MARGINS = (46, 44, 18, 10)


def score_plot(evaluation: Evaluation) -> Drawing | None:
    """Draw each model's first figure on each frame; None without truth."""
    names = figure_names(evaluation)
    if not names:
        return None
    lines = [scores(evaluation, label, names[0]) for label in evaluation.models]
    return _by_frame("scores", lines, evaluation.results, logarithmic=False)


def distance_plot(evaluation: Evaluation) -> Drawing | None:
    """Draw how far each model's alpha is from the first's on each frame, on a logarithmic scale.

    What is 0 has no place on it, and is left out. None where nothing is compared, or nothing differs.
    """
    lines = []
    for label in evaluation.models:
        values = distances(evaluation, label)
        lines.append(np.where(values > 0, values, math.nan))
    if np.isnan(lines).all():
        return None
    return _by_frame("distances", lines, evaluation.results, logarithmic=True)


def trade_off_plot(evaluation: Evaluation) -> Drawing | None:
    """Draw each model's error against the time it takes; None where no model was timed, or none has an error.

    Error is the first figure with the 95 % interval of its difference, or without truth, how far alpha is from the
    first model's. A line goes from the median of the times to their 90th percentile.
    """
    points: dict[int, tuple[float, ...]] = {}
    ends: list[float] = []
    longest = 0.0
    for number, (label, each) in enumerate(evaluation.summaries.items()):
        error = _error(evaluation, label)
        if error is not None and each.median_ms is not None and math.isfinite(each.median_ms):
            p90 = each.p90_ms or each.median_ms
            points[number] = (each.median_ms, p90, *error)
            ends += error
            longest = max(longest, p90)
    if not points:
        return None

    def paint(axis: Axes, narrow: bool) -> None:
        for number, (median, p90, error, low, high) in points.items():
            colour = _series_colour(number)
            axis.plot([median, p90], [error, error], color=colour, linewidth=2, alpha=0.5)
            axis.plot([median, median], [low, high], color=colour, linewidth=2, alpha=0.5)
            axis.plot(median, error, _series_marker(number), color=colour, markersize=10, markeredgewidth=0)
        axis.set_ylim(*_room(ends))
        axis.set_xlim(0, 1.1 * longest)
        axis.set_xlabel("milliseconds a frame")
        axis.xaxis.set_major_locator(MaxNLocator(4 if narrow else 10, steps=_STEPS))
        axis.yaxis.set_major_locator(MaxNLocator(5, steps=_STEPS))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rough(value)))

    return _drawing("trade-off", paint)


def _error(evaluation: Evaluation, label: str) -> tuple[float, float, float] | None:
    """Return a model's error, and the ends between which it lies; None where it has none."""
    first, names = first_model(evaluation), figure_names(evaluation)
    if not names:
        if len(evaluation.models) == 1:
            return None
        if label == first:
            return 0.0, 0.0, 0.0
        apart = distance(evaluation.agreements.get((first, label), {}))
        return None if math.isnan(apart) else (apart, apart, apart)
    error = evaluation.summaries[label].figures.get(names[0], math.nan)
    if not math.isfinite(error):
        return None
    interval = evaluation.differences.get(label, {}).get(names[0])
    if interval is None or not interval.has_ends:
        return error, error, error
    return error, error - interval.difference + interval.low, error - interval.difference + interval.high


def _room(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis around values, which are not made to look further apart than they are."""
    low, high = min(values), max(values)
    room = max(0.15 * (high - low), _LEAST_ROOM * max(abs(low), abs(high))) or 1.0
    start = low - room
    if low >= 0:
        start = max(0.0, start)
    return start, high + room


def _by_frame(name: str, lines: Sequence[_Values], results: Sequence[FrameResult], logarithmic: bool) -> Drawing:
    count, breaks = len(results), _breaks(results)
    values = np.concatenate(lines)
    known = values[np.isfinite(values)].tolist()
    draw_line = _draw_frames
    if count > MANY:
        draw_line = _draw_groups

    def paint(axis: Axes, narrow: bool) -> None:
        if logarithmic:
            _make_logarithmic(axis, values)
        for number, line in enumerate(lines):
            draw_line(axis, number, line, breaks)
        if not logarithmic:
            axis.set_ylim(*_room([0.0, *known]))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rough(value)))
        if len(breaks) < min(count - 1, _FEW_CLIPS):
            for place in breaks:
                axis.axvline(place + 0.5, color=_RULE, linewidth=1, linestyle=(0, (2, 3)))
        axis.set_xlim(0.5, count + 0.5)
        axis.set_xlabel("frame")
        axis.xaxis.set_major_locator(MaxNLocator(5 if narrow else 12, integer=True, min_n_ticks=1, steps=_STEPS))

    return _drawing(name, paint)


def _breaks(results: Sequence[FrameResult]) -> list[int]:
    """Return the places of frames that do not follow the one before, such as the first of a clip."""
    places = []
    for place, (before, result) in enumerate(itertools.pairwise(results), 1):
        if not (result.clip and result.clip == before.clip and result.index == before.index + 1):
            places.append(place)
    return places


def _draw_frames(axis: Axes, number: int, values: _Values, breaks: Sequence[int]) -> None:
    """Draw a mark a frame, if there is room, and a line through those that follow each other."""
    frames = np.arange(1.0, len(values) + 1)
    axis.plot(
        np.insert(frames, breaks, math.nan),
        np.insert(values, breaks, math.nan),
        marker=_series_marker(number),
        markersize=(6 if len(values) <= _FEW else 3) + 4 * (number == 0),
        markeredgewidth=0,
        clip_on=False,  # a mark at 0 is a whole one
        **_style(number),
    )


def _draw_groups(axis: Axes, number: int, values: _Values, breaks: Sequence[int]) -> None:
    """Draw the means of groups of frames, and a band from the lowest to the highest of each."""
    del breaks  # finer than a group
    middles, means, lows, highs = _grouped(values)
    axis.fill_between(middles, lows, highs, color=_series_colour(number), alpha=0.18, linewidth=0)
    axis.plot(middles, means, **_style(number))


def _style(number: int) -> dict[str, Any]:
    """Return the line of a model; the first's is wide and pale, for others lie upon it where they agree with it."""
    width, alpha = 1.8, 0.9
    if number == 0:
        width, alpha = 5.0, 0.45
    return {"color": _series_colour(number), "linewidth": width, "alpha": alpha}


def _grouped(values: _Values) -> tuple[_Values, _Values, _Values, _Values]:
    """Return the middle, mean, lowest and highest of groups of frames that have a value; NaN where none has."""
    rows = np.full((_GROUPS, 4), math.nan)
    for row, places in zip(rows, np.array_split(np.arange(len(values)), _GROUPS), strict=True):
        finite = values[places][np.isfinite(values[places])]
        row[0] = places.mean() + 1
        if finite.size:
            row[1:] = finite.mean(), finite.min(), finite.max()
    middles, means, lows, highs = rows.T
    return middles, means, lows, highs


def _make_logarithmic(axis: Axes, values: _Values) -> None:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    axis.set_yscale("log")
    axis.set_ylim(low / 2, high * 2)
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 20 else (1.0, 2.0, 5.0), numticks=7))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    axis.yaxis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class Drawing:
    """SVG, drawn twice, for desks and for phones, so that its text can be read on both."""

    wide: Markup
    narrow: Markup


def _drawing(name: str, paint: Callable[[Axes, bool], None]) -> Drawing:
    """Draw axes; ``paint`` fills them, and is told whether they are narrow.

    ``name`` tells apart what stands on one page. The same name and paint give the same bytes. No text that strangers
    wrote belongs in a drawing: matplotlib's font lacks most of the world's letters.
    """
    return Drawing(_draw(f"{name}-wide", _WIDE, paint, False), _draw(f"{name}-narrow", _NARROW, paint, True))


def _series_colour(number: int) -> str:
    """Return what stands for the colour of a model by its place."""
    return _COLOURS[number % SERIES]


def _series_marker(number: int) -> str:
    """Return the mark of a model by its place."""
    return MARKERS[number % len(MARKERS)]


def _draw(salt: str, size: tuple[int, int], paint: Callable[[Axes, bool], None], narrow: bool) -> Markup:
    with matplotlib.style.context(["default", _STYLE | {"svg.hashsalt": salt}]):
        width, height = size
        figure = Figure((width * _POINT, height * _POINT))
        left, bottom, right, top = _MARGINS  # the same in all plots, so that those below each other line up
        edges = {"left": left / width, "right": 1 - right / width, "bottom": bottom / height, "top": 1 - top / height}
        paint(figure.subplots(gridspec_kw=edges), narrow)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=_NO_METADATA, transparent=True)
    return _embedded(written.getvalue())


def _embedded(document: str) -> Markup:
    """Return the drawing in an SVG document without a size, colours, fonts and names of its own."""
    start = re.search(r"<svg[^>]*(?P<box>viewBox=\"[^\"]*\")[^>]*>", document)
    if start is None:
        raise AssertionError("matplotlib writes an SVG with a viewBox")
    svg = f'<svg {start["box"]} aria-hidden="true">{document[start.end() :]}'
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[^"]*_\d+"', "", svg)  # those of groups; what is referred to has a salted name
    svg = re.sub(r" font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return Markup(svg)  # drawn from numbers alone
