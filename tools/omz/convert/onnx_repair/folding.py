"""Folding of computations on constants, and removal of what nothing needs then."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from omz.convert.onnx_file import names_of
from omz.convert.onnx_repair.graph import Lookup, bodies, is_onnx, keep, names

_FOLDED = (
    *("Abs", "Add", "Ceil", "Div", "Exp", "Floor", "Log", "Mul", "Neg", "Pow", "Reciprocal", "Sqrt", "Sub"),
    *("Cast", "Concat", "Expand", "Gather", "Identity", "Range", "Reshape", "Shape", "Slice", "Squeeze"),
    *("Tile", "Transpose", "Unsqueeze"),
)
"""Operators that ONNX's reference computes alike for all versions; its Softmax, for one, is that of the newest."""
_MOST = 1 << 22  # bytes: a few numbers can expand to many


def fold_constants(model: onnx.ModelProto) -> None:
    """Replace nodes that read only constants by their results.

    Only arithmetic and operators that move numbers are folded, if ONNX's own reference can compute them and the result
    takes no more than 4 MiB.
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
    """Return the result of a node that reads only constants, None for others."""
    inputs = list(filter(None, node.input))
    if not is_onnx(node, *_FOLDED) or not inputs or not all(map(lookup.is_constant, inputs)):
        return None
    try:
        values = {name: lookup.constant(name) for name in inputs}
        results: Any = ReferenceEvaluator(_alone(node, model)).run(None, values)
        (result,) = results
        return numpy_helper.from_array(result, node.output[0]) if result.nbytes <= _MOST else None
    except Exception:  # the reference does not know everything
        return None


def _alone(node: onnx.NodeProto, model: onnx.ModelProto) -> onnx.ModelProto:
    info = onnx.helper.make_empty_tensor_value_info
    inputs, outputs = map(info, filter(None, dict.fromkeys(node.input))), map(info, filter(None, node.output))
    graph = onnx.helper.make_graph([node], "alone", list(inputs), list(outputs))
    return onnx.helper.make_model(graph, opset_imports=model.opset_import)


def remove_dead(model: onnx.ModelProto) -> None:
    """Remove nodes that no output depends on, and constants that no node reads and that are no input's default."""
    graph = model.graph
    needed = {*names_of(graph.input), *names_of(graph.output)}
    alive = []
    for node in reversed(graph.node):  # ONNX lists nodes in the order in which they run
        if needed & set(node.output):
            alive.append(node)
            needed |= ({*node.input} | _captured(node)) - {""}
    if len(alive) < len(graph.node):
        kept = list(reversed(alive))
        del graph.node[:]
        graph.node.extend(kept)
    keep(graph.initializer, needed)
    keep(graph.value_info, names(graph))


def _captured(node: onnx.NodeProto) -> set[str]:
    """Return the tensors that bodies of loops and branches may take from outside."""
    found: set[str] = set()
    for body in bodies(node):
        found.update(names_of(body.output))
        for each in body.node:
            found |= {*each.input} | _captured(each)
    return found
