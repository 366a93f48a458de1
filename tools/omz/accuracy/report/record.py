"""``report.json``: all that is known, for programs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from omz.accuracy.evaluation import Evaluation

SCHEMA = "omz-accuracy-report"
VERSION = 1
"""Grows where a key changes its meaning or goes; a new key alone does not change it."""

_FRAME_TIME, _SUMMARY_TIMES = "milliseconds", ("median_ms", "p90_ms")


def report_json(evaluation: Evaluation) -> str:
    """Return the evaluation as strict JSON: what is no finite number is null, and floats are written in full.

    ========================= =====================================================================================
    ``schema``                name and version of this form
    ``title``, ``passed``     what was compared, and whether all gates hold
    ``convention``            its name, region and levels, and the units of its figures
    ``models``                by label, in order, the first judging the others: framework, device, precision
    ``gates``                 label, what, value, limit, passed
    ``summaries``             by label: figures, number of frames, lowest and highest alpha, problems
    ``differences``           by label and figure: difference from the first model, its 95 % interval, is_clear
    ``agreements``            a pair of models each: first, second, cause, outputs by name
    ``frames``                name, clip, index, problem; models by label; agreements as above, without a cause
    ``provenance``            see :class:`omz.accuracy.provenance.Provenance`
    ``times``                 all that a clock told, and nothing else: ``summaries`` by label (median_ms, p90_ms) and
                              ``frames``, in their order, milliseconds by label
    ========================= =====================================================================================

    Two runs of the same models on the same frames on one machine differ in ``times``, and in nothing else.
    """
    content = {
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
        "differences": {
            label: {name: vars(each) | {"is_clear": each.is_clear} for name, each in figures.items()}
            for label, figures in evaluation.differences.items()
        },
        "agreements": [
            {"first": pair[0], "second": pair[1], "cause": evaluation.causes.get(pair, ""), "outputs": _outputs(each)}
            for pair, each in evaluation.agreements.items()
        ],
        "frames": _frames(evaluation),
        "provenance": evaluation.provenance,
        "times": _times(evaluation),
    }
    return json.dumps(_plain(content), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


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


def _frames(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        vars(result)
        | {
            "models": {
                label: {key: value for key, value in vars(frame).items() if key != _FRAME_TIME}
                for label, frame in result.models.items()
            },
            "agreements": [
                {"first": pair[0], "second": pair[1], "outputs": _outputs(each)}
                for pair, each in result.agreements.items()
            ],
        }
        for result in evaluation.results
    ]


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
