"""Tables of an evaluation, row by row, for the page, the console and ``report.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omz.accuracy.agreement import Agreement
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.figures import figure_names, first_model, heading, scores
from omz.accuracy.report.notation import figure
from omz.accuracy.summary import Interval
from omz.accuracy.verdict import Reference, reference_figures

MOST_PROBLEMS = 200
"""Rows that the page shows of frames without figures; ``frames.csv`` has all."""


@dataclass(frozen=True)
class Score:
    """A figure of a model, and its difference from the first model's, None where none is known."""

    value: float | None
    difference: Interval | None

    @property
    def change(self) -> str:
        """Meaning of a difference that chance would seldom make; all figures are errors, so lower is better."""
        if self.difference is None or not self.difference.is_clear:
            return ""
        return "worse" if self.difference.difference > 0 else "better"


@dataclass(frozen=True)
class ReferenceRow:
    """A figure from elsewhere, and each model's by label; NaN where it has none."""

    reference: Reference
    figures: Mapping[str, float]

    @property
    def allowed(self) -> str:
        """The allowed distance of a model's figure from the reference, in words."""
        if self.reference.tolerance is None:
            return "no threshold"
        direction = "higher"
        if self.reference.two_sided:
            direction = "away"
        elif self.reference.higher_is_better:
            direction = "lower"
        return f"{figure(self.reference.tolerance)} {direction}"


@dataclass(frozen=True)
class AgreementRow:
    """Distance of the outputs of ``second`` from those of ``first``, by name; ``cause`` names both, and the reason."""

    cause: str
    first: str
    second: str
    outputs: Mapping[str, Agreement]

    @property
    def reason(self) -> str:
        """The cause without the labels; empty where it has no more."""
        return self.cause.removeprefix(f"{self.first} to {self.second}").lstrip(": ")


@dataclass(frozen=True)
class Speed:
    """Milliseconds of a model, and how many times as many frames a second it does as the first; None if not timed."""

    label: str
    median: float | None
    p90: float | None
    speedup: float | None


@dataclass(frozen=True)
class ProblemRow:
    """A frame without figures, and why; ``label`` is empty where it could not be read."""

    name: str
    label: str
    problem: str


@dataclass(frozen=True)
class RemarkRow:
    """A remark on a file of the dataset, and on ``more`` files."""

    path: str
    message: str
    more: int

    def __str__(self) -> str:
        others = f" ({self.more} more such files)" if self.more else ""
        return f"{self.path} {self.message}{others}"


def score_rows(evaluation: Evaluation) -> list[tuple[str, list[Score]]]:
    """Return each figure's heading, and the score of each model."""
    rows = []
    for name in figure_names(evaluation):
        cells = []
        for label, summary in evaluation.summaries.items():
            difference = evaluation.differences.get(label, {}).get(name)
            if difference is not None and math.isnan(difference.difference):
                difference = None
            cells.append(Score(summary.figures.get(name), difference))
        rows.append((heading(evaluation, name), cells))
    return rows


def reference_rows(evaluation: Evaluation) -> list[ReferenceRow]:
    """Return a row for each reference."""
    rows = []
    for reference in evaluation.references:
        figures = {}
        for label, summary in evaluation.summaries.items():
            found = reference_figures([reference], label, summary, evaluation.results)
            figures[label] = found[reference.name]
        rows.append(ReferenceRow(reference, figures))
    return rows


def intervals(evaluation: Evaluation) -> Sequence[Interval]:
    """Return the intervals of all differences."""
    found: list[Interval] = []
    for figures in evaluation.differences.values():
        found += figures.values()
    return found


def has_ranges(evaluation: Evaluation) -> bool:
    """Tell whether the range of any difference is known."""
    return any(each.has_ends for each in intervals(evaluation))


def agreement_rows(evaluation: Evaluation) -> list[AgreementRow]:
    """Return a row for each pair of models that have outputs to compare."""
    rows = []
    for pair, outputs in evaluation.agreements.items():
        if outputs:
            rows.append(AgreementRow(evaluation.causes.get(pair, ""), *pair, outputs))
    return rows


def speed_rows(evaluation: Evaluation) -> list[Speed]:
    """Return a row for each model."""
    reference = evaluation.summaries[first_model(evaluation)].median_ms
    rows = []
    for label, each in evaluation.summaries.items():
        speedup = reference / each.median_ms if reference and each.median_ms else None
        rows.append(Speed(label, each.median_ms, each.p90_ms, speedup))
    return rows


def remark_rows(evaluation: Evaluation) -> list[RemarkRow]:
    """Return the remarks on the dataset, a row for all files that one is on."""
    files: dict[str, list[str]] = {}
    for remark in evaluation.remarks:
        files.setdefault(remark.message, []).append(remark.path)
    return [RemarkRow(paths[0], message, len(paths) - 1) for message, paths in files.items()]


def problem_rows(evaluation: Evaluation) -> list[ProblemRow]:
    """Return all frames that could not be read, or that a model has no figures of."""
    rows = []
    for result in evaluation.results:
        if result.problem:
            rows.append(ProblemRow(result.name, "", result.problem))
        for label, frame in result.models.items():
            if frame.problem:
                rows.append(ProblemRow(result.name, label, frame.problem))
    return rows


def described(evaluation: Evaluation) -> str:
    """Return in words what the plot of each frame's first figure shows, for those who do not see it."""
    names, told = figure_names(evaluation), []
    if not names:
        return ""
    for label in evaluation.models:
        values = scores(evaluation, label, names[0])
        if np.isfinite(values).any():
            worst = evaluation.results[int(np.nanargmax(values))].name
            told.append(f"{label} from {figure(np.nanmin(values))} to {figure(np.nanmax(values))}, on frame {worst}")
    return "; ".join(told)
