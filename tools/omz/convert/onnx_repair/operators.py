"""Operators that the exporter writes so that runtimes refuse them, or in more nodes than they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from omz.convert.onnx_file import names_of
from omz.convert.onnx_repair.graph import Lookup, add_constant, attribute, is_onnx, names, opset, static_shapes

_SOFTMAX_OPSET, _IR_VERSION = 13, 7
"""Before opset 13, Softmax took all axes from one on; so MindSpore, which writes 11, moves its axis to the end."""
_RESIZE_OPSET = 11  # the first whose Resize defines where pixels lie
_ATTRIBUTES = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
_RANKS = (3, 4, 5)
_SPATIAL = 2  # ONNX Runtime and OpenVINO resize nothing linearly before this axis
_TYPES = (np.float16, np.float32)  # which ONNX Runtime resizes
_TOLERANCE = 1e-6


def spatial_output_shape(model: onnx.ModelProto) -> None:
    """Reduce ``output_shape`` to the spatial sides, as ONNX defines it; ONNX Runtime refuses more.

    If sides or ends are cut differently, ``pads`` replace it: the exporter's pads are in MindSpore's order, its
    ``SAME_LOWER`` cuts more at the upper end, and runtimes ignore both when they are given a shape.
    """
    for node in model.graph.node:
        shape, spatial = attribute(node, "output_shape", ()), len(attribute(node, "kernel_shape", ()))
        if not is_onnx(node, "ConvTranspose") or not spatial or len(shape) != spatial + 2:
            continue
        first, last = _cut(node, spatial)
        if len({*first, *last}) == 1:
            _set(node, "output_shape", shape[2:])
            continue
        _set(node, "output_shape", None)
        _set(node, "auto_pad", None)
        _set(node, "pads", np.maximum([*first, *last], 0).tolist())
        _set(node, "output_padding", np.maximum(-np.add(first, last), 0).tolist())


def _cut(node: onnx.NodeProto, spatial: int) -> tuple[list[int], list[int]]:
    """Return how much is cut off at the first and last end of each side of the result; negative amounts are added."""
    automatic = attribute(node, "auto_pad", b"NOTSET")
    if automatic in (b"SAME_LOWER", b"SAME_UPPER"):  # the result is as long as the input times the stride
        kernel = attribute(node, "kernel_shape")
        dilations, strides = attribute(node, "dilations", [1] * spatial), attribute(node, "strides", [1] * spatial)
        whole = np.multiply(dilations, np.subtract(kernel, 1)) + 1 - strides
        first = np.maximum(whole // 2, 0)
        return first.tolist(), (whole - first).tolist()
    pads = [0] * 2 * spatial
    if automatic == b"NOTSET":
        pads = attribute(node, "pads", pads)
    return pads[::2], pads[1::2]


def _set(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Set an attribute of a node, or remove it if ``value`` is None; others stay in place."""
    present = [each for each in node.attribute if each.name == name]
    if value is None:
        for each in present:
            node.attribute.remove(each)
        return
    target = present[0] if present else node.attribute.add()
    target.CopyFrom(onnx.helper.make_attribute(name, value))


def softmax_in_place(model: onnx.ModelProto) -> None:
    """Let Softmax work along its own axis where the exporter swaps that with the last axis before, and back after.

    The model then becomes one of opset 13. The transposition before is left for
    :func:`omz.convert.onnx_repair.folding.remove_dead`.
    """
    if not _swapped(model):
        return
    if opset(model) < _SOFTMAX_OPSET:
        model.CopyFrom(onnx.version_converter.convert_version(model, _SOFTMAX_OPSET))
        model.ir_version = max(model.ir_version, _IR_VERSION)
    for before, softmax, after, axis in _swapped(model):
        softmax.input[0] = before.input[0]
        softmax.output[0] = after.output[0]
        del softmax.attribute[:]
        softmax.attribute.append(onnx.helper.make_attribute("axis", axis))
        model.graph.node.remove(after)


