"""Whether a model may be used in the place of another."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult
from omz.accuracy.conventions import Convention
from omz.accuracy.prediction import OutputRole
from omz.accuracy.summary import ModelSummary, frames_with
from omz.errors import DataError, UsageError

_JUDGED: tuple[OutputRole, ...] = get_args(OutputRole)
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


@dataclass(frozen=True)
class Reference:
    """What a figure was elsewhere, or its population standard deviation over frames, and how far it may be from that.

    ``abs_threshold`` is in the figure's unit, ``rel_threshold`` a share of ``value``; each holds alone, and both where
    both are given. Without either, the reference is told, and nothing is judged. A share of 0 is not defined: it judges
    nothing. Only what is worse is judged, unless ``two_sided``.
    """

    figure: str
    value: float
    abs_threshold: float | None = None
    rel_threshold: float | None = None
    two_sided: bool = False
    higher_is_better: bool = False
    of: Literal["mean", "std"] = "mean"

    @property
    def name(self) -> str:
        """What the number is called: ``MAD``, or ``MAD@std``."""
        return self.figure if self.of == "mean" else f"{self.figure}@{self.of}"

    @property
    def tolerance(self) -> float | None:
        """How far a number may be from the reference; None where nothing is judged."""
        shares = [self.rel_threshold * abs(self.value)] if self.rel_threshold is not None and self.value else []
        return min([*shares, *([] if self.abs_threshold is None else [self.abs_threshold])], default=None)

    def gate(self, label: str, value: float) -> Gate | None:
        """Return what must hold of a model's number; None where nothing is judged."""
        if self.tolerance is None:
            return None
        if self.two_sided:
            return Gate(label, f"{self.name}, away from the reference", abs(value - self.value), self.tolerance)
        if self.higher_is_better:
            return Gate(label, f"{self.name}, below the reference", self.value - value, self.tolerance)
        return Gate(label, f"{self.name}, beside the reference", value, self.value + self.tolerance)


def reference_figures(
    references: Sequence[Reference], label: str, summary: ModelSummary, results: Sequence[FrameResult]
) -> dict[str, float]:
    """Return a model's numbers that there are references for, by their name; NaN where it has none."""
    numbers = {}
    for reference in references:
        mean = summary.figures.get(reference.figure, math.nan)
        numbers[reference.name] = mean if reference.of == "mean" else _spread(results, label, reference.figure)
    return numbers


def reference_gates(label: str, references: Sequence[Reference], figures: Mapping[str, float]) -> list[Gate]:
    """Return what must hold of a model's ``figures``, by name, beside what they were elsewhere.

    One that is missing, or no number, does not hold; a reference without threshold is no gate.
    """
    gates = (reference.gate(label, figures.get(reference.name, math.nan)) for reference in references)
    return [gate for gate in gates if gate is not None]


def _spread(results: Sequence[FrameResult], label: str, figure: str) -> float:
    values = [value for _, value in frames_with(results, label, figure)]
    return statistics.pstdev(values) if values else math.nan


def parse_threshold(text: str) -> Threshold:
    """Read ``MAD=0.1`` or ``GRAD=2%``; raises :class:`UsageError`."""
    match = re.fullmatch(r"(?P<figure>[^=]+)=(?P<value>(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)(?P<percent>%?)", text)
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
    """Return all that must hold of the models beside the ``first``.

    Where ``agreements`` with it are given, on every frame 99.9 percent of the elements of alpha and of the foreground
    must be within the model's tolerance of the first's, and all must be numbers. Figures must be within ``thresholds``
    of the first's; no model may fail on a frame, nor a frame be unreadable. Raises :class:`UsageError` for a threshold
    of a figure that there is none of, and :class:`DataError` where there is nothing to judge by.
    """
    if not any(result.models for result in results):
        raise DataError("no frame could be read, so nothing can be said")
    gates = [Gate("dataset", "frames that cannot be read", sum(bool(result.problem) for result in results), 0)]
    gates += [Gate(label, "frames without figures", len(each.problems), 0) for label, each in summaries.items()]
    for label, outputs in agreements.items():
        judged = {name: each for name, each in outputs.items() if name in _JUDGED}
        gates += [
            Gate(label, f"{name}: 99.9 % within", math.inf if each.not_finite else each.p99_9, tolerances[label])
            for name, each in judged.items()
        ]
        if not judged:
            gates.append(Gate(label, "alpha: 99.9 % within, and nothing was compared", math.nan, tolerances[label]))
    for label, summary in summaries.items():
        if label != first:
            gates += [_figure_gate(label, summary, summaries[first], threshold) for threshold in thresholds]
    return gates


def check_thresholds(thresholds: Sequence[Threshold], convention: Convention, labels: Sequence[str]) -> None:
    """Raise :class:`UsageError` for a threshold that nothing can be judged by, before anything is run."""
    for threshold in thresholds:
        if threshold.figure not in convention.units:
            raise UsageError(f"--threshold {threshold.figure}: the figures are {', '.join(convention.units)}")
        if len(labels) < 2:
            raise UsageError(f"--threshold {threshold.figure} compares with the first of --models; give two, or more")


def _figure_gate(label: str, summary: ModelSummary, reference: ModelSummary, threshold: Threshold) -> Gate:
    if threshold.figure not in reference.figures:
        raise UsageError(f"--threshold {threshold.figure}: the figures are {', '.join(reference.figures) or 'none'}")
    limit = threshold.limit(reference.figures[threshold.figure])
    return Gate(label, threshold.figure, summary.figures.get(threshold.figure, math.nan), limit)
