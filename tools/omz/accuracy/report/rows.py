"""The tables of the page, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omz.accuracy.agreement import Agreement
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.figures import figure_names, first_model, heading, scores
from omz.accuracy.report.notation import figure
from omz.accuracy.summary import Interval, caveat
from omz.accuracy.verdict import Reference, reference_figures

MOST_PROBLEMS = 200
"""Rows that the page shows of frames without figures; ``frames.csv`` has all."""


@dataclass(frozen=True)
class Score:
    """A figure of a model, and its difference from the first model's, None where there is none to tell."""

    value: float | None
    difference: Interval | None

    @property
    def change(self) -> str:
        """What the difference means where chance would seldom make it: all figures are errors, lower is better."""
        if self.difference is None or not self.difference.is_clear:
            return ""
        return "worse" if self.difference.difference > 0 else "better"


@dataclass(frozen=True)
class ReferenceRow:
    """A figure from elsewhere, in words how far one may be from it, and each model's; NaN where it has none."""

    name: str
    value: float
    allowed: str
    figures: Sequence[float]


@dataclass(frozen=True)
class AgreementRow:
    """How far outputs of ``second`` are from those of ``first``, by name; ``cause`` says what that comes of, if one."""

    cause: str
    first: str
    second: str
    outputs: Mapping[str, Agreement]


@dataclass(frozen=True)
class Speed:
    """Milliseconds of a model, and how many times as many frames a second it does as the first; None if not timed."""

    label: str
    median: float | None
    p90: float | None
    speedup: float | None


@dataclass(frozen=True)
class ProblemRow:
    """Why a frame has no figures; ``label`` is empty where it could not be read."""

    name: str
    label: str
    problem: str


def score_rows(evaluation: Evaluation) -> list[tuple[str, list[Score]]]:
    """Return each figure's heading, and what each model has of it."""
    return [
        (
            heading(evaluation, name),
            [
                Score(each.figures.get(name), _known(evaluation.differences.get(label, {}), name))
                for label, each in evaluation.summaries.items()
            ],
        )
        for name in figure_names(evaluation)
    ]


def reference_rows(evaluation: Evaluation) -> list[ReferenceRow]:
    """Return a row a reference."""
    figures = [
        reference_figures(evaluation.references, label, summary, evaluation.results)
        for label, summary in evaluation.summaries.items()
    ]
    return [
        ReferenceRow(each.name, each.value, _allowed(each), [found[each.name] for found in figures])
        for each in evaluation.references
    ]


def ranges_note(evaluation: Evaluation) -> str:
    """Return why ranges of differences are missing or rough; empty where they are neither."""
    return caveat(interval for figures in evaluation.differences.values() for interval in figures.values())


def agreement_rows(evaluation: Evaluation) -> list[AgreementRow]:
    """Return a row a pair of models that have outputs to compare."""
    return [
        AgreementRow(_cause(evaluation, first, second), first, second, outputs)
        for (first, second), outputs in evaluation.agreements.items()
        if outputs
    ]


def speed_rows(evaluation: Evaluation) -> list[Speed]:
    """Return a row a model."""
    reference = evaluation.summaries[first_model(evaluation)].median_ms
    return [
        Speed(label, each.median_ms, each.p90_ms, reference / each.median_ms if reference and each.median_ms else None)
        for label, each in evaluation.summaries.items()
    ]


def problem_rows(evaluation: Evaluation) -> list[ProblemRow]:
    """Return all frames that a model has no figures of, or that could not be read."""
    return [*_problems(evaluation)]


def described(evaluation: Evaluation) -> str:
    """Return in words what the plot of each frame's first figure shows, for those who do not see it."""
    names, told = figure_names(evaluation), []
    for label in evaluation.models if names else ():
        values = scores(evaluation, label, names[0])
        if np.isfinite(values).any():
            worst = evaluation.results[int(np.nanargmax(values))].name
            told.append(f"{label} from {figure(np.nanmin(values))} to {figure(np.nanmax(values))}, on frame {worst}")
    return "; ".join(told)


def _allowed(reference: Reference) -> str:
    if reference.tolerance is None:
        return "no threshold"
    if reference.two_sided:
        return f"{figure(reference.tolerance)} away"
    return f"{figure(reference.tolerance)} {'lower' if reference.higher_is_better else 'higher'}"


def _known(intervals: Mapping[str, Interval], name: str) -> Interval | None:
    interval = intervals.get(name)
    return None if interval is None or math.isnan(interval.difference) else interval


def _cause(evaluation: Evaluation, first: str, second: str) -> str:
    """Return the cause without the labels that stand beside it."""
    return evaluation.causes.get((first, second), "").removeprefix(f"{first} to {second}").lstrip(": ")


def _problems(evaluation: Evaluation) -> Iterator[ProblemRow]:
    for result in evaluation.results:
        if result.problem:
            yield ProblemRow(result.name, "", result.problem)
        for label, frame in result.models.items():
            if frame.problem:
                yield ProblemRow(result.name, label, frame.problem)
