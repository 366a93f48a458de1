"""What ``omz_accuracy`` calls the forms of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from omz.accuracy.comparison import Pair
from omz.errors import UsageError
from omz.zoo.card import Tolerance

ORIGINAL = "original"
PRECISIONS = ("f32", "f16", "bf16", "default")
"""Of execution; default is what a device prefers."""

INT8 = "FP16-INT8"
Stored = Literal["FP32", "FP16", "FP16-INT8"]
"""How weights are stored, in Open Model Zoo's words."""


def causes(labels: Sequence[str], precision: str = "f32") -> Mapping[Pair, str]:
    """Return whose outputs are compared, and what a difference between them comes of.

    ``precision`` is that of execution where a label names none.
    """
    found = {(labels[0], label): f"{labels[0]} to {label}" for label in labels[1:]}
    if ("original", "FP32") in found:
        found["original", "FP32"] += ": conversion" if precision == "f32" else ": conversion, and execution"
    if {"FP32", "FP16"} <= {*labels}:
        found["FP32", "FP16"] = "FP32 to FP16: weights in half precision"
    if {"FP16", INT8} <= {*labels}:
        found["FP16", INT8] = f"FP16 to {INT8}: quantisation"
    for label in labels:
        if execution(label) not in ("", precision) and bare(label) in labels:
            found[bare(label), label] = f"{bare(label)} to {label}: execution"
    return found


def tolerance_of(label: str, tolerance: Tolerance, precision: str = "f32") -> float:
    """Return how far the outputs of a form may be from those of the first: that of FP32 is for what is f32 throughout.

    ``precision`` is that of execution where the label names none.
    """
    weights = bare(label)
    if weights == INT8:
        return tolerance.INT8
    return tolerance.FP32 if (weights, execution(label) or precision) == ("FP32", "f32") else tolerance.FP16


def bare(label: str) -> str:
    """Return a label without the precision of execution that it may name."""
    head, _, precision = label.rpartition("@")
    return head if precision in PRECISIONS else label


def execution(label: str) -> str:
    """Return the precision of execution that a label names; empty where it names none."""
    return label[len(bare(label)) + 1 :]


def stored(label: str) -> Stored:
    """Return how the weights of an IR are stored, which is what its label begins with."""
    return next(each for each in get_args(Stored) if each == bare(label))


def check_labels(named: Sequence[str], has_card: bool) -> None:
    """Raise :class:`UsageError` for a label that there is no form of."""
    if named and not has_card:
        raise UsageError(f"--models {named[0]} is a form of a card's model; give its --name, or the path of a file")
    irs = [*get_args(Stored)]
    known = [ORIGINAL, *irs, *(f"{ir}@{precision}" for ir in irs for precision in PRECISIONS)]
    for label in named:
        if label not in known:
            raise UsageError(f"--models {label}: there are {', '.join(known)}, and paths of .onnx and .xml files")
