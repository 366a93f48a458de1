"""Inputs and outputs: their names, and a batch of any size in the place of the one that the exporter wrote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from omz.convert.onnx_file import graph_inputs, names_of
from omz.convert.onnx_repair.graph import Lookup, add_constant, bodies, is_onnx, names, new_name, static_shapes
from omz.errors import ConversionError, first_line

_MORE = 96  # a batch so much larger than the exported one cannot equal another side by chance
_SLICE_INPUTS = ("starts", "ends", "axes", "steps")


def rename_ports(model: onnx.ModelProto, input_names: Sequence[str], output_names: Sequence[str]) -> None:
    """Give inputs and outputs, in order, these names throughout the graph.

    MindSpore numbers tensors; given names, it renames an output where it is made, but not where it is read. Other
    tensors with one of the names get new ones. A tensor that is two outputs, or also an input, is copied. Raises
    :class:`ConversionError` if the numbers differ, or a name is given twice.
    """
    graph = model.graph
    wishes = [*input_names, *output_names]
    if len(set(wishes)) < len(wishes):
        raise ConversionError(f"inputs and outputs need different names, not {', '.join(wishes)}")
    given, results = names_of(graph_inputs(graph)), names_of(graph.output)
    for kind, found, wanted in (("inputs", given, input_names), ("outputs", results, output_names)):
        if len(found) != len(wanted):
            raise ConversionError(
                f"the network has {len(found)} {kind}, but {len(wanted)} names are given: {', '.join(wanted)}"
            )
    _separate_outputs(model)
    new = dict(zip((*given, *names_of(graph.output)), wishes, strict=True))
    taken = names(graph) | set(wishes)
    in_the_way = sorted(names(graph) & set(wishes) - set(new))
    _rename(graph, {name: new_name(f"{name}_inner", taken) for name in in_the_way})
    _rename(graph, new)


def _separate_outputs(model: onnx.ModelProto) -> None:
    graph = model.graph
    others, taken = set(names_of(graph.input)), names(graph)
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


def open_batch(model: onnx.ModelProto, name: str) -> None:
    """Name the first dimension of all inputs and outputs ``name``, and remove what fixes it inside.

    Raises :class:`ConversionError` if a tensor on the way from the inputs still has another batch.
    """
    slice_what_is_cut(model)
    graph = model.graph
    del graph.value_info[:]
    given = graph_inputs(graph)
    for value in (*given, *graph.output):
        if not value.type.tensor_type.shape.dim:
            raise ConversionError(f"the batch cannot stay open: {value.name} has none; give it a size")
    _try_another_batch(model, names_of(given))
    for value in (*given, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = name


def _try_another_batch(model: onnx.ModelProto, input_names: list[str]) -> None:
    """Raise :class:`ConversionError` unless a batch of another size reaches all tensors made from the inputs.

    A size is a better test than a name: shape inference loses names when a tensor is reshaped, and a fixed batch of 1
    inside would broadcast to any other unnoticed.
    """
    trial = onnx.ModelProto()
    trial.CopyFrom(model)
    batches = []
    for value in graph_inputs(trial.graph):
        batches.append(value.type.tensor_type.shape.dim[0])
    size = max((batch.dim_value for batch in batches), default=0) + _MORE
    for batch in batches:
        batch.dim_value = size
    for value in trial.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(trial, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ConversionError(f"the batch cannot stay open: {first_line(error)}; give it a size") from error
    shapes, carrying = static_shapes(inferred), set(input_names)
    for node in model.graph.node:
        if carrying & set(node.input) and not is_onnx(node, "Shape", "Size"):
            made = set(filter(None, node.output))
            carrying |= made
            for name in made:
                if size not in shapes.get(name, ()):
                    raise ConversionError(f"the batch cannot stay open: {name} fixes it; give it a size")
    for value in model.graph.output:
        if shapes.get(value.name, ())[:1] != (size,):
            raise ConversionError(f"the batch cannot stay open: output {value.name} fixes it; give it a size")


def slice_what_is_cut(model: onnx.ModelProto) -> None:
    """Remove axes from slices that keep all of them, for their ends fix a size that may change later."""
    lookup, shapes, taken = Lookup(model.graph), static_shapes(model), names(model.graph)
    for node in model.graph.node:
        told = list(map(lookup.constant, node.input[1:])) if is_onnx(node, "Slice") else []
        values = [each for each in told if each is not None]
        if len(values) < 2 or len(values) < len(told) or node.input[0] not in shapes:
            continue
        shape = shapes[node.input[0]]
        values += [np.arange(len(values[0])), np.ones_like(values[0])][len(values) - 2 :]
        cuts = np.zeros(len(values[0]), bool)
        for place, (start, end, axis, step) in enumerate(zip(*values, strict=True)):
            cuts[place] = start or step != 1 or not 0 < shape[axis] <= end
        if not cuts.any():
            node.op_type = "Identity"
            del node.input[1:]
        elif not cuts.all():
            wishes = [*node.input[1:], *(f"{node.output[0]}_{each}" for each in _SLICE_INPUTS[len(node.input) - 1 :])]
            del node.input[1:]
            for wish, each in zip(wishes, values, strict=True):
                node.input.append(add_constant(model, wish, each[cuts], taken))
