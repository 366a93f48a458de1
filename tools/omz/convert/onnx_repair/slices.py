"""Slices along no axis at all."""

from __future__ import annotations

import onnx

from omz.convert.onnx_repair.graph import Lookup, is_onnx


def let_through_what_is_whole(model: onnx.ModelProto) -> None:
    """Make slices along no axis pass on what they read, for OpenVINO refuses them.

    The exporter leaves out axes that are kept whole, be it all of them.
    """
    lookup = Lookup(model.graph)
    for node in model.graph.node:
        starts = lookup.constant(node.input[1]) if is_onnx(node, "Slice") and len(node.input) > 1 else None
        if starts is not None and not starts.size:
            node.op_type = "Identity"
            del node.input[1:]
