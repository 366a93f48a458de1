"""The layers of a network that 8 bits hurt most."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from omz.convert.calibration import FittedSamples
from omz.convert.float_layers import CONVOLUTIONS, always_in_float, is_constant
from omz.convert.ir_file import read_model
from omz.convert.locate import locate
from omz.convert.plan import plan_conversion
from omz.convert.sources import source_onnx
from omz.errors import OmzError
from omz.quantize.rounding import LAYERS, rounding_errors
from omz.runtime.quiet_openvino import ov
from omz.zoo.card import ModelCard

_BIAS = ("Add", "Multiply")  # of a convolution, which the original has as one layer


@dataclass(frozen=True)
class Suspects:
    """A request to rank the layers of the IR at ``source`` by how badly the IR at ``quantised`` computes them.

    ``downloads`` has the original of ``card``; ``samples`` are inputs of both.
    """

    card: ModelCard
    downloads: Path
    source: Path
    quantised: Path
    samples: FittedSamples


def rank_layers(asked: Suspects) -> tuple[str, ...]:
    """Return the layers that 8 bits can hurt, by their names in the IR, those with the largest errors first.

    An error is the larger one of two, as shares of the spread of a layer's results: what rounding its inputs and
    weights changes in float (:func:`rounding_errors`), and how far the device that computes in 8 bits is from what the
    original makes of the same inputs (:func:`omz.convert.locate.locate`). The second shows kernels that compute
    something else, but a device may round the results of a layer before they can be read, and then the fault of the
    next one is not seen. Without an original at hand, the first alone counts. Raises :class:`OmzError`.
    """
    errors = rounding_errors(asked.source, asked.quantised, asked.samples)
    with suppress(OmzError):  # there need be no original, nor one whose layers run one by one
        for name, error in _located(asked).items():
            errors[name] = max(error, errors.get(name, 0.0))
    return tuple(sorted(errors, key=errors.__getitem__, reverse=True))


def _located(asked: Suspects) -> dict[str, float]:
    """Return the errors of layers as the device computes them, by their names in the IR."""
    with tempfile.TemporaryDirectory() as folder:
        preprocessing = plan_conversion(asked.card, asked.downloads, Path(folder)).preprocessing
        onnx = source_onnx(asked.card, asked.downloads, asked.source, Path(folder))
        sample = next(iter(asked.samples))
        layers = locate(onnx, asked.quantised, preprocessing, sample).layers
    return _by_operation(
        read_model(asked.source), {layer.tensor: layer.own.error for layer in layers if layer.own is not None}
    )


def _by_operation(model: ov.Model, errors: Mapping[str, float]) -> dict[str, float]:
    """Return the errors of tensors by the operations that make them, of those that a quantisation changes."""
    found: dict[str, float] = {}
    in_float = {*always_in_float(model)}
    for operation in model.get_ordered_ops():
        known = [errors[name] for name in _tensors(operation) if name in errors]
        layer = _layer(operation)
        name = layer.get_friendly_name()
        if known and layer.get_type_name() in LAYERS and name not in in_float:
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
        if not is_constant(operation.input_value(1).get_node()):
            break
        operation = before
    return operation
