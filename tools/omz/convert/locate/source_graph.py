"""An ONNX file whose parts can be run on their own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime
from onnx import helper

from omz.convert.onnx_file import check_onnx, graph_inputs, names_of
from omz.convert.onnx_repair.graph import bodies, names
from omz.errors import EngineError, first_line, os_reason
from omz.runtime.engine import Tensor

_COMPUTED = "computed/"
_FLOATS = {"FLOAT": "f32", "FLOAT16": "f16", "DOUBLE": "f64", "BOOL": "boolean"}


@dataclass(frozen=True)
class Segment:
    """The part of a graph between some tensors: its ``nodes``, in order, and the ``inputs`` that they need.

    ``hidden`` are the names or types of nodes that make a tensor on the way, without those that make constants.
    """

    nodes: tuple[int, ...]
    inputs: tuple[str, ...]
    hidden: tuple[str, ...]


class SourceGraph:
    """Runs parts of an ONNX file in ONNX Runtime, on any shapes.

    ``tensors`` are those that depend on an input, in the order of the file; ``inputs`` maps their names to OpenVINO's
    names of their types. Raises :class:`omz.errors.ConversionError` if the file cannot be read as ONNX.
    """

    def __init__(self, path: Path) -> None:
        check_onnx(path)
        self.path = path
        try:
            self._model = onnx.load(str(path))
        except Exception as error:  # weights in other files can be missing, among other things
            raise EngineError(f"{path} cannot be read: {os_reason(error)}") from error
        graph = self._model.graph
        self.inputs, self._types = {}, {}
        for value in graph_inputs(graph):
            self.inputs[value.name] = _type_name(value)
            self._types[value.name] = value.type.tensor_type.elem_type
        self._constants = dict(zip(names_of(graph.initializer), graph.initializer, strict=True))
        self._maker: dict[str, int] = {}
        for number, node in enumerate(graph.node):
            self._maker |= dict.fromkeys(filter(None, node.output), number)
        known = {*self._maker, *self.inputs, *self._constants}
        self._needs = [_needs(node) & known for node in graph.node]
        tensors: list[str] = []
        self._changing = set(self.inputs)
        for node, needs in zip(graph.node, self._needs, strict=True):
            if needs & self._changing:
                made = list(filter(None, node.output))
                self._changing.update(made)
                tensors += made
        self.tensors = tuple(tensors)
        self.names = frozenset((*self._maker, *self.inputs))

    def maker(self, tensor: str) -> onnx.NodeProto:
        """Return the node that makes ``tensor``."""
        return self._model.graph.node[self._maker[tensor]]

    def segment(self, targets: Iterable[str], given: Collection[str]) -> Segment:
        """Return what leads from the tensors ``given`` to ``targets``, which are computed even if given."""
        wanted = set(targets)
        waiting = set(map(self._maker.__getitem__, wanted))
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
        hidden = []
        for number in ordered:
            node = self._model.graph.node[number]
            if not wanted & set(node.output) and self._changing & set(node.output):
                hidden.append(node.name or node.op_type)
        return Segment(tuple(ordered), tuple(sorted(inputs)), tuple(hidden))

    def leading_to(self, targets: Iterable[str]) -> set[str]:
        """Return ``targets`` and the tensors that lead to them and depend on an input."""
        nodes = self.segment(targets, ()).nodes
        made = set(targets)
        for number in nodes:
            made.update(self._model.graph.node[number].output)
        return self._changing & made

    def run(self, targets: Sequence[str], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Compute ``targets`` from the tensors ``given``; raises :class:`EngineError`."""
        segment = self.segment(targets, given)
        for name in segment.inputs:
            if name not in given:
                raise EngineError(f"{self.path.name} needs its input {name}, which the IR does not take")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # its errors say the same
        try:
            content = self._piece(segment, targets, given)
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            results = session.run(None, {name: given[name] for name in segment.inputs})
        except Exception as error:  # the only base that ONNX Runtime's errors share
            raise EngineError(f"{self.path.name} does not run in ONNX Runtime: {first_line(error)}") from error
        return dict(zip(targets, results, strict=True))

    def _piece(self, segment: Segment, targets: Sequence[str], given: Mapping[str, Tensor]) -> bytes:
        """Return a model of a segment; tensors that are given and computed again get another name."""
        nodes = []
        for number in segment.nodes:
            node = onnx.NodeProto()
            node.CopyFrom(self._model.graph.node[number])
            node.output[:] = [_made(name, given) for name in node.output]
            nodes.append(node)
        inputs, outputs = [], []
        for name in segment.inputs:
            inputs.append(helper.make_tensor_value_info(name, self._type(name, given[name]), None))
        for name in targets:
            outputs.append(helper.make_empty_tensor_value_info(_made(name, given)))
        needed = set().union(*map(self._needs.__getitem__, segment.nodes)) - set(segment.inputs)
        constants = [tensor for name, tensor in self._constants.items() if name in needed]
        sparse = self._model.graph.sparse_initializer
        graph = helper.make_graph(nodes, "piece", inputs, outputs, constants, sparse_initializer=sparse)
        model = helper.make_model(graph, opset_imports=self._model.opset_import, functions=self._model.functions)
        model.ir_version = self._model.ir_version
        content: bytes = model.SerializeToString()
        return content

    def _type(self, name: str, value: Tensor) -> int:
        return self._types.get(name) or helper.np_dtype_to_tensor_dtype(value.dtype)


def _made(name: str, given: Collection[str]) -> str:
    """Return the name of a tensor where it is computed."""
    return f"{_COMPUTED}{name}" if name in given else name


def _needs(node: onnx.NodeProto) -> set[str]:
    """Return the tensors that a node takes, including those that bodies inside it take from outside."""
    return set(filter(None, node.input)).union(*map(names, bodies(node)))


def _type_name(value: onnx.ValueInfoProto) -> str:
    name = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
    return _FLOATS.get(name) or name.replace("UINT", "u").replace("INT", "i")
