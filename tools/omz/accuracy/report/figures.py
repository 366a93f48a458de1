"""Figures of a report: their order, names and values frame by frame."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.agreement import Agreement, farthest
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.prediction import OutputRole

_ALPHA: OutputRole = "alpha"


def first_model(evaluation: Evaluation) -> str:
    """Return the label of the model that judges the others."""
    return next(iter(evaluation.models))


def figure_names(evaluation: Evaluation) -> list[str]:
    """Return the figures that any model has, in the convention's order; none without truth."""
    names: dict[str, float] = {}
    for summary in evaluation.summaries.values():
        names |= summary.figures
    return [*names]


def heading(evaluation: Evaluation, name: str) -> str:
    """Return a figure's name with its unit."""
    return f"{name} {evaluation.convention.units.get(name, '')}".strip()


def first_heading(evaluation: Evaluation) -> str:
    """Return the heading of the first figure; empty without truth."""
    names = figure_names(evaluation)
    if not names:
        return ""
    return heading(evaluation, names[0])


def scores(evaluation: Evaluation, label: str, name: str) -> NDArray[np.float64]:
    """Return a model's figure on each frame, NaN where it has none."""
    values = np.full(len(evaluation.results), math.nan)
    for place, result in enumerate(evaluation.results):
        if label in result.models:
            values[place] = result.models[label].figures.get(name, math.nan)
    return values


def distances(evaluation: Evaluation, label: str) -> NDArray[np.float64]:
    """Return how far a model's alpha is from the first model's on each frame, NaN where it is not compared."""
    pair, values = (first_model(evaluation), label), np.zeros(len(evaluation.results))
    for place, result in enumerate(evaluation.results):
        values[place] = distance(result.agreements.get(pair, {}))
    return values


def distance(agreements: Mapping[str, Agreement]) -> float:
    """Return the mean difference of alpha; of all outputs the largest, where none is called that; NaN without any."""
    if _ALPHA in agreements:
        return agreements[_ALPHA].mean
    return farthest(agreements.values())
