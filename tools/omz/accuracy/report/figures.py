"""Which figures a report tells first, and what they are called."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.agreement import Agreement
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.prediction import OutputRole

_ALPHA: OutputRole = "alpha"


def first_model(evaluation: Evaluation) -> str:
    """Return the label of the model that judges the others."""
    return next(iter(evaluation.models))


def figure_names(evaluation: Evaluation) -> list[str]:
    """Return the figures that any model has, in the convention's order; none without truth."""
    return [*dict.fromkeys(name for each in evaluation.summaries.values() for name in each.figures)]


def heading(evaluation: Evaluation, name: str) -> str:
    """Return a figure's name with its unit."""
    return f"{name} {evaluation.convention.units.get(name, '')}".strip()


def scores(evaluation: Evaluation, label: str, name: str) -> NDArray[np.float64]:
    """Return a model's figure on each frame, NaN where it has none."""
    frames = [result.models.get(label) for result in evaluation.results]
    return np.array([frame.figures.get(name, math.nan) if frame else math.nan for frame in frames], np.float64)


def distances(evaluation: Evaluation, label: str) -> NDArray[np.float64]:
    """Return how far a model's alpha is from the first model's on each frame, NaN where it is not compared."""
    pair = first_model(evaluation), label
    return np.array([distance(result.agreements.get(pair, {})) for result in evaluation.results], np.float64)


def distance(agreements: Mapping[str, Agreement]) -> float:
    """Return the mean difference of alpha; of all outputs the largest, where none is called that; NaN without any."""
    compared = [agreements[_ALPHA]] if _ALPHA in agreements else agreements.values()
    return max((each.mean for each in compared), default=math.nan)
