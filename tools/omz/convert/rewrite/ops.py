"""Short names for operators of OpenVINO, and constants for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from omz.runtime.quiet_openvino import ov

try:
    import openvino.opset13 as ops
except ModuleNotFoundError:  # where OpenVINO 2024 keeps it
    import openvino.runtime.opset13 as ops

__all__ = ["Value", "bias", "convolution", "floats", "integers", "ops", "shape", "sides"]

Value: TypeAlias = "ov.Output | ov.Node"


def integers(values: Any) -> ov.Node:
    """Return a constant of whole numbers."""
    return ops.constant(np.asarray(values, np.int64))


def floats(values: Any) -> ov.Node:
    """Return a constant in float32."""
    return ops.constant(np.array(values, np.float32, order="C"))


def convolution(maps: Value, weights: NDArray[Any], name: str, padding: int = 0, stride: int = 1) -> ov.Node:
    """Return a convolution of NCHW maps without bias, padded by zeros on all sides."""
    pads = [padding] * 2
    node = ops.convolution(maps, floats(weights), [stride] * 2, pads, pads, [1, 1])
    node.set_friendly_name(name)
    return node


def bias(maps: Value, values: NDArray[Any]) -> ov.Node:
    """Add a value to each channel."""
    return ops.add(maps, floats(np.reshape(values, (1, -1, 1, 1))))


def sides(maps: Value) -> tuple[ov.Node, ...]:
    """Return the size of each of four dimensions, as scalars."""
    whole = ops.shape_of(maps, "i64")
    return tuple(ops.gather(whole, integers(axis), integers(0)) for axis in range(4))


def shape(*dimensions: int | ov.Node) -> ov.Node:
    """Return a shape made of numbers and scalars of the graph."""
    parts: Sequence[ov.Node] = [
        integers([each]) if isinstance(each, int) else ops.unsqueeze(each, integers(0)) for each in dimensions
    ]
    return ops.concat(list(parts), 0)