def _swapped(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto, int]]:
    """Return each Softmax between two transpositions that cancel out, with these and its real axis."""
    lookup = Lookup(model.graph)
    reads = names_of(model.graph.output)
    for node in model.graph.node:
        reads += node.input
    found = []
    for after in model.graph.node:
        softmax = lookup.maker(after.input[0], "Softmax") if after.op_type == "Transpose" else None
        before = lookup.maker(softmax.input[0], "Transpose") if softmax else None
        if softmax is None or before is None or reads.count(softmax.output[0]) != 1:
            continue
        order = attribute(before, "perm", ())
        last = len(order) - 1
        told = attribute(softmax, "axis")
        swaps = sorted(order) == list(range(last + 1)) and _exchanged(order) == 2 and order[last] != last
        if swaps and list(order) == list(attribute(after, "perm", ())) and told in (-1, last):
            found.append((before, softmax, after, int(order[last])))
    return found


def _exchanged(order: Sequence[int]) -> int:
    return int(np.count_nonzero(np.arange(len(order)) != order))


def let_through_what_is_whole(model: onnx.ModelProto) -> None:
    """Turn slices without an axis into Identity, for OpenVINO refuses them.

    The exporter leaves out axes that are kept whole, even if those are all.
    """
    lookup = Lookup(model.graph)
    for node in model.graph.node:
        if not is_onnx(node, "Slice") or len(node.input) < 2:
            continue
        starts = lookup.constant(node.input[1])
        if starts is not None and not starts.size:
            node.op_type = "Identity"
            del node.input[1:]


@dataclass(frozen=True)
class _Interpolation:
    """A linear interpolation of ``tensor`` to ``scales`` times its size, one number a dimension."""

    tensor: str
    scales: tuple[float, ...]


def gathers_to_resize(model: onnx.ModelProto) -> None:
    """Turn sums of two weighted gathers along an axis, which interpolate between the centres of pixels, into Resize.

    Indices and weights make a matrix; if it is that of ONNX's linear Resize (``half_pixel``, edges repeated), the sum
    is one. Several in a row, each along another axis, become a single Resize. The gathers are left for
    :func:`omz.convert.onnx_repair.folding.remove_dead`.
    """
    if opset(model) < _RESIZE_OPSET:
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
    """Return the interpolation that ``node`` is, None if it is something else."""
    if not is_onnx(node, "Add"):
        return None
    first, second = node.input
    near, far = _weighted_gather(first, lookup, shapes), _weighted_gather(second, lookup, shapes)
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
    scales = [1.0] * len(shape)
    scales[axis] = scale
    return _Interpolation(tensor, tuple(scales))


def _weighted_gather(
    tensor: str, lookup: Lookup, shapes: dict[str, tuple[int, ...]]
) -> tuple[str, int, NDArray[np.float64]] | None:
    """Return tensor, axis and matrix of a product of a gather and weights; None for other products."""
    product = lookup.maker(tensor, "Mul")
    for gathered, factor in (product.input, product.input[::-1]) if product else ():
        gather, weights = lookup.maker(gathered, "Gather"), lookup.constant(factor)
        if gather is None or weights is None:
            continue
        indices, shape = lookup.constant(gather.input[1]), shapes.get(gather.input[0], ())
        axis = attribute(gather, "axis", 0) % max(len(shape), 1)
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
    """Return the weights along an axis of a tensor of ``shape``; None if they vary along others, or broadcast it."""
    spread = weights.reshape((1,) * (len(shape) - weights.ndim) + weights.shape)
    if any(its not in (1, side) for its, side in zip(spread.shape, shape, strict=False)) or spread.ndim > len(shape):
        return None
    if not spread.size:
        return None
    lines = np.moveaxis(spread, axis, -1).reshape(-1, spread.shape[axis])
    return np.broadcast_to(lines[0], shape[axis]) if (lines == lines[0]).all() else None


def _linear_matrix(after: int, before: int) -> NDArray[np.float64]:
    """Return the matrix of ONNX's Resize, ``linear`` and ``half_pixel``, from ``before`` pixels to ``after``."""
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
    for name, value in _ATTRIBUTES.items():
        node.attribute.append(onnx.helper.make_attribute(name, value))
