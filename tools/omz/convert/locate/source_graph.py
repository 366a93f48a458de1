"""An ONNX file of which any piece can be run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime
from onnx import helper

from omz.convert.onnx_file import check_onnx, graph_inputs
from omz.convert.onnx_repair.graph import bodies, names
from omz.errors import EngineError, first_line
from omz.runtime.engine import Tensor

_COMPUTED = "computed/"
_FLOATS = {"FLOAT": "f32", "FLOAT16": "f16", "DOUBLE": "f64", "BOOL": "boolean"}


@dataclass(frozen=True)
class Segment:
    """The part of a graph between some tensors: which ``nodes``, in order, and the ``inputs`` that they need.

    ``hidden`` are the nodes, by name or type, that make a tensor on the way, but for those that make constants.
    """

    nodes: tuple[int, ...]
    inputs: tuple[str, ...]
    hidden: tuple[str, ...]


class SourceGraph:
    """Runs pieces of an ONNX file in ONNX Runtime, whatever shapes it tells.

    ``tensors`` are those that depend on an input, in the order of the file; ``inputs`` have OpenVINO's name of their
    type. Raises :class:`omz.errors.ConversionError` for a file that cannot be read as ONNX.
    """

    def __init__(self, path: Path) -> None:
        check_onnx(path)
        self.path = path
        try:
            self._model = onnx.load(str(path))
        except Exception as error:  # weights in other files can be missing, or anything else
            raise EngineError(f"{path} cannot be read: {first_line(error)}") from error
        graph = self._model.graph
        self.inputs = {value.name: _type_name(value) for value in graph_inputs(graph)}
        self._types = {value.name: value.type.tensor_type.elem_type for value in graph_inputs(graph)}
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._sparse = {tensor.values.name: tensor for tensor in graph.sparse_initializer}
        self._maker = {name: number for number, node in enumerate(graph.node) for name in node.output if name}
        self._needs = [_needs(node) & {*self._maker, *self.inputs, *self._constants} for node in graph.node]
        changing = set(self.inputs)
        for node, needs in zip(graph.node, self._needs, strict=True):
            if needs & changing:
                changing.update(name for name in node.output if name)
        self._changing = changing
        self.tensors = tuple(name for node in graph.node for name in node.output if name in changing)
        self.names = frozenset((*self._maker, *self.inputs))

    def maker(self, tensor: str) -> onnx.NodeProto:
        """Return the node that makes ``tensor``."""
        return self._model.graph.node[self._maker[tensor]]

    def segment(self, targets: Iterable[str], given: Collection[str]) -> Segment:
        """Return what leads from the tensors ``given`` to ``targets``, which are computed even where given."""
        wanted = set(targets)
        waiting = {self._maker[name] for name in wanted}
        nodes: set[int] = set()
        inputs: set[str] = set()
        while waiting:
            number = waiting.pop()
            nodes.add(number)
            for name in self._needs[number]:
                if name in given or name in self.inputs:
                    inputs.add(name)
                elif name in self._maker and self._maker[name] not in nodes:
                    waiting.add(self._maker[name])
        ordered = sorted(nodes)
        hidden = [self._model.graph.node[number] for number in ordered]
        return Segment(
            tuple(ordered),
            tuple(sorted(inputs)),
            tuple(
                node.name or node.op_type
                for node in hidden
                if not wanted & set(node.output) and self._changing & set(node.output)
            ),
        )

    def leading_to(self, targets: Iterable[str]) -> set[str]:
        """Return the tensors that lead to ``targets``, these among them, and depend on an input."""
        return {
            name
            for number in self.segment(targets, ()).nodes
            for name in self._model.graph.node[number].output
            if name in self._changing
        }

    def run(self, targets: Sequence[str], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute ``targets`` of the tensors ``given``; raises :class:`EngineError` where that does not work."""
        segment = self.segment(targets, given)
        missing = [name for name in segment.inputs if name not in given]
        if missing:
            raise EngineError(f"{self.path.name} needs its input {missing[0]}, which the IR does not take")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it says is in its errors, too
        try:
            content = self._piece(segment, targets, given)
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            results = session.run(None, {name: given[name] for name in segment.inputs})
        except Exception as error:  # ONNX Runtime's errors have no common base but this one
            raise EngineError(f"{self.path.name} does not run in ONNX Runtime: {first_line(error)}") from error
        return dict(zip(targets, results, strict=True))

    def _piece(self, segment: Segment, targets: Sequence[str], given: Mapping[str, Tensor]) -> bytes:
        """Return a model of a segment; what it makes of a tensor that is given gets another name."""
        nodes = []
        for number in segment.nodes:
            node = onnx.NodeProto()
            node.CopyFrom(self._model.graph.node[number])
            node.output[:] = [f"{_COMPUTED}{name}" if name in given else name for name in node.output]
            nodes.append(node)
        needed = set().union(*(self._needs[number] for number in segment.nodes))
        graph = helper.make_graph(
            nodes,
            "piece",
            [helper.make_tensor_value_info(name, self._type(name, given[name]), None) for name in segment.inputs],
            [helper.make_empty_tensor_value_info(f"{_COMPUTED}{n}" if n in given else n) for n in targets],
            [tensor for name, tensor in self._constants.items() if name in needed and name not in segment.inputs],
            sparse_initializer=[tensor for name, tensor in self._sparse.items()],
        )
        model = helper.make_model(graph, opset_imports=self._model.opset_import, functions=self._model.functions)
        model.ir_version = self._model.ir_version
        content: bytes = model.SerializeToString()
        return content

    def _type(self, name: str, value: Tensor) -> int:
        return self._types.get(name) or helper.np_dtype_to_tensor_dtype(value.dtype)


def _needs(node: onnx.NodeProto) -> set[str]:
    """Return the tensors that a node takes, those that the bodies inside it take from outside among them."""
    return {name for name in node.input if name}.union(*(names(body) for body in bodies(node)))


def _type_name(value: onnx.ValueInfoProto) -> str:
    name = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
    return _FLOATS.get(name) or name.replace("UINT", "u").replace("INT", "i")
