"""Labels of the variants of a model, such as ``original``, ``FP32``, ``FP16@bf16`` or ``FP16+best``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omz.accuracy.comparison import Pair
from omz.errors import UsageError
from omz.zoo.card import Tolerance
from omz.zoo.vocabulary import QUANTISED, base_of

ORIGINAL = "original"
WEIGHTS = ("FP32", "FP16", *QUANTISED)
"""Precisions of the weights of an IR, in Open Model Zoo's words."""
PRECISIONS = ("f32", "f16", "bf16", "default")
"""Precisions of execution; ``default`` is what a device prefers."""


PIPELINES = ("plain", "default", "off", "fast", "best")
"""What ``omz_demo`` makes of an IR: with ``--plain``, by default, or by default with that ``--refine``."""


def network(label: str) -> str:
    """Return a label without the pipeline: ``FP16@bf16`` for ``FP16@bf16+best``."""
    head, _, name = label.rpartition("+")
    return head if name in PIPELINES else label


def pipeline(label: str) -> str:
    """Return the pipeline that a label names; empty for a network by itself."""
    return label[len(network(label)) + 1 :]


def bare(label: str) -> str:
    """Return a label without pipeline and precision of execution: ``FP16`` for ``FP16@bf16+best``."""
    label = network(label)
    head, _, precision = label.rpartition("@")
    return head if precision in PRECISIONS else label


def execution(label: str) -> str:
    """Return the precision of execution that a label names; empty if it names none."""
    return network(label)[len(bare(label)) + 1 :]


def causes(labels: Sequence[str], precision: str = "f32") -> Mapping[Pair, str]:
    """Return the pairs of variants to compare, each with the cause of a difference between the two.

    ``precision`` is that of execution where a label names none.
    """
    first = labels[0]
    found = {(first, label): f"{first} to {label}" for label in labels[1:]}
    if (ORIGINAL, "FP32") in found:
        found[ORIGINAL, "FP32"] += ": conversion"
        if precision != "f32":
            found[ORIGINAL, "FP32"] += ", and execution"
    if {"FP32", "FP16"} <= {*labels}:
        found["FP32", "FP16"] = "FP32 to FP16: weights in half precision"
    for each in QUANTISED:
        base = base_of(each)
        if {base, each} <= {*labels}:
            found[base, each] = f"{base} to {each}: quantisation"
    for label in labels:
        if execution(label) not in ("", precision) and network(label) == label and bare(label) in labels:
            found[bare(label), label] = f"{bare(label)} to {label}: execution"
    return found


def tolerance_of(label: str, tolerance: Tolerance, precision: str = "f32") -> float:
    """Return how far the outputs of a variant may be from those of the first.

    The tolerance FP32 is for weights and execution in that precision alone. ``precision`` is that of execution where
    the label names none.
    """
    weights = bare(label)
    if weights in QUANTISED:
        return tolerance.INT8
    if weights == "FP32" and (execution(label) or precision) == "f32":
        return tolerance.FP32
    return tolerance.FP16


def check_labels(named: Sequence[str], has_card: bool) -> None:
    """Raise :class:`UsageError` for a label of an unknown variant."""
    if named and not has_card:
        raise UsageError(f"--models {named[0]} is a variant of a card's model; give its --name, or the path of a file")
    for label in named:
        if label != ORIGINAL and bare(label) not in WEIGHTS:
            precisions, pipelines = ", @".join(PRECISIONS), ", +".join(PIPELINES)
            raise UsageError(
                f"--models {label}: there are {', '.join((ORIGINAL, *WEIGHTS))}, and paths of .onnx and .xml files; to "
                f"IRs, one of @{precisions} may be added, and then one of +{pipelines}"
            )
