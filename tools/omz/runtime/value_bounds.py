"""Bounds of the values that a part of a model computes: which outputs are probabilities, whatever they are called."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import TypeAlias

import numpy as np

from omz.runtime.quiet_openvino import ov

Bounds: TypeAlias = tuple[float, float]
"""The least and the largest value."""

UNKNOWN: Bounds = (-math.inf, math.inf)
_LEVELS: Bounds = (0.0, 255.0)
_UNIT: Bounds = (0.0, 1.0)
_DEPTH = 150  # steps back; those of an activation are few
_LARGE = 10**6  # elements of a constant that are too many to look at


def value_bounds(output: ov.Output) -> Bounds:
    """Return bounds of an output of a node, by interval arithmetic; infinite where nothing bounds it.

    Inputs for pictures have 0 to 255. Interpolation counts as if it kept the bounds, which cubic kernels leave by less
    than a quarter.
    """
    return _Search().of(output, 0)


class _Search:
    def __init__(self) -> None:
        self._found: dict[tuple[str, int], Bounds] = {}

    def of(self, output: ov.Output, depth: int) -> Bounds:
        node = output.get_node()
        key = node.get_friendly_name(), output.get_index()
        if key not in self._found:
            self._found[key] = UNKNOWN  # while it is looked for
            if depth < _DEPTH:
                self._found[key] = self._computed(node, output, depth)
        return self._found[key]

    def _computed(self, node: ov.Node, output: ov.Output, depth: int) -> Bounds:
        kind = node.get_type_name()
        if output.get_element_type() == ov.Type.boolean:
            return _UNIT
        if kind in _SOURCES:
            return _SOURCES[kind](node)
        if kind not in _RULES or (kind in _WITH_INDICES and output.get_index()):
            return UNKNOWN
        rule, indices = _RULES[kind]
        if indices is None:
            indices = tuple(range(node.get_input_size()))
        given = [self.of(node.input_value(index), depth + 1) for index in indices]
        return rule(given)


def _parameter(node: ov.Node) -> Bounds:
    shape = node.get_output_partial_shape(0)
    if shape.rank.is_static and len(shape) == 4:
        for side in (shape[1], shape[3]):
            if side.is_static and side.get_length() == 3:
                return _LEVELS
    return UNKNOWN


def _constant(node: ov.Node) -> Bounds:
    if math.prod(node.get_output_shape(0)) not in range(1, _LARGE + 1):
        return UNKNOWN
    values = np.asarray(node.get_data(), np.float64)
    return float(values.min()), float(values.max())


def _joined(given: Sequence[Bounds]) -> Bounds:
    return min(low for low, _ in given), max(high for _, high in given)


def _combined(operation: Callable[[float, float], float], given: Sequence[Bounds]) -> Bounds:
    """Return the bounds of an operation on two values that has its extremes at the corners."""
    corners = [operation(one, other) for one, other in product(*given)]
    if any(math.isnan(corner) for corner in corners):
        return UNKNOWN
    return min(corners), max(corners)


def _quotient(given: Sequence[Bounds]) -> Bounds:
    low, high = given[1]
    if low <= 0 <= high:
        return UNKNOWN
    return _combined(lambda one, other: one / other, given)


def _rectified(given: Sequence[Bounds]) -> Bounds:
    ((low, high),) = given
    return max(0.0, low), max(0.0, high)


def _distance(given: Sequence[Bounds]) -> Bounds:
    ((low, high),) = given
    least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return least, max(abs(low), abs(high))


def _quantized(given: Sequence[Bounds]) -> Bounds:
    """Return the bounds of the output levels of a FakeQuantize, its fourth and fifth input."""
    return given[0][0], given[1][1]


def _clamp(node: ov.Node) -> Bounds:
    attributes = node.get_attributes()
    return float(attributes["min"]), float(attributes["max"])


_SOURCES: Mapping[str, Callable[[ov.Node], Bounds]] = {
    "Parameter": _parameter,
    "Constant": _constant,
    "Clamp": _clamp,
    "Tanh": lambda node: (-1.0, 1.0),
    **dict.fromkeys(("Sigmoid", "Softmax", "SoftMax", "HardSigmoid", "HSigmoid"), lambda node: _UNIT),
}
"""What bounds values by itself."""
_KEEPING = (
    "Convert", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Interpolate", "StridedSlice", "Slice", "Gather",
    "Split", "VariadicSplit", "MaxPool", "AvgPool", "ReduceMean", "ReduceMax", "ReduceMin", "Tile", "Broadcast",
    "SpaceToDepth", "DepthToSpace", "Reverse", "ReverseSequence", "TopK", "Result",
)  # fmt: skip
_WITH_INDICES = ("MaxPool", "TopK")  # as their second output
_RULES: Mapping[str, tuple[Callable[[Sequence[Bounds]], Bounds], tuple[int, ...] | None]] = {
    **dict.fromkeys(_KEEPING, (_joined, (0,))),
    "Concat": (_joined, None),
    "Select": (_joined, (1, 2)),
    "ScatterNDUpdate": (_joined, (0, 2)),
    "ScatterElementsUpdate": (_joined, (0, 2)),
    "ScatterUpdate": (_joined, (0, 2)),
    "Relu": (_rectified, (0,)),
    "ReLU": (_rectified, (0,)),
    "Abs": (_distance, (0,)),
    "FakeQuantize": (_quantized, (3, 4)),
    "Add": (partial(_combined, lambda one, other: one + other), (0, 1)),
    "Subtract": (partial(_combined, lambda one, other: one - other), (0, 1)),
    "Multiply": (partial(_combined, lambda one, other: one * other), (0, 1)),
    "Minimum": (partial(_combined, min), (0, 1)),
    "Maximum": (partial(_combined, max), (0, 1)),
    "Divide": (_quotient, (0, 1)),
}
"""How bounds follow from those of inputs, by their indices; None: all."""
