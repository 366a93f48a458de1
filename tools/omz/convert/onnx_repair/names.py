"""The names of inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from omz.convert.onnx_file import graph_inputs
from omz.convert.onnx_repair.graph import bodies, names, new_name
from omz.errors import ConversionError


def rename_ports(model: onnx.ModelProto, input_names: Sequence[str], output_names: Sequence[str]) -> None:
    """Give inputs and outputs, in their order, these names, wherever the graph speaks of them.

    MindSpore numbers tensors; told names, it renames an output where it is made, but not where it is read. Whatever
    else has one of the names gets another. What is two outputs, or an input, too, becomes one of its own. Raises
    :class:`ConversionError` where the numbers differ, or a name is given twice.
    """
    graph = model.graph
    wishes = [*input_names, *output_names]
    if len(set(wishes)) < len(wishes):
        raise ConversionError(f"inputs and outputs need different names, not {', '.join(wishes)}")
    given = [value.name for value in graph_inputs(graph)]
    for kind, found, wanted in (
        ("inputs", given, input_names),
        ("outputs", [value.name for value in graph.output], output_names),
    ):
        if len(found) != len(wanted):
            raise ConversionError(
                f"the network has {len(found)} {kind}, but {len(wanted)} names are given: {', '.join(wanted)}"
            )
    _separate_outputs(model)
    new = dict(zip((*given, *(value.name for value in graph.output)), wishes, strict=True))
    taken = names(graph) | set(wishes)
    in_the_way = sorted(names(graph) & set(wishes) - set(new))
    _rename(graph, {name: new_name(f"{name}_inner", taken) for name in in_the_way})
    _rename(graph, {old: name for old, name in new.items() if old != name})


def _separate_outputs(model: onnx.ModelProto) -> None:
    graph = model.graph
    others, taken = {value.name for value in graph.input}, names(graph)
    for value in graph.output:
        if value.name in others:
            name = new_name(f"{value.name}_output", taken)
            graph.node.append(onnx.helper.make_node("Identity", [value.name], [name]))
            value.name = name
        others.add(value.name)


def _rename(graph: onnx.GraphProto, new: dict[str, str]) -> None:
    if not new:
        return
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [new.get(name, name) for name in tensors]
        for body in bodies(node):
            _rename(body, new)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = new.get(value.name, value.name)
