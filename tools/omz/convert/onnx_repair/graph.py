"""Looking things up in an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


class Lookup:
    """Who makes a tensor, and the values of those that are constant, as the graph was when this was made."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._maker = {name: node for node in graph.node for name in node.output}
        given = {value.name for value in graph.input}
        # An initializer that is an input, too, is what the input is unless told otherwise.
        self._initializers = {tensor.name: tensor for tensor in graph.initializer if tensor.name not in given}

    def maker(self, tensor: str, op_type: str) -> onnx.NodeProto | None:
        """Return the node that makes ``tensor``, where it is one of ``op_type`` of ONNX itself."""
        node = self._maker.get(tensor)
        return node if node is not None and is_onnx(node, op_type) else None

    def is_constant(self, tensor: str) -> bool:
        """Tell whether ``tensor`` has the same value in every run."""
        return self._constant(tensor) is not None

    def constant(self, tensor: str) -> NDArray[Any] | None:
        """Return the value of ``tensor``, None where it is not constant."""
        value = self._constant(tensor)
        return None if value is None else numpy_helper.to_array(value)

    def add(self, constant: onnx.TensorProto) -> None:
        """Know one more constant."""
        self._initializers[constant.name] = constant

    def _constant(self, tensor: str) -> onnx.TensorProto | None:
        if tensor in self._initializers:
            return self._initializers[tensor]
        node = self.maker(tensor, "Constant")
        return attribute(node, "value") if node else None


def is_onnx(node: onnx.NodeProto, *op_types: str) -> bool:
    """Tell whether ``node`` is one of ``op_types`` of ONNX itself."""
    return node.op_type in op_types and node.domain in ("", "ai.onnx")


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Return the value of an attribute, or ``default``."""
    return next((onnx.helper.get_attribute_value(each) for each in node.attribute if each.name == name), default)


def bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """Return the graphs inside a node: the branches of an If, the body of a Loop."""
    return [body for each in node.attribute for body in ([each.g] if each.HasField("g") else each.graphs)]


def static_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors by name, as far as they can be told; 0 is a side that may vary."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    return {
        value.name: tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
        for value in (*inferred.input, *inferred.value_info, *inferred.output)
        if value.type.tensor_type.HasField("shape")
    } | {tensor.name: tuple(tensor.dims) for tensor in inferred.initializer}


def names(graph: onnx.GraphProto) -> set[str]:
    """Return the names of all tensors, those in the bodies of loops and branches, too."""
    own = {name for node in graph.node for name in (*node.input, *node.output)}
    own |= {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
    return own.union(*(names(body) for node in graph.node for body in bodies(node)))


def new_name(wish: str, taken: set[str]) -> str:
    """Return ``wish``, with a number after it if that is taken, and take it."""
    name, number = wish, 0
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name


def add_constant(model: onnx.ModelProto, wish: str, values: NDArray[Any], taken: set[str]) -> str:
    """Add an initializer, and return its name, a new one."""
    name = new_name(wish, taken)
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name
