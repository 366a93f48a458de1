"""Plots of a report: error frame by frame, and error against time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from omz.accuracy.comparison import FrameResult
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.drawing import RULE, STEPS, Drawing, drawing, room, series_colour, series_marker
from omz.accuracy.report.figures import distance, distances, figure_names, first_model, scores
from omz.accuracy.report.notation import power, rough

_Values = NDArray[np.float64]

MANY = 300
"""Frames beyond which a plot shows groups of them: their mean, lowest and highest."""
_GROUPS = 240
_FEW = 60  # frames that have room for a mark each
_FEW_CLIPS = 24


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
            colour = series_colour(number)
            axis.plot([median, p90], [error, error], color=colour, linewidth=2, alpha=0.5)
            axis.plot([median, median], [low, high], color=colour, linewidth=2, alpha=0.5)
            axis.plot(median, error, series_marker(number), color=colour, markersize=10, markeredgewidth=0)
        axis.set_ylim(*room(ends))
        axis.set_xlim(0, 1.1 * longest)
        axis.set_xlabel("milliseconds a frame")
        axis.xaxis.set_major_locator(MaxNLocator(4 if narrow else 10, steps=STEPS))
        axis.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rough(value)))

    return drawing("trade-off", paint)


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
            axis.set_ylim(*room([0.0, *known]))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rough(value)))
        if len(breaks) < min(count - 1, _FEW_CLIPS):
            for place in breaks:
                axis.axvline(place + 0.5, color=RULE, linewidth=1, linestyle=(0, (2, 3)))
        axis.set_xlim(0.5, count + 0.5)
        axis.set_xlabel("frame")
        axis.xaxis.set_major_locator(MaxNLocator(5 if narrow else 12, integer=True, min_n_ticks=1, steps=STEPS))

    return drawing(name, paint)


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
        marker=series_marker(number),
        markersize=(6 if len(values) <= _FEW else 3) + 4 * (number == 0),
        markeredgewidth=0,
        clip_on=False,  # a mark at 0 is a whole one
        **_style(number),
    )


def _draw_groups(axis: Axes, number: int, values: _Values, breaks: Sequence[int]) -> None:
    """Draw the means of groups of frames, and a band from the lowest to the highest of each."""
    del breaks  # finer than a group
    middles, means, lows, highs = _grouped(values)
    axis.fill_between(middles, lows, highs, color=series_colour(number), alpha=0.18, linewidth=0)
    axis.plot(middles, means, **_style(number))


def _style(number: int) -> dict[str, Any]:
    """Return the line of a model; the first's is wide and pale, for others lie upon it where they agree with it."""
    width, alpha = 1.8, 0.9
    if number == 0:
        width, alpha = 5.0, 0.45
    return {"color": series_colour(number), "linewidth": width, "alpha": alpha}


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
