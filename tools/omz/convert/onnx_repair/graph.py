"""Look-ups in an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from omz.convert.onnx_file import names_of


class Lookup:
    """The makers of tensors and the values of constants in a graph, as it was when this was made."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._maker: dict[str, onnx.NodeProto] = {}
        for node in graph.node:
            self._maker |= dict.fromkeys(node.output, node)
        given = set(names_of(graph.input))
        # An initializer that is also an input is only the default of that input.
        self._initializers = {tensor.name: tensor for tensor in graph.initializer if tensor.name not in given}

    def maker(self, tensor: str, op_type: str) -> onnx.NodeProto | None:
        """Return the node that makes ``tensor`` if it is an ``op_type`` of ONNX itself, else None."""
        node = self._maker.get(tensor)
        return node if node is not None and is_onnx(node, op_type) else None

    def is_constant(self, tensor: str) -> bool:
        """Tell whether ``tensor`` has the same value in every run."""
        return self._constant(tensor) is not None

    def constant(self, tensor: str) -> NDArray[Any] | None:
        """Return the value of ``tensor``, None if it is not constant."""
        value = self._constant(tensor)
        return None if value is None else numpy_helper.to_array(value)

    def add(self, constant: onnx.TensorProto) -> None:
        """Add a constant."""
        self._initializers[constant.name] = constant

    def _constant(self, tensor: str) -> onnx.TensorProto | None:
        if tensor in self._initializers:
            return self._initializers[tensor]
        node = self.maker(tensor, "Constant")
        return attribute(node, "value") if node else None


def is_onnx(node: onnx.NodeProto, *op_types: str) -> bool:
    """Tell whether ``node`` is one of ``op_types`` of ONNX itself."""
    return node.op_type in op_types and node.domain in ("", "ai.onnx")


def opset(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators in ``model``."""
    return max((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), default=0)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Return the value of an attribute, or ``default``."""
    for each in node.attribute:
        if each.name == name:
            return onnx.helper.get_attribute_value(each)
    return default


def bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """Return the graphs inside a node: the branches of an If, the body of a Loop."""
    found: list[onnx.GraphProto] = []
    for each in node.attribute:
        found += [each.g] if each.HasField("g") else each.graphs
    return found


def static_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors by name, as far as they can be inferred; 0 is a side that may vary."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        if value.type.tensor_type.HasField("shape"):
            shapes[value.name] = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
    for tensor in inferred.initializer:
        shapes[tensor.name] = tuple(tensor.dims)
    return shapes


def keep(values: Any, wanted: set[str]) -> None:
    """Leave only those of a graph's ``values`` whose names are ``wanted``."""
    kept = [value for value in values if value.name in wanted]
    if len(kept) < len(values):
        del values[:]
        values.extend(kept)


def names(graph: onnx.GraphProto) -> set[str]:
    """Return the names of all tensors, including those in bodies of loops and branches."""
    found = {*names_of(graph.input), *names_of(graph.output), *names_of(graph.initializer)}
    for node in graph.node:
        found.update(node.input, node.output, *map(names, bodies(node)))
    return found


def new_name(wish: str, taken: set[str]) -> str:
    """Return ``wish``, with a number behind it if it is taken, and add it to ``taken``."""
    name, number = wish, 0
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name


def add_constant(model: onnx.ModelProto, wish: str, values: NDArray[Any], taken: set[str]) -> str:
    """Add an initializer with a new name; return the name."""
    name = new_name(wish, taken)
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name
