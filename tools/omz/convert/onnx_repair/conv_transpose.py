"""Transposed convolutions whose ``output_shape`` tells batch and channels, too."""

from __future__ import annotations

from typing import Any

import onnx

from omz.convert.onnx_repair.graph import attribute, is_onnx


def spatial_output_shape(model: onnx.ModelProto) -> None:
    """Leave the spatial sides alone in ``output_shape``, as ONNX defines it; ONNX Runtime refuses more.

    Where not the same is cut off everywhere, ``pads`` tell it instead: the exporter's are in MindSpore's order, what it
    calls ``SAME_LOWER`` cuts off more at the upper end, and whoever is told a shape heeds neither.
    """
    for node in model.graph.node:
        shape, spatial = attribute(node, "output_shape", ()), len(attribute(node, "kernel_shape", ()))
        if not is_onnx(node, "ConvTranspose") or not spatial or len(shape) != spatial + 2:
            continue
        cut = _cut(node, spatial)
        if len({end for ends in cut for end in ends}) == 1:
            _set(node, "output_shape", shape[2:])
            continue
        _set(node, "output_shape", None)
        _set(node, "auto_pad", None)
        _set(node, "pads", [max(each, 0) for ends in zip(*cut, strict=True) for each in ends])
        _set(node, "output_padding", [max(-first - last, 0) for first, last in cut])


def _cut(node: onnx.NodeProto, spatial: int) -> list[tuple[int, int]]:
    """Return how much is cut off at the two ends of each side of what the convolution makes; less than 0 is added."""
    automatic = attribute(node, "auto_pad", b"NOTSET")
    if automatic in (b"SAME_LOWER", b"SAME_UPPER"):  # a side is as long as what goes in times the stride
        kernel = attribute(node, "kernel_shape")
        dilations, strides = (attribute(node, name, [1] * spatial) for name in ("dilations", "strides"))
        whole = [step * (k - 1) + 1 - stride for step, k, stride in zip(dilations, kernel, strides, strict=True)]
        return [(each // 2, each - each // 2) if each > 0 else (0, each) for each in whole]
    pads = attribute(node, "pads", [0] * 2 * spatial) if automatic == b"NOTSET" else [0] * 2 * spatial
    return list(zip(pads[::2], pads[1::2], strict=True))


def _set(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Give a node an attribute, None: take it away; others stay where they are."""
    for each in [each for each in node.attribute if each.name == name]:
        if value is not None:
            each.CopyFrom(onnx.helper.make_attribute(name, value))
            return
        node.attribute.remove(each)
    if value is not None:
        node.attribute.append(onnx.helper.make_attribute(name, value))
