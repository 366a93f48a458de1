"""Computations whose result is known before the network runs."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from omz.convert.onnx_repair.graph import Lookup, is_onnx

_FOLDED = (
    *("Abs", "Add", "Ceil", "Div", "Exp", "Floor", "Log", "Mul", "Neg", "Pow", "Reciprocal", "Sqrt", "Sub"),
    *("Cast", "Concat", "Expand", "Gather", "Identity", "Range", "Reshape", "Shape", "Slice", "Squeeze"),
    *("Tile", "Transpose", "Unsqueeze"),
)
"""What ONNX's reference computes as every version of the standard has it; its Softmax is that of the newest alone."""
_MOST = 1 << 22  # bytes: a constant may be told in few numbers, and have many


def fold_constants(model: onnx.ModelProto) -> None:
    """Put the results of nodes into the graph that read nothing but constants.

    Arithmetic, and what only moves numbers, is computed; results that would take more than 4 MiB are left, as is what
    ONNX's own reference cannot compute.
    """
    graph = model.graph
    lookup = Lookup(graph)
    left = []
    for node in graph.node:
        folded = _computed(node, lookup, model)
        if folded is None:
            left.append(node)
        else:
            graph.initializer.append(folded)
            lookup.add(folded)
    if len(left) < len(graph.node):
        del graph.node[:]
        graph.node.extend(left)


def _computed(node: onnx.NodeProto, lookup: Lookup, model: onnx.ModelProto) -> onnx.TensorProto | None:
    """Return the result of a node that reads nothing but constants, None for any other."""
    inputs = [name for name in node.input if name]
    if not is_onnx(node, *_FOLDED) or not inputs or not all(map(lookup.is_constant, inputs)):
        return None
    try:
        values = {name: lookup.constant(name) for name in inputs}
        results: Any = ReferenceEvaluator(_alone(node, model)).run(None, values)
        (result,) = results
        return numpy_helper.from_array(result, node.output[0]) if result.nbytes <= _MOST else None
    except Exception:  # whatever the reference does not know is no defect
        return None


def _alone(node: onnx.NodeProto, model: onnx.ModelProto) -> onnx.ModelProto:
    inputs = [onnx.helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(node.input) if name]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = onnx.helper.make_graph([node], "alone", inputs, outputs)
    return onnx.helper.make_model(graph, opset_imports=model.opset_import)
