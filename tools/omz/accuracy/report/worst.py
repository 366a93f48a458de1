"""Which frames are worth a look: those on which models differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.summary import frames_with, worst_frames

Labels: TypeAlias = tuple[str, ...]
"""Of the first model and the one that is judged by it; one label where there is one model only."""

_VISIBLE = 0.5 / 255  # what differs less is the same in a matte of 8 bits


def worst(evaluation: Evaluation, count: int) -> list[tuple[str, Labels]]:
    """Return names of the ``count`` worst frames, worst first, each with the models that are to be looked at.

    Worst is where the outputs of a model are farthest from the first's, or where there are none to compare, where its
    first figure is highest. Models take turns; what no matte of 8 bits can show comes after all that it can.
    """
    first, *others = evaluation.models
    compared: list[Labels] = [(first, label) for label in others]
    ranked = [
        (hidden, turn, -score, name, labels)
        for labels in compared or [(first,)]
        for turn, (hidden, score, name) in enumerate(_scored(evaluation, labels))
    ]
    ranked.sort(key=lambda each: each[:3])
    return [(name, labels) for *_, name, labels in ranked[:count]]


def _scored(evaluation: Evaluation, labels: Labels) -> list[tuple[bool, float, str]]:
    """Return the frames of a model, worst first: whether it takes more than 8 bits to see it, how bad, its name."""
    results = evaluation.results
    if len(labels) == 2 and any(result.agreements.get((labels[0], labels[1])) for result in results):
        return _by_agreement(results, (labels[0], labels[1]))
    figures = evaluation.summaries[labels[-1]].figures
    values = frames_with(results, labels[-1], next(iter(figures))) if figures else []
    return sorted(((False, value, result.name) for result, value in values), key=lambda each: -each[1])


def _by_agreement(results: Sequence[FrameResult], pair: Pair) -> list[tuple[bool, float, str]]:
    """Leave out frames on which nothing differs."""
    found = []
    for result in worst_frames(results, pair, len(results)):
        outputs = result.agreements[pair].values()
        if not all(each.exact for each in outputs):
            hidden = max(each.largest for each in outputs) < _VISIBLE and not any(each.not_finite for each in outputs)
            found.append((hidden, max(each.mean for each in outputs), result.name))
    return found
