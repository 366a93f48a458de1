"""What many frames say together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.agreement import Agreement, pooled
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
        """Whether there is a range at all."""
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
    frames = [(result, result.models[label]) for result in results if label in result.models]
    names = dict.fromkeys(name for _, frame in frames for name in frame.figures)
    times = sorted(frame.milliseconds for _, frame in frames if frame.milliseconds is not None)
    good = [frame for _, frame in frames if not frame.problem]
    return ModelSummary(
        figures={name: _average(frames_with(results, label, name), convention) for name in names},
        frames=len(good),
        median_ms=statistics.median(times) if times else None,
        p90_ms=times[math.ceil(0.9 * len(times)) - 1] if times else None,
        lowest=min((each.lowest for each in good if each.lowest is not None), default=math.nan),
        highest=max((each.highest for each in good if each.highest is not None), default=math.nan),
        problems={result.name: frame.problem for result, frame in frames if frame.problem},
    )


def frames_with(results: Iterable[FrameResult], label: str, name: str) -> list[tuple[FrameResult, float]]:
    """Return the frames in which a model has a figure, with it; one that is no number is left out."""
    found = []
    for result in results:
        value = result.models[label].figures.get(name, math.nan) if label in result.models else math.nan
        if math.isfinite(value):
            found.append((result, value))
    return found


def pooled_agreement(results: Sequence[FrameResult], pair: Pair) -> dict[str, Agreement]:
    """Return how far the outputs of two models are apart over all frames, by output."""
    frames = [result.agreements[pair] for result in results if pair in result.agreements]
    names = dict.fromkeys(name for frame in frames for name in frame)
    return {name: pooled([frame[name] for frame in frames if name in frame]) for name in names}


def worst_frames(results: Iterable[FrameResult], pair: Pair, count: int) -> list[FrameResult]:
    """Return the frames on which the outputs of two models are farthest apart, worst first."""
    there = (result for result in results if result.agreements.get(pair))
    return sorted(there, key=lambda result: -max(each.mean for each in result.agreements[pair].values()))[:count]


def paired_difference(
    results: Sequence[FrameResult], pair: Pair, name: str, convention: Convention, seed: int = 0
) -> Interval:
    """Return by how much the second model's average, in the way of ``convention``, is higher on frames that both have.

    The interval comes of a bootstrap over clips, for frames of a clip are alike; over frames where there are no clips.
    Each draw is averaged in the way of ``convention``, too.
    """
    first = {result.name: value for result, value in frames_with(results, pair[0], name)}
    # An average of differences is the difference of averages, and loses no digits.
    differences = [
        (result, value - first[result.name])
        for result, value in frames_with(results, pair[1], name)
        if result.name in first
    ]
    groups = len({_group(result) for result, _ in differences})
    low = high = math.nan
    if groups > 1:
        averages = _resampled_averages(differences, convention, seed)
        low, high = np.percentile(averages, [(100 - _CONFIDENCE) / 2, (100 + _CONFIDENCE) / 2]).tolist()
    return Interval(_average(differences, convention), low, high, groups)


def caveat(intervals: Iterable[Interval]) -> str:
    """Return why ranges are missing or rough, in a few words; empty where they are neither."""
    groups = min((each.groups for each in intervals if each.groups), default=_ENOUGH_GROUPS)
    if groups >= _ENOUGH_GROUPS:
        return ""
    return f"{groups} clips or pictures make ranges rough" if groups > 1 else "one clip or picture gives no range"


def _group(result: FrameResult) -> tuple[str, str]:
    """Return what a frame is drawn with: its clip, or itself where it has none."""
    return (result.clip, "") if result.clip else ("", result.name)


def _resampled_averages(
    frames: Sequence[tuple[FrameResult, float]], convention: Convention, seed: int
) -> NDArray[np.float64]:
    """Return the averages of draws, with replacement, of as many clips as there are."""
    rows = {group: row for row, group in enumerate(dict.fromkeys(_group(result) for result, _ in frames))}
    indices = dict.fromkeys(_index(result, convention) for result, _ in frames)
    columns = {index: column for column, index in enumerate(indices)}
    sums, counts = np.zeros((2, len(rows), len(columns)))
    for result, value in frames:
        place = rows[_group(result)], columns[_index(result, convention)]
        sums[place] += value
        counts[place] += 1
    generator, averages = np.random.default_rng(seed), np.empty(_RESAMPLES)
    at_once = max(1, _BLOCK // sums.size)
    for block in (averages[start : start + at_once] for start in range(0, _RESAMPLES, at_once)):
        chosen = generator.integers(len(rows), size=(len(block), len(rows)))
        weights = counts[chosen].sum(1)
        there = weights > 0  # a draw may lack the clips that are long enough to have an index
        means = np.divide(sums[chosen].sum(1), weights, out=np.zeros_like(weights), where=there)
        block[:] = means.sum(1) / there.sum(1)
    return averages


def _index(result: FrameResult, convention: Convention) -> int:
    """Return what frames of other clips are averaged with this one before all are."""
    return result.index if convention.by_index else 0


def _average(frames: Sequence[tuple[FrameResult, float]], convention: Convention) -> float:
    indices: dict[int, list[float]] = {}
    for result, value in frames:
        indices.setdefault(_index(result, convention), []).append(value)
    return _mean([_mean(values) for values in indices.values()])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
