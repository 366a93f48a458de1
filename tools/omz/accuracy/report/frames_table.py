"""``frames.csv``: a row a frame and model."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult
from omz.accuracy.evaluation import Evaluation

TIMES = "milliseconds"
"""The only column that another run changes."""

_AGREEMENT = ("largest", "mean", "p99.9")


def write_frames_csv(file: TextIO, evaluation: Evaluation) -> None:
    """Write the table: what each model did on each frame, numbers in full.

    Columns are ``name``, ``clip``, ``index``, ``model``, :data:`TIMES`, a figure of the convention each with its unit,
    ``lowest`` and ``highest`` alpha, how far each output is from the first model's, and ``problem``. A cell is empty
    where there is no such thing; a frame that could not be read has one row, without a model.
    """
    units, first = evaluation.convention.units, next(iter(evaluation.models))
    figures = [*dict.fromkeys(name for each in evaluation.summaries.values() for name in each.figures)]
    judged = [outputs for pair, outputs in evaluation.agreements.items() if pair[0] == first]
    outputs = [*dict.fromkeys(name for each in judged for name in each)]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["name", "clip", "index", "model", TIMES]
        + [f"{name} ({units[name]})" if units.get(name) else name for name in figures]
        + ["lowest", "highest"]
        + [f"{output} {part}" for output in outputs for part in _AGREEMENT]
        + ["problem"]
    )
    for result in evaluation.results:
        writer.writerows(_rows(result, first, figures, outputs))


def _rows(result: FrameResult, first: str, figures: Sequence[str], outputs: Sequence[str]) -> Iterator[list[str]]:
    place = [result.name, result.clip, str(result.index)]
    if not result.models:
        yield place + [""] * (4 + len(figures) + len(_AGREEMENT) * len(outputs)) + [result.problem]
    for label, frame in result.models.items():
        agreements = result.agreements.get((first, label), {})
        compared = [_apart(agreements.get(output)) for output in outputs]
        yield (
            place
            + [label, _cell(frame.milliseconds)]
            + [_cell(frame.figures.get(name)) for name in figures]
            + [_cell(frame.lowest), _cell(frame.highest)]
            + [cell for cells in compared for cell in cells]
            + [frame.problem]
        )


def _apart(agreement: Agreement | None) -> list[str]:
    if agreement is None:
        return [""] * len(_AGREEMENT)
    return [_cell(agreement.largest), _cell(agreement.mean), _cell(agreement.p99_9)]


def _cell(value: float | None) -> str:
    return "" if value is None else repr(float(value))
