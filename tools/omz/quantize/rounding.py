"""What rounding to 8 bits changes in each layer of a network, layer by layer, computed in float."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from omz.convert.float_layers import CONVOLUTIONS, always_in_float
from omz.convert.ir_file import read_model
from omz.convert.rewrite.ops import floats, integers, ops
from omz.errors import ConversionError
from omz.runtime.engine import Tensor
from omz.runtime.quiet_openvino import core, ov, reason

_ARITHMETIC = ("Add", "Divide", "Multiply", "Subtract")
_OTHERS = ("MatMul", "AvgPool", "Interpolate", "MVN", "NormalizeL2", "ReduceMean")

LAYERS = frozenset((*CONVOLUTIONS, *_OTHERS, *_ARITHMETIC))
"""Operations that NNCF quantises."""

_MOVERS = ("MaxPool", "Concat", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Operations that give the same whether their input is rounded before or their result after."""
_IMAGES = 4
_TINY = 1e-20
_LEAST_WITH_CHANNELS = 3  # dimensions


def rounding_errors(source: Path, quantised: Path, samples: Iterable[Mapping[str, Tensor]]) -> dict[str, float]:
    """Return the errors of the layers that the IR at ``quantised`` rounds, by their names in that at ``source``.

    The error of a layer is the root mean square of what rounding its inputs and weights changes in its results, as a
    share of their standard deviation: in each channel, at most 1, and on average. A channel of small values counts like
    one of large values, for the next layer may need it more: beside large ones, 8 bits may leave nothing of it, and
    NNCF gives no channel of weights steps of less than a hundredth of the largest. Its inputs are those of the IR in
    float, so no layer has the errors of those before it. Raises :class:`ConversionError` if the two do not run side by
    side.
    """
    try:
        names, model = _beside(source, quantised)
        if not names:
            return {}
        request = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
        found = []
        for sample in islice(samples, _IMAGES):
            request.infer(dict(sample))
            found.append([float(request.get_output_tensor(index).data) for index in range(len(names))])
    except RuntimeError as error:
        raise ConversionError(f"{quantised} cannot be compared layer by layer: {reason(error)}") from error
    return dict(zip(names, map(float, np.max(found, axis=0)), strict=True))


def _beside(source: Path, quantised: Path) -> tuple[list[str], ov.Model]:
    """Return the names of layers, and a model that gives the error of each.

    It is the network in float, with a second instance of each layer beside the first, which is given what the first is
    given, rounded. Python cannot copy an operation: the second ones are taken out of a second instance of the network.
    """
    exact, lender = read_model(source), read_model(source)
    in_float = {*always_in_float(exact)}
    lent, rounded = _by_name(lender), _by_name(read_model(quantised))
    names, errors = [], []
    for layer in exact.get_ordered_ops():
        name = layer.get_friendly_name()
        if layer.get_type_name() not in LAYERS or name in in_float or name not in rounded:
            continue
        if _give_rounded(lent[name], layer, rounded[name]):
            names.append(name)
            errors.append(_error(layer.output(0), lent[name].output(0)))
    return names, ov.Model(errors, exact.get_parameters(), "errors of layers")


def _by_name(model: ov.Model) -> dict[str, ov.Node]:
    return {operation.get_friendly_name(): operation for operation in model.get_ordered_ops()}


def _give_rounded(second: ov.Node, layer: ov.Node, quantised: ov.Node) -> bool:
    """Give ``second`` the inputs of ``layer``, rounded as those of ``quantised`` are; return whether any is."""
    is_rounded = False
    for index, (given, changed) in enumerate(zip(layer.input_values(), quantised.input_values(), strict=True)):
        value = given
        rounding = _rounding(changed)
        if rounding is not None:
            value = rounding(given)
        elif _has_8_bits(changed.get_node()):
            value = changed
        second.input(index).replace_source_output(value)
        is_rounded = is_rounded or value is not given
    return is_rounded


def _rounding(value: ov.Output) -> Callable[[ov.Output], ov.Output] | None:
    """Return what rounds as ``value`` was rounded, right before or by an operation that only moves; None if nothing."""
    node, movers = value.get_node(), 0
    while node.get_type_name() in _MOVERS:
        node, movers = node.input_value(0).get_node(), movers + 1
    if node.get_type_name() != "FakeQuantize":
        return None
    bounds = node.input_values()[1:]
    if movers and any(np.prod(bound.get_shape()) > 1 for bound in bounds):  # of channels, which may have moved
        return None
    steps = floats(node.get_attributes()["levels"] - 1)
    return lambda given: _rounded(given, bounds, steps)


def _rounded(value: ov.Output, bounds: list[ov.Output], steps: ov.Node) -> ov.Output:
    """Return ``value`` as FakeQuantize rounds it, by other operations: a device leaves these in float."""
    low, high, lowest, highest = bounds
    clipped = ops.minimum(ops.maximum(value, low), high)
    share = ops.divide(ops.subtract(clipped, low), ops.subtract(high, low))
    level = ops.divide(ops.round(ops.multiply(share, steps), "half_to_even"), steps)
    return ops.add(ops.multiply(level, ops.subtract(highest, lowest)), lowest).output(0)


def _has_8_bits(node: ov.Node) -> bool:
    """Return whether a value is computed of a constant of 8 bits alone, as quantised weights are."""
    while node.get_type_name() in ("Convert", "Multiply", "Subtract", "Reshape"):
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Constant" and node.get_element_type().get_type_name() in ("i8", "u8"))


def _error(exact: ov.Output, rounded: ov.Output) -> ov.Node:
    """Return the error of a tensor: that of each channel as a share of its spread, at most 1, on average."""
    axes = _axes_of_a_channel(exact)
    spread = _root_mean_square(ops.subtract(exact, _mean(exact, axes)), axes)
    far = _root_mean_square(ops.subtract(exact, rounded), axes)
    shares = ops.minimum(ops.divide(far, ops.maximum(spread, floats(_TINY))), floats(1))
    return ops.reduce_mean(ops.reshape(shares, integers([-1]), False), integers([0]), False)


def _axes_of_a_channel(value: ov.Output) -> ov.Node:
    rank = len(value.get_partial_shape())
    return integers([axis for axis in range(rank) if axis != 1 or rank < _LEAST_WITH_CHANNELS])


def _root_mean_square(values: Any, axes: ov.Node) -> ov.Node:
    return ops.sqrt(_mean(ops.multiply(values, values), axes))


def _mean(values: Any, axes: ov.Node) -> ov.Node:
    return ops.reduce_mean(values, axes, True)
