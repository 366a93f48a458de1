"""``report.json``: all that is known, for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from omz.accuracy.comparison import FrameResult
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.verdict import reference_figures

SCHEMA = "omz-accuracy-report"
VERSION = 1
"""Grows where a key changes its meaning or goes; a new key alone does not change it."""

_FRAME_TIME, _SUMMARY_TIMES = "milliseconds", ("median_ms", "p90_ms")


def write_report_json(file: TextIO, evaluation: Evaluation) -> None:
    """Write the evaluation as strict JSON, a frame at a time: what is no finite number is null, floats are in full.

    ========================= =====================================================================================
    ``schema``                name and version of this form
    ``title``, ``passed``     what was compared, and whether all gates hold
    ``convention``            its name, region and levels, and the units of its figures
    ``models``                by label, in order, the first judging the others: framework, device, precision
    ``gates``                 label, what, value, limit, passed
    ``summaries``             by label: figures, number of frames, lowest and highest alpha, problems
    ``references``            from elsewhere: name, value, how far one may be from it, and each model's figure
    ``differences``           by label and figure: difference from the first model, its 95 % interval (null of fewer
                              than two clips or pictures, which are ``groups``), is_clear
    ``agreements``            a pair of models each: first, second, cause, outputs by name
    ``frames``                name, clip, index, problem; models by label; agreements as above, without a cause
    ``provenance``            see :class:`omz.accuracy.provenance.Provenance`
    ``times``                 all that a clock told, and nothing else: ``summaries`` by label (median_ms, p90_ms) and
                              ``frames``, in their order, milliseconds by label
    ========================= =====================================================================================

    Two runs of the same models on the same frames on one machine differ in ``times``, and in nothing else.
    """
    content: dict[str, Any] = {
        "schema": {"name": SCHEMA, "version": VERSION},
        "title": evaluation.title,
        "passed": evaluation.passed,
        "convention": _convention(evaluation),
        "models": evaluation.models,
        "gates": [dataclasses.asdict(gate) | {"passed": gate.passed} for gate in evaluation.gates],
        "summaries": {
            label: {key: value for key, value in vars(each).items() if key not in _SUMMARY_TIMES}
            for label, each in evaluation.summaries.items()
        },
        "references": _references(evaluation),
        "differences": {
            label: {name: vars(each) | {"is_clear": each.is_clear} for name, each in figures.items()}
            for label, figures in evaluation.differences.items()
        },
        "agreements": [
            {"first": pair[0], "second": pair[1], "cause": evaluation.causes.get(pair, ""), "outputs": _outputs(each)}
            for pair, each in evaluation.agreements.items()
        ],
        "frames": map(_frame, evaluation.results),
        "provenance": evaluation.provenance,
        "times": _times(evaluation),
    }
    file.writelines(_pieces(content))


def _pieces(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a mapping as JSON, piece by piece; of a value that is an iterator, one element is held at a time."""
    opening = "{"
    for key, value in content.items():
        yield f"{opening}\n {json.dumps(key)}: "
        if isinstance(value, Iterator):
            yield from _elements(value)
        else:
            yield _text(value, 1)
        opening = ","
    yield "\n}\n"


def _elements(values: Iterator[Any]) -> Iterator[str]:
    opening = "["
    for value in values:
        yield f"{opening}\n  {_text(value, 2)}"
        opening = ","
    yield "[]" if opening == "[" else "\n ]"


def _text(value: Any, depth: int) -> str:
    """Return a value as JSON whose lines after the first are indented by ``depth`` more."""
    # A line break inside a string is escaped.
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=1)
    return text.replace("\n", "\n" + " " * depth)


def _convention(evaluation: Evaluation) -> dict[str, Any]:
    convention = evaluation.convention
    return {
        "name": convention.name,
        "region": convention.region,
        "levels": convention.levels,
        "by_index": convention.by_index,
        "units": convention.units,
    }


def _outputs(agreements: Mapping[str, Any]) -> dict[str, Any]:
    return {name: vars(each) | {"psnr": each.psnr} for name, each in agreements.items()}


def _references(evaluation: Evaluation) -> list[dict[str, Any]]:
    figures = {
        label: reference_figures(evaluation.references, label, summary, evaluation.results)
        for label, summary in evaluation.summaries.items()
    }
    return [
        vars(reference)
        | {
            "name": reference.name,
            "tolerance": reference.tolerance,
            "figures": {label: found[reference.name] for label, found in figures.items()},
        }
        for reference in evaluation.references
    ]


def _frame(result: FrameResult) -> dict[str, Any]:
    models = {
        label: {key: value for key, value in vars(frame).items() if key != _FRAME_TIME}
        for label, frame in result.models.items()
    }
    agreements = [
        {"first": pair[0], "second": pair[1], "outputs": _outputs(each)} for pair, each in result.agreements.items()
    ]
    return vars(result) | {"models": models, "agreements": agreements}


def _times(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "summaries": {
            label: {key: getattr(each, key) for key in _SUMMARY_TIMES} for label, each in evaluation.summaries.items()
        },
        "frames": [
            {label: frame.milliseconds for label, frame in result.models.items()} for result in evaluation.results
        ],
    }


def _plain(value: Any) -> Any:
    """Return a value as what JSON has."""
    if dataclasses.is_dataclass(value):
        return _plain(vars(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None  # numpy's floats, too
    return value
