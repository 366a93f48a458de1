"""What many frames say together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from omz.accuracy.agreement import Agreement, pooled
from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.conventions import Convention

_RESAMPLES = 2000
_CONFIDENCE = 95  # percent


@dataclass(frozen=True)
class Interval:
    """A difference of two means, and the ends between which it lies with 95 % confidence; all NaN without frames."""

    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether chance alone would seldom make such a difference."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class ModelSummary:
    """One model over all frames: ``figures`` by name, and problems by the names of frames that have no figures.

    ``median_ms`` and ``p90_ms`` are milliseconds of inference, None where nothing was inferred.
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
        lowest=min((frame.lowest for frame in good), default=math.nan),
        highest=max((frame.highest for frame in good), default=math.nan),
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


def paired_difference(results: Sequence[FrameResult], pair: Pair, name: str, seed: int = 0) -> Interval:
    """Return by how much the second model's figure is higher, on frames that both have.

    The interval comes of a bootstrap over clips, for frames of a clip are alike; over frames where there are no clips.
    """
    first = {result.name: value for result, value in frames_with(results, pair[0], name)}
    groups: dict[str, list[float]] = {}
    for result, value in frames_with(results, pair[1], name):
        if result.name in first:
            groups.setdefault(result.clip or result.name, []).append(value - first[result.name])
    if not groups:
        return Interval(math.nan, math.nan, math.nan)
    sums = np.array([math.fsum(group) for group in groups.values()])
    counts = np.array([len(group) for group in groups.values()])
    chosen = np.random.default_rng(seed).integers(len(groups), size=(_RESAMPLES, len(groups)))
    means = sums[chosen].sum(1) / counts[chosen].sum(1)
    low, high = np.percentile(means, [(100 - _CONFIDENCE) / 2, (100 + _CONFIDENCE) / 2])
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))


def _average(frames: Sequence[tuple[FrameResult, float]], convention: Convention) -> float:
    if not convention.by_index:
        return _mean([value for _, value in frames])
    indices: dict[int, list[float]] = {}
    for result, value in frames:
        indices.setdefault(result.index, []).append(value)
    return _mean([_mean(values) for values in indices.values()])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
