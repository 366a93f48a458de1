"""Nodes and constants that nothing needs."""

from __future__ import annotations

import onnx

from omz.convert.onnx_repair.graph import bodies, names


def remove_dead(model: onnx.ModelProto) -> None:
    """Remove nodes that no output depends on, and constants that no node reads and no input has for its default."""
    graph = model.graph
    needed = {value.name for value in (*graph.input, *graph.output)}
    alive = []
    for node in reversed(graph.node):  # ONNX wants them in an order in which they can run
        if needed & set(node.output):
            alive.append(node)
            needed |= ({*node.input} | _captured(node)) - {""}
    if len(alive) < len(graph.node):
        kept = list(reversed(alive))
        del graph.node[:]
        graph.node.extend(kept)
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    if len(constants) < len(graph.initializer):
        del graph.initializer[:]
        graph.initializer.extend(constants)
    tensors = names(graph)
    values = [value for value in graph.value_info if value.name in tensors]
    if len(values) < len(graph.value_info):
        del graph.value_info[:]
        graph.value_info.extend(values)


def _captured(node: onnx.NodeProto) -> set[str]:
    """Return whatever the bodies of loops and branches may take from outside."""
    results = {value.name for body in bodies(node) for value in body.output}
    inner = (each for body in bodies(node) for each in body.node)
    return results.union(*({*each.input} | _captured(each) for each in inner))
