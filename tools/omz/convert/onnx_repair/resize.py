"""Bilinear resizing that is spelled in gathers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from omz.convert.onnx_repair.graph import Lookup, add_constant, is_onnx, names, static_shapes

_LEAST_OPSET = 11  # which Resize has told where pixels lie since
_ATTRIBUTES = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
_RANKS = (3, 4, 5)
_SPATIAL = 2  # ONNX Runtime and OpenVINO resize nothing linearly before this axis
_TYPES = (np.float16, np.float32)  # which ONNX Runtime resizes
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class _Interpolation:
    """A linear interpolation of ``tensor`` to ``scales`` times its size, one number a dimension."""

    tensor: str
    scales: tuple[float, ...]


def gathers_to_resize(model: onnx.ModelProto) -> None:
    """Turn sums of two weighted gathers along an axis, which interpolate between the centres of pixels, into Resize.

    Indices and weights together are a matrix; what has the matrix of ONNX's linear Resize (``half_pixel``, edges
    repeated) is one. Several in a row, each along another axis, become a single one. The gathers themselves are left
    for :func:`omz.convert.onnx_repair.dead.remove_dead`.
    """
    if not any(each.domain in ("", "ai.onnx") and each.version >= _LEAST_OPSET for each in model.opset_import):
        return
    lookup, shapes = Lookup(model.graph), static_shapes(model)
    found: dict[str, _Interpolation] = {}
    for node in model.graph.node:
        interpolation = _interpolation(node, lookup, shapes)
        if interpolation is None:
            continue
        earlier = found.get(interpolation.tensor)
        if earlier and all(1 in pair for pair in zip(earlier.scales, interpolation.scales, strict=True)):
            scales = tuple(map(float, np.multiply(earlier.scales, interpolation.scales)))
            interpolation = _Interpolation(earlier.tensor, scales)
        found[node.output[0]] = interpolation
    taken = names(model.graph)
    for node in model.graph.node:
        if node.output[0] in found:
            _become_resize(node, found[node.output[0]], model, taken)


def _interpolation(node: onnx.NodeProto, lookup: Lookup, shapes: dict[str, tuple[int, ...]]) -> _Interpolation | None:
    """Return what ``node`` interpolates, None where it does something else."""
    if not is_onnx(node, "Add"):
        return None
    terms = [_weighted_gather(name, lookup, shapes) for name in node.input]
    near, far = terms[0], terms[1]
    if near is None or far is None or near[:2] != far[:2]:
        return None
    tensor, axis, matrix = near[0], near[1], near[2] + far[2]
    shape = shapes[tensor]
    scale = matrix.shape[0] / shape[axis]
    exact = float(np.float32(scale))  # runtimes compute sizes from this, some in double precision
    if {int(shape[axis] * exact), int(shape[axis] * np.float32(scale))} != {matrix.shape[0]}:
        return None
    if not np.allclose(matrix, _linear_matrix(*matrix.shape), rtol=0, atol=_TOLERANCE):
        return None
    return _Interpolation(tensor, tuple(scale if each == axis else 1.0 for each in range(len(shape))))


def _weighted_gather(
    tensor: str, lookup: Lookup, shapes: dict[str, tuple[int, ...]]
) -> tuple[str, int, NDArray[np.float64]] | None:
    """Return what a product of a gather and weights reads, along which axis, and the matrix that it multiplies by."""
    product = lookup.maker(tensor, "Mul")
    for gathered, factor in (product.input, product.input[::-1]) if product else ():
        gather, weights = lookup.maker(gathered, "Gather"), lookup.constant(factor)
        if gather is None or weights is None:
            continue
        indices, shape = lookup.constant(gather.input[1]), shapes.get(gather.input[0], ())
        axis = next((each.i for each in gather.attribute if each.name == "axis"), 0) % max(len(shape), 1)
        if indices is None or indices.ndim != 1 or not indices.size or weights.dtype not in _TYPES:
            continue
        if len(shape) not in _RANKS or axis < _SPATIAL or not shape[axis]:
            continue
        line = _along(weights, axis, (*shape[:axis], len(indices), *shape[axis + 1 :]))
        if line is not None:
            matrix = np.zeros((len(indices), shape[axis]))
            matrix[np.arange(len(indices)), indices] = line  # negative indices count from the end, as in ONNX
            return gather.input[0], axis, matrix
    return None


def _along(weights: NDArray[Any], axis: int, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the weights along an axis of a tensor of ``shape``, None where they differ along others, or widen it."""
    spread = weights.reshape((1,) * (len(shape) - weights.ndim) + weights.shape)
    if any(its not in (1, side) for its, side in zip(spread.shape, shape, strict=False)) or spread.ndim > len(shape):
        return None
    if not spread.size:
        return None
    lines = np.moveaxis(spread, axis, -1).reshape(-1, spread.shape[axis])
    return np.broadcast_to(lines[0], shape[axis]) if (lines == lines[0]).all() else None


def _linear_matrix(after: int, before: int) -> NDArray[np.float64]:
    """Return the matrix that takes a line of ``before`` pixels to one of ``after``.

    Its formula is that of ONNX's Resize, ``linear`` and ``half_pixel``.
    """
    position = ((np.arange(after) + 0.5) * (before / after) - 0.5).clip(0, before - 1)
    return np.clip(1 - np.abs(position[:, None] - np.arange(before)), 0, None)


def _become_resize(
    node: onnx.NodeProto, interpolation: _Interpolation, model: onnx.ModelProto, taken: set[str]
) -> None:
    roi = add_constant(model, f"{node.output[0]}_roi", np.zeros(0, np.float32), taken)
    scales = add_constant(model, f"{node.output[0]}_scales", np.array(interpolation.scales, np.float32), taken)
    node.op_type = "Resize"
    node.input[:] = [interpolation.tensor, roi, scales]
    del node.attribute[:]
    node.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in _ATTRIBUTES.items())
