"""Gates: what must hold of a model that is to stand in for another."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    """A condition on a model: ``value``, of ``what``, is at most ``limit``."""

    label: str
    what: str
    value: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether it holds; NaN does not."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Threshold:
    """Allowed increase of a figure over that of the first model: absolute, or a share of that.

    ``flag`` is the option that asked for it, which messages name.
    """

    figure: str
    increase: float
    relative: bool
    flag: str = field(default="--threshold", compare=False)

    def __str__(self) -> str:
        """Return it as :func:`parse_threshold` reads it."""
        if self.relative:
            return f"{self.figure}={100 * self.increase:g}%"
        return f"{self.figure}={self.increase:g}"

    def limit(self, reference: float) -> float:
        """Return the highest allowed value."""
        if self.relative:
            return reference + abs(reference) * self.increase
        return reference + self.increase


@dataclass(frozen=True)
class Reference:
    """A figure from elsewhere, or its population standard deviation over frames, and the allowed distance from it.

    ``abs_threshold`` is in the figure's unit, ``rel_threshold`` a share of ``value``; where both are given, both must
    hold. Without either, or with a share of 0, nothing is judged. Only what is worse is judged, unless ``two_sided``.
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
        """The name of the number: ``MAD``, or ``MAD@std``."""
        return self.figure if self.of == "mean" else f"{self.figure}@{self.of}"

    @property
    def tolerance(self) -> float | None:
        """The allowed distance from the reference; None where nothing is judged."""
        allowed = []
        if self.rel_threshold is not None and self.value:
            allowed.append(self.rel_threshold * abs(self.value))
        if self.abs_threshold is not None:
            allowed.append(self.abs_threshold)
        return min(allowed, default=None)

    def gate(self, label: str, value: float) -> Gate | None:
        """Return the gate of a model's number; None where nothing is judged."""
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
    """Return a model's numbers for ``references`` by name; NaN where it has none."""
    numbers = {}
    for reference in references:
        if reference.of == "mean":
            numbers[reference.name] = summary.figures.get(reference.figure, math.nan)
        else:
            values = [value for _, value in frames_with(results, label, reference.figure)]
            numbers[reference.name] = statistics.pstdev(values) if values else math.nan
    return numbers


def reference_gates(label: str, references: Sequence[Reference], figures: Mapping[str, float]) -> list[Gate]:
    """Return the gates of a model's ``figures``, by name; one that is missing does not hold.

    A reference without threshold gives no gate.
    """
    gates = []
    for reference in references:
        gate = reference.gate(label, figures.get(reference.name, math.nan))
        if gate is not None:
            gates.append(gate)
    return gates


def parse_threshold(text: str, flag: str = "--threshold") -> Threshold:
    """Read ``MAD=0.1`` or ``GRAD=2%``, the value of ``flag``; raises :class:`UsageError`."""
    match = re.fullmatch(r"(?P<figure>[^=]+)=(?P<value>(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)(?P<percent>%?)", text)
    if not match:
        raise UsageError(f"{flag} {text} is not of the form MAD=0.1 or GRAD=2%")
    value, is_percent = float(match["value"]), bool(match["percent"])
    if is_percent:
        value /= 100
    if not math.isfinite(value):
        raise UsageError(f"{flag} {text} allows everything; give a smaller number")
    return Threshold(match["figure"], value, is_percent, flag)


def judge(
    first: str,
    summaries: Mapping[str, ModelSummary],
    agreements: Mapping[str, Mapping[str, Agreement]],
    tolerances: Mapping[str, float],
    thresholds: Sequence[Threshold],
    results: Sequence[FrameResult],
) -> list[Gate]:
    """Return the gates of all models, judged by the ``first``.

    Where ``agreements`` with it are given, on every frame 99.9 percent of the elements of alpha and of the foreground
    must be within the model's tolerance of the first's, and all must be finite. Figures must be within ``thresholds``
    of the first's. All frames must be readable, and have figures of all models. Raises :class:`UsageError` for a
    threshold of an unknown figure, and :class:`DataError` if no frame could be read.
    """
    if not any(result.models for result in results):
        raise DataError("no frame could be read, so nothing can be said")
    unreadable = [result for result in results if result.problem]
    gates = [Gate("dataset", "frames that cannot be read", len(unreadable), 0)]
    for label, summary in summaries.items():
        gates.append(Gate(label, "frames without figures", len(summary.problems), 0))
    for label, outputs in agreements.items():
        gates += _agreement_gates(label, outputs, tolerances[label])
    for label, summary in summaries.items():
        if label != first:
            for threshold in thresholds:
                gates.append(_figure_gate(label, summary, summaries[first], threshold))
    return gates


def _agreement_gates(label: str, outputs: Mapping[str, Agreement], tolerance: float) -> Iterator[Gate]:
    judged = [name for name in outputs if name in _JUDGED]
    if not judged:
        yield Gate(label, "alpha: 99.9 % within, and nothing was compared", math.nan, tolerance)
    for name in judged:
        distance = outputs[name].p99_9
        if outputs[name].not_finite:
            distance = math.inf
        yield Gate(label, f"{name}: 99.9 % within", distance, tolerance)


def check_thresholds(thresholds: Sequence[Threshold], convention: Convention, labels: Sequence[str]) -> None:
    """Raise :class:`UsageError` for a threshold without a figure, or without a second model, before anything runs."""
    for threshold in thresholds:
        if threshold.figure not in convention.units:
            raise UsageError(f"{threshold.flag} {threshold.figure}: the figures are {', '.join(convention.units)}")
        if len(labels) < 2:
            told = f"{threshold.flag} {threshold.figure}"
            raise UsageError(f"{told} compares with the first of --models; give two, or more")


def _figure_gate(label: str, summary: ModelSummary, reference: ModelSummary, threshold: Threshold) -> Gate:
    if threshold.figure not in reference.figures:
        known = ", ".join(reference.figures) or "none"
        raise UsageError(f"{threshold.flag} {threshold.figure}: the figures are {known}")
    limit = threshold.limit(reference.figures[threshold.figure])
    return Gate(label, threshold.figure, summary.figures.get(threshold.figure, math.nan), limit)
