"""The layers of a network that 8 bits hurt most, by the measure of ``omz_accuracy --locate``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from omz.convert.calibration import FittedSamples
from omz.convert.ir_file import read_model
from omz.convert.locate import locate
from omz.convert.plan import plan_conversion
from omz.convert.quantisation import CONVOLUTIONS, outermost_convolutions
from omz.convert.sources import source_onnx
from omz.runtime.quiet_openvino import ov
from omz.zoo.card import ModelCard

_QUANTISED = (*CONVOLUTIONS, "MatMul", "Add", "AvgPool", "Divide", "Interpolate", "MVN", "Multiply", "NormalizeL2")
_QUANTISED_TYPES = frozenset((*_QUANTISED, "ReduceMean", "Subtract"))
_BIAS = ("Add", "Multiply")  # of a convolution, which the original has as one layer
_IMAGES = 2


@dataclass(frozen=True)
class Suspects:
    """The question which layers of the IR at ``source`` the IR at ``quantised`` computes worst.

    ``downloads`` has the original of ``card``; ``samples`` are inputs of both.
    """

    card: ModelCard
    downloads: Path
    source: Path
    quantised: Path
    samples: FittedSamples


def rank_layers(asked: Suspects) -> tuple[str, ...]:
    """Return the layers that 8 bits can hurt, by their names in the IR, those with the largest errors first.

    The error of a layer is the distance from what the original's layer makes of the same inputs, as a share of the
    spread of its results; so it has no errors of the layers before. Raises :class:`omz.errors.OmzError` without an
    original.
    """
    errors: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        preprocessing = plan_conversion(asked.card, asked.downloads, Path(folder)).preprocessing
        onnx = source_onnx(asked.card, asked.downloads, asked.source, Path(folder))
        for sample in islice(asked.samples, _IMAGES):
            for layer in locate(onnx, asked.quantised, preprocessing, sample).layers:
                if layer.own is not None:
                    errors[layer.tensor] = max(layer.own.error, errors.get(layer.tensor, 0.0))
    found = _by_operation(read_model(asked.source), errors)
    return tuple(sorted(found, key=found.__getitem__, reverse=True))


def _by_operation(model: ov.Model, errors: Mapping[str, float]) -> dict[str, float]:
    """Return the errors of tensors by the operations that make them, of those that a quantisation changes."""
    found: dict[str, float] = {}
    in_float = {*outermost_convolutions(model)}
    for operation in model.get_ordered_ops():
        known = [errors[name] for name in _tensors(operation) if name in errors]
        layer = _layer(operation)
        name = layer.get_friendly_name()
        if known and layer.get_type_name() in _QUANTISED_TYPES and name not in in_float:
            found[name] = max(*known, found.get(name, 0.0))
    return found


def _tensors(operation: ov.Node) -> Iterable[str]:
    for port in operation.outputs():
        yield from port.get_names()


def _layer(operation: ov.Node) -> ov.Node:
    """Return the convolution that ``operation`` adds a bias to, or else ``operation``."""
    while operation.get_type_name() in _BIAS:
        before = operation.input_value(0).get_node()
        if before.get_type_name() not in (*CONVOLUTIONS, *_BIAS):
            break
        if not _is_constant(operation.input_value(1).get_node()):
            break
        operation = before
    return operation


def _is_constant(node: ov.Node) -> bool:
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Constant")
