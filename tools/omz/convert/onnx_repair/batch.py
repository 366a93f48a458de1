"""A batch of any size, where the exporter has written one into the graph."""

from __future__ import annotations

import numpy as np
import onnx

from omz.convert.onnx_file import graph_inputs
from omz.convert.onnx_repair.graph import Lookup, add_constant, is_onnx, names, static_shapes
from omz.errors import ConversionError, first_line

_MORE = 96  # a batch so much larger than that of the export is no other side by chance
_TELLS = ("starts", "ends", "axes", "steps")


def open_batch(model: onnx.ModelProto, name: str) -> None:
    """Call the first dimension of all inputs and outputs ``name``, and free it from what holds it inside.

    Raises :class:`ConversionError` where something on the way from the inputs still has another batch.
    """
    slice_what_is_cut(model)
    graph = model.graph
    del graph.value_info[:]
    given = graph_inputs(graph)
    for value in (*given, *graph.output):
        if not value.type.tensor_type.shape.dim:
            raise ConversionError(f"the batch cannot be left open: {value.name} has none; give it a size")
    _try_another_batch(model, [value.name for value in given])
    for value in (*given, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = name


def _try_another_batch(model: onnx.ModelProto, input_names: list[str]) -> None:
    """Raise :class:`ConversionError` unless a batch of another size reaches all tensors made from the inputs.

    A size tells more than a name: shape inference loses a name where a tensor is reshaped, and a batch of 1 that is
    held inside would spread over any other unnoticed.
    """
    trial = onnx.ModelProto()
    trial.CopyFrom(model)
    given = [value for value in trial.graph.input if value.name in input_names]
    size = max((value.type.tensor_type.shape.dim[0].dim_value for value in given), default=0) + _MORE
    for value in given:
        value.type.tensor_type.shape.dim[0].dim_value = size
    for value in trial.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(trial, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ConversionError(f"the batch cannot be left open: {first_line(error)}; give it a size") from error
    shapes, carrying = static_shapes(inferred), set(input_names)
    for node in model.graph.node:
        if carrying & set(node.input) and not is_onnx(node, "Shape", "Size"):
            made = {name for name in node.output if name}
            carrying |= made
            for name in made:
                if size not in shapes.get(name, ()):
                    raise ConversionError(f"the batch cannot be left open: {name} holds it; give it a size")
    for value in model.graph.output:
        if shapes.get(value.name, ())[:1] != (size,):
            raise ConversionError(f"the batch cannot be left open: output {value.name} holds it; give it a size")


def slice_what_is_cut(model: onnx.ModelProto) -> None:
    """Leave axes out of slices that keep all of them, for they tell a size that may be another one later."""
    lookup, shapes, taken = Lookup(model.graph), static_shapes(model), names(model.graph)
    for node in model.graph.node:
        told = [lookup.constant(name) for name in node.input[1:]] if is_onnx(node, "Slice") else []
        values = [each for each in told if each is not None]
        if len(values) < 2 or len(values) < len(told) or node.input[0] not in shapes:
            continue
        shape = shapes[node.input[0]]
        values += [np.arange(len(values[0])), np.ones_like(values[0])][len(values) - 2 :]
        cuts = np.array(
            [start or step != 1 or not 0 < shape[axis] <= end for start, end, axis, step in zip(*values, strict=True)],
            dtype=bool,
        )
        if not cuts.any():
            node.op_type = "Identity"
            del node.input[1:]
        elif not cuts.all():
            wishes = [*node.input[1:], *(f"{node.output[0]}_{each}" for each in _TELLS[len(node.input) - 1 :])]
            node.input[1:] = [
                add_constant(model, wish, each[cuts], taken) for wish, each in zip(wishes, values, strict=True)
            ]
