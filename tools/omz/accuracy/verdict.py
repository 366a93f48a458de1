"""Whether a model may be used in the place of another."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult
from omz.accuracy.summary import ModelSummary
from omz.errors import DataError, UsageError

_JUDGED = ("pha", "alpha", "fgr")
"""Outputs from 0 to 1; a trimap's logits have no range to measure a difference by."""


@dataclass(frozen=True)
class Gate:
    """One thing that must hold of a model: ``value``, of ``what``, is no higher than ``limit``."""

    label: str
    what: str
    value: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether it holds; what is no number does not."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Threshold:
    """By how much a figure may be higher than that of the model it is judged by: absolute, or a share of that."""

    figure: str
    increase: float
    relative: bool

    def limit(self, reference: float) -> float:
        """Return the highest value that is allowed."""
        return reference + (abs(reference) * self.increase if self.relative else self.increase)


def parse_threshold(text: str) -> Threshold:
    """Read ``MAD=0.1`` or ``GRAD=2%``; raises :class:`UsageError`."""
    match = re.fullmatch(r"(?P<figure>[^=]+)=(?P<value>\d+\.?\d*|\.\d+)(?P<percent>%?)", text)
    if not match:
        raise UsageError(f"--threshold {text} is not of the form MAD=0.1 or GRAD=2%")
    value = float(match["value"])
    return Threshold(match["figure"], value / 100 if match["percent"] else value, bool(match["percent"]))


def judge(
    first: str,
    summaries: Mapping[str, ModelSummary],
    agreements: Mapping[str, Mapping[str, Agreement]],
    tolerances: Mapping[str, float],
    thresholds: Sequence[Threshold],
    results: Sequence[FrameResult],
) -> list[Gate]:
    """Return all that must hold of the models that are judged by ``first``, those that ``agreements`` are with.

    Of an output from 0 to 1, on every frame 99.9 percent of the elements must be within the model's tolerance of the
    first's, and all must be numbers; figures must be within ``thresholds`` of the first's; and no model may fail on a
    frame, nor a frame be unreadable. Raises :class:`UsageError` for a threshold of a figure that there is none of, and
    :class:`DataError` where there is nothing to judge by.
    """
    if not any(result.models for result in results):
        raise DataError("no frame could be read, so nothing can be said")
    gates = [Gate("dataset", "frames that cannot be read", sum(bool(result.problem) for result in results), 0)]
    gates += [Gate(label, "frames without figures", len(each.problems), 0) for label, each in summaries.items()]
    for label, outputs in agreements.items():
        gates += [
            Gate(label, f"{name}: 99.9 % within", math.inf if each.not_finite else each.p99_9, tolerances[label])
            for name, each in outputs.items()
            if name in _JUDGED
        ]
        gates += [_figure_gate(label, summaries[label], summaries[first], threshold) for threshold in thresholds]
    return gates


def _figure_gate(label: str, summary: ModelSummary, reference: ModelSummary, threshold: Threshold) -> Gate:
    if threshold.figure not in reference.figures:
        raise UsageError(f"--threshold {threshold.figure}: the figures are {', '.join(reference.figures) or 'none'}")
    limit = threshold.limit(reference.figures[threshold.figure])
    return Gate(label, threshold.figure, summary.figures.get(threshold.figure, math.nan), limit)
