"""An IR whose inner tensors can be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import methodcaller
from pathlib import Path
from typing import TypeAlias

import numpy as np

from omz.convert.ir_file import read_model, tensor_names
from omz.errors import EngineError
from omz.runtime.engine import Tensor
from omz.runtime.openvino_engine import default_precision
from omz.runtime.quiet_openvino import PrePostProcessor, core, ov, port_names, reason

_Place: TypeAlias = tuple[str, int]
"""The name of a node and the number of its output."""
_STEPS = ("Convert", "Gather", "Subtract", "Add", "Multiply", "Divide", "Transpose", "FakeQuantize")
"""The operations of preprocessing in an IR."""
_ONLOOKERS = ("ShapeOf", "Result")
_COARSE = {"bf16": ov.Type.bf16, "f16": ov.Type.f16}
_HINT = "INFERENCE_PRECISION_HINT"


class ExposedIR:
    """Runs an IR on ``inputs`` and returns those of its tensors whose names the source has (``known``).

    ``bytes`` tells by name about how large the tensors are. The name of an input means what preprocessing makes of it.
    ``weights`` is the coarsest type of weights, ``precision`` that of execution. Raises
    :class:`omz.errors.ConversionError` if the file cannot be read, and :class:`EngineError` if it does not run.
    """

    def __init__(
        self, xml: Path, known: Collection[str], inputs: Mapping[str, Tensor], device: str, precision: str
    ) -> None:
        self._xml, self._inputs, self._device = xml, inputs, device
        self._model = read_model(xml)
        names = port_names(self._model.inputs)
        if set(names) != set(inputs):
            raise EngineError(f"{xml} takes the inputs {', '.join(names)}, not {', '.join(inputs) or 'none'}")
        self.weights = _weights(self._model)
        self._hints = {_HINT: precision}
        try:
            if precision == "default":
                precision, self._hints = default_precision(device) or "f32", {}
            self.precision = precision
            self._model.reshape({name: ov.PartialShape(list(value.shape)) for name, value in inputs.items()})
        except RuntimeError as error:
            raise EngineError(f"{xml} does not take the shapes of the inputs: {reason(error)}") from error
        largest = max(map(np.size, inputs.values()), default=1)
        self._places: dict[str, _Place] = {}
        self.bytes: dict[str, int] = {}
        for name, port in _ports(self._model, known).items():
            self._places[name], self.bytes[name] = _place(port), _bytes(port, largest)
        self.outputs = tensor_names(self._model.outputs)

    def run(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Return those of the tensors ``names`` that the IR has, floats as float32."""
        places = {name: self._places[name] for name in names if name in self._places}
        model = self._model.clone()
        nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}  # a clone loses names of tensors
        shown: dict[_Place, ov.Output] = {}
        if self.precision in _COARSE:  # other outputs decide which layers run in that precision
            for result in model.get_results():
                shown[_place(result.input_value(0))] = result.input_value(0)
        own = len(shown)
        values: dict[_Place, Tensor] = {}
        for port in model.inputs:
            values[_place(port)] = np.asarray(self._inputs[port.any_name], order="C")
        feed = dict(enumerate(values.values()))
        asked = set(places.values()) - {*values}
        for node, index in sorted(asked):
            shown[node, index] = nodes[node].output(index)
        try:
            if asked:
                exposed = self._coarse(ov.Model(list(shown.values()), model.get_parameters(), "exposed"), own)
                request = core().compile_model(exposed, self._device, self._hints).create_infer_request()
                request.infer(feed)
                for index, place in enumerate(shown):
                    values[place] = _values(request.get_output_tensor(index))
        except RuntimeError as error:
            raise EngineError(f"{self._xml} does not run with its tensors exposed: {reason(error)}") from error
        return {name: values[place] for name, place in places.items()}

    def _coarse(self, model: ov.Model, own: int) -> ov.Model:
        """Return ``model`` with the outputs after the first ``own`` in the precision of execution.

        OpenVINO computes all that leads to an f32 output in f32, back to the last heavy layer.
        """
        if self.precision not in _COARSE:
            return model
        builder = PrePostProcessor(model)
        for index, port in enumerate(model.outputs):
            if index >= own and port.get_element_type() == ov.Type.f32:
                builder.output(index).tensor().set_element_type(_COARSE[self.precision])
        return builder.build()


def _ports(model: ov.Model, known: Collection[str]) -> dict[str, ov.Output]:
    """Return the tensors of ``model`` that ``known`` names and that have elements.

    OpenVINO 2024.6 crashes on an output without elements.
    """
    inputs: dict[str, ov.Output] = {}
    for port in model.inputs:
        inputs |= dict.fromkeys(port.get_names(), port)
    wanted = set(known) - set(inputs)
    found: dict[str, ov.Output] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() in ("Parameter", "Result"):
            continue
        for port in node.outputs():
            if not _is_empty(port):
                found |= dict.fromkeys(port.get_names() & wanted, port)
    for name, port in inputs.items():
        if name in known:
            found[name] = _prepared(port, known)
    return found


def _prepared(port: ov.Output, known: Collection[str]) -> ov.Output:
    """Return what preprocessing makes of an input: the last of a chain of steps that the source does not have."""
    while True:
        users = []
        for target in port.get_target_inputs():
            if target.get_node().get_type_name() not in _ONLOOKERS:
                users.append(target.get_node())
        if len(users) != 1 or users[0].get_type_name() not in _STEPS:
            return port
        node = users[0]
        others = [value.get_node() for value in node.input_values() if _place(value) != _place(port)]
        if node.output(0).get_names() & set(known) or not all(map(_is_constant, others)):
            return port
        port = node.output(0)


def _is_empty(port: ov.Output) -> bool:
    shape = port.get_partial_shape()
    return bool(shape.is_static and 0 in shape.to_shape())


def _is_constant(node: ov.Node) -> bool:
    values = node.input_values()
    if not values:
        return bool(node.get_type_name() == "Constant")
    return all(map(_is_constant, map(methodcaller("get_node"), values)))


def _place(port: ov.Output) -> _Place:
    return port.get_node().get_friendly_name(), port.get_index()


def _bytes(port: ov.Output, largest: int) -> int:
    """Return about how many bytes a tensor has in float32; unknown sides make it ``largest`` times as large."""
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        return 4 * largest
    count, is_known = 4, True
    for side in shape:
        count *= max(side.max_length, 1)
        is_known &= side.max_length >= 0
    return count if is_known else count * largest


def _weights(model: ov.Model) -> str:
    """Return the coarsest type of the weights of ``model``, ``i8`` if it is quantised."""
    types = set()
    for node in model.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize":
            return "i8"
        if node.get_type_name() == "Constant" and len(node.get_output_shape(0)) > 1:
            types.add(str(node.get_output_element_type(0).get_type_name()))
    if types & {"i8", "u8", "i4", "u4"}:
        return "i8"
    for name in ("bf16", "f16"):
        if name in types:
            return name
    return "f32"


def _values(tensor: ov.Tensor) -> Tensor:
    """Return a copy of the values of a tensor."""
    if tensor.element_type == ov.Type.bf16:  # numpy lacks this type: the upper half of a float32
        halves = np.array(tensor.data).view(np.uint16).astype(np.uint32) << 16
        return np.asarray(halves.view(np.float32).reshape(tuple(tensor.shape)))
    values = np.array(tensor.data)
    return values.astype(np.float32) if values.dtype == np.float16 else values
