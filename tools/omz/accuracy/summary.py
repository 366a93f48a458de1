"""Averages over frames, and their differences."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.agreement import Agreement, farthest, pooled
from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.conventions import Convention

_RESAMPLES = 2000
_CONFIDENCE = 95  # percent
_ENOUGH_GROUPS = 5  # with fewer, a bootstrap's range is too narrow
_BLOCK = 2**20  # numbers of a bootstrap that are in memory at once


@dataclass(frozen=True)
class Interval:
    """A difference of two means, and the ends between which it lies with 95 % confidence.

    ``groups`` is the number of clips, or of single frames, that it was found on. One alone tells nothing of chance: its
    ends are NaN. Without any, all is NaN.
    """

    difference: float
    low: float
    high: float
    groups: int

    @property
    def has_ends(self) -> bool:
        """Whether the range is known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def is_clear(self) -> bool:
        """Whether chance alone would seldom make such a difference; fewer than five groups prove nothing."""
        return self.groups >= _ENOUGH_GROUPS and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class ModelSummary:
    """One model over all frames: ``figures`` by name, and problems by the names of frames that have no figures.

    ``median_ms`` and ``p90_ms`` are milliseconds of inference, None where nothing was inferred. ``lowest`` and
    ``highest`` are those of alpha, NaN where no frame has one.
    """

    figures: dict[str, float]
    frames: int
    median_ms: float | None
    p90_ms: float | None
    lowest: float
    highest: float
    problems: dict[str, str]


def summarise(results: Sequence[FrameResult], label: str, convention: Convention) -> ModelSummary:
    """Average one model's figures in the way of ``convention``; what is missing in a frame does not count there."""
    names: dict[str, None] = {}
    times: list[float] = []
    lows, highs = [], []
    problems, good = {}, 0
    for result in results:
        frame = result.models.get(label)
        if frame is None:
            continue
        names |= dict.fromkeys(frame.figures)
        if frame.milliseconds is not None:
            times.append(frame.milliseconds)
        if frame.problem:
            problems[result.name] = frame.problem
            continue
        good += 1
        if frame.lowest is not None and frame.highest is not None:
            lows.append(frame.lowest)
            highs.append(frame.highest)
    median = p90 = None
    if times:
        median, p90 = statistics.median(times), sorted(times)[math.ceil(0.9 * len(times)) - 1]
    return ModelSummary(
        figures={name: _average(frames_with(results, label, name), convention) for name in names},
        frames=good,
        median_ms=median,
        p90_ms=p90,
        lowest=min(lows, default=math.nan),
        highest=max(highs, default=math.nan),
        problems=problems,
    )


def frames_with(results: Iterable[FrameResult], label: str, name: str) -> list[tuple[FrameResult, float]]:
    """Return the frames on which a model has a finite figure, each with it."""
    found = []
    for result in results:
        frame = result.models.get(label)
        if frame and math.isfinite(frame.figures.get(name, math.nan)):
            found.append((result, frame.figures[name]))
    return found


def pooled_agreement(results: Sequence[FrameResult], pair: Pair) -> dict[str, Agreement]:
    """Return the agreement of two models over all frames, by output."""
    found: dict[str, list[Agreement]] = {}
    for result in results:
        for name, agreement in result.agreements.get(pair, {}).items():
            found.setdefault(name, []).append(agreement)
    return {name: pooled(frames) for name, frames in found.items()}


def worst_frames(results: Iterable[FrameResult], pair: Pair, count: int) -> list[FrameResult]:
    """Return the frames on which the outputs of two models are farthest apart, worst first."""
    compared = [result for result in results if result.agreements.get(pair)]
    return sorted(compared, key=lambda result: -farthest(result.agreements[pair].values()))[:count]


def paired_difference(results: Sequence[FrameResult], pair: Pair, name: str, convention: Convention) -> Interval:
    """Return by how much the second model's average is higher, on frames that both have.

    The interval comes from a bootstrap over clips, for frames of a clip are alike; over frames without a clip. All
    averages are those of ``convention``.
    """
    first = {result.name: value for result, value in frames_with(results, pair[0], name)}
    # The average of differences is the difference of averages, and loses no digits.
    differences = []
    for result, value in frames_with(results, pair[1], name):
        if result.name in first:
            differences.append((result, value - first[result.name]))
    groups = len({_group(result) for result, _ in differences})
    low = high = math.nan
    if groups > 1:
        averages = _resampled_averages(differences, convention)
        low, high = np.percentile(averages, [(100 - _CONFIDENCE) / 2, (100 + _CONFIDENCE) / 2]).tolist()
    return Interval(_average(differences, convention), low, high, groups)


def caveat(intervals: Iterable[Interval]) -> str:
    """Return why ranges are missing or rough, in a few words; empty where they are neither."""
    groups = min((each.groups for each in intervals if each.groups), default=_ENOUGH_GROUPS)
    if groups >= _ENOUGH_GROUPS:
        return ""
    if groups == 1:
        return "one clip or image gives no range"
    return f"{groups} clips or images make ranges rough"


def _group(result: FrameResult) -> tuple[str, str]:
    """Return the unit that the bootstrap draws: the frame's clip, or the frame itself where it has none."""
    return (result.clip, "") if result.clip else ("", result.name)


def _resampled_averages(frames: Sequence[tuple[FrameResult, float]], convention: Convention) -> NDArray[np.float64]:
    """Return the averages of draws, with replacement, of as many clips as there are.

    A draw is averaged without a look at its frames: the sum and count of each clip, by index where the convention
    averages by index, are all that its average needs. So a draw costs as much as there are clips, not frames.
    """
    rows: dict[tuple[str, str], int] = {}
    columns: dict[int, int] = {}
    for result, _ in frames:
        rows.setdefault(_group(result), len(rows))
        columns.setdefault(_index(result, convention), len(columns))
    sums, counts = np.zeros((2, len(rows), len(columns)))
    for result, value in frames:
        place = rows[_group(result)], columns[_index(result, convention)]
        sums[place] += value
        counts[place] += 1
    generator, averages = np.random.default_rng(0), np.empty(_RESAMPLES)
    at_once = max(1, _BLOCK // sums.size)  # draws, so that the tensor of all of them fits into memory
    for start in range(0, _RESAMPLES, at_once):
        block = averages[start : start + at_once]
        chosen = generator.integers(len(rows), size=(len(block), len(rows)))
        weights = counts[chosen].sum(1)
        there = weights > 0  # a draw may lack the clips that are long enough to have an index
        means = np.divide(sums[chosen].sum(1), weights, out=np.zeros_like(weights), where=there)
        block[:] = means.sum(1) / there.sum(1)
    return averages


def _index(result: FrameResult, convention: Convention) -> int:
    """Return the index whose frames, over clips, are averaged before all are; 0 where all are averaged at once."""
    return result.index if convention.by_index else 0


def _average(frames: Sequence[tuple[FrameResult, float]], convention: Convention) -> float:
    indices: dict[int, list[float]] = {}
    for result, value in frames:
        indices.setdefault(_index(result, convention), []).append(value)
    return _mean(list(map(_mean, indices.values())))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
