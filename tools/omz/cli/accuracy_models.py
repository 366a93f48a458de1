"""The forms of a model that ``omz_accuracy`` compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from omz.accuracy.comparison import Pair
from omz.cli.conversion_display import ConversionDisplay
from omz.convert.plan import plan_conversion
from omz.convert.store import stored_irs
from omz.errors import UsageError
from omz.runtime.matter import STRETCHED, Matter
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.zoo import ModelCard

ORIGINAL = "original"
PRECISIONS = ("f32", "f16", "bf16", "default")
"""Of execution; default is what a device prefers."""

_Stored = Literal["FP32", "FP16"]


@dataclass(frozen=True)
class Places:
    """Where models are: what was downloaded, and the IRs, None where these are to be made; and how the IRs run."""

    download_dir: Path
    model_dir: Path | None
    device: str
    precision: str


def load_models(card: ModelCard, labels: Sequence[str], places: Places) -> dict[str, Matter]:
    """Load the forms of a model by label: the original in its own framework, or an IR in OpenVINO.

    A label such as ``FP16@default`` says in which precision the IR runs, where it is not that of ``places``. Raises
    :class:`UsageError` for a label that there is none of, and :class:`omz.errors.OmzError` where one cannot be loaded.
    """
    irs = [*get_args(_Stored), *(f"{ir}@{precision}" for ir in get_args(_Stored) for precision in PRECISIONS)]
    if not {*labels} <= {ORIGINAL, *irs} or len(set(labels)) < len(labels):
        raise UsageError(f"--models {','.join(labels)}: there are {ORIGINAL}, {', '.join(irs)}, each once")
    stretch = card.model_info.resize_type == STRETCHED
    paths = _irs(card, labels, places)
    return {
        label: Matter(
            original_engine(card, places.download_dir)
            if label == ORIGINAL
            else OpenVINOEngine(paths[_stored(label)], places.device, label.partition("@")[2] or places.precision),
            stretch,
        )
        for label in labels
    }


def pairs(labels: Sequence[str]) -> Mapping[Pair, str]:
    """Return whose outputs are compared, and what a difference between them comes of."""
    found = {(labels[0], label): f"{labels[0]} to {label}" for label in labels[1:]}
    if ("original", "FP32") in found:
        found["original", "FP32"] += ": conversion"
    if {"FP32", "FP16"} <= {*labels}:
        found["FP32", "FP16"] = "FP32 to FP16: weights in half precision"
    for label in labels:
        stored, _, precision = label.partition("@")
        if precision and stored in labels:
            found[stored, label] = f"{stored} to {label}: execution"
    return found


def _irs(card: ModelCard, labels: Sequence[str], places: Places) -> Mapping[_Stored, Path]:
    """Return where the IRs of the labels are, by precision of their weights."""
    stored = [*dict.fromkeys(_stored(label) for label in labels if label != ORIGINAL)]
    if places.model_dir:
        plan = plan_conversion(card, places.download_dir, places.model_dir)
        return {precision: plan.ir_path(precision) for precision in stored}
    return stored_irs(card, places.download_dir, stored, ConversionDisplay(err=True).show) if stored else {}


def _stored(label: str) -> _Stored:
    return "FP32" if label.startswith("FP32") else "FP16"
