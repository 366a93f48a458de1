"""An IR of which any tensor can be looked at."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from omz.convert.ir_file import read_model
from omz.errors import EngineError
from omz.runtime.engine import Tensor
from omz.runtime.openvino_engine import default_precision
from omz.runtime.openvino_errors import reason
from omz.runtime.quiet_openvino import PrePostProcessor, core, ov

_STEPS = ("Convert", "Gather", "Subtract", "Add", "Multiply", "Divide", "Transpose", "FakeQuantize")
"""Of what preprocessing is made, in an IR."""
_LOOKS_ON = ("ShapeOf", "Result")
_COARSE = {"bf16": ov.Type.bf16, "f16": ov.Type.f16}
_HINT = "INFERENCE_PRECISION_HINT"


class ExposedIR:
    """Runs an IR on ``inputs``, and gives tensors that ``known`` names, in the precision asked for.

    ``bytes`` tells about how large those are that it has, by name: ``known`` are the names of the source. That of an
    input stands for what its preprocessing makes of it. ``weights`` is the coarsest type of weights, ``precision`` that
    of execution. Raises :class:`omz.errors.ConversionError` for a file that cannot be read, and :class:`EngineError`
    where it does not run.
    """

    def __init__(
        self, xml: Path, known: Collection[str], inputs: Mapping[str, Tensor], device: str, precision: str
    ) -> None:
        self._xml, self._inputs, self._device = xml, inputs, device
        self._model = read_model(xml)
        names = [port.any_name for port in self._model.inputs]
        if set(names) != set(inputs):
            raise EngineError(f"{xml} takes the inputs {', '.join(names)}, not {', '.join(inputs) or 'none'}")
        self.weights = _weights(self._model)
        self._hints = {} if precision == "default" else {_HINT: precision}
        try:
            self.precision = (default_precision(device) or "f32") if precision == "default" else precision
            self._model.reshape({name: ov.PartialShape(list(value.shape)) for name, value in inputs.items()})
        except RuntimeError as error:
            raise EngineError(f"{xml} does not take the shapes of the inputs: {reason(error)}") from error
        largest = max((value.size for value in inputs.values()), default=1)
        ports = _ports(self._model, known)
        self._places = {name: _place(port) for name, port in ports.items()}
        self.bytes = {name: _bytes(port, largest) for name, port in ports.items()}
        self.outputs = {name for port in self._model.outputs for name in port.get_names()}

    def run(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Return tensors by name, in float32 where they are numbers with a fraction."""
        model = self._model.clone()
        nodes = {node.get_friendly_name(): node for node in model.get_ordered_ops()}  # a clone loses names of tensors
        # In f32 what is not asked for need not be computed; in other precisions it may decide what is.
        results = [result.input_value(0) for result in model.get_results()] if self.precision in _COARSE else []
        own = {_place(port): port for port in results}
        given = {_place(port): self._inputs[port.any_name] for port in model.inputs}
        asked = {self._places[name] for name in names} - {*given}
        shown = {**own, **{(node, index): nodes[node].output(index) for node, index in sorted(asked)}}
        feed = {index: np.asarray(self._inputs[port.any_name], order="C") for index, port in enumerate(model.inputs)}
        values = dict(given)
        try:
            if asked:
                exposed = self._coarse(ov.Model(list(shown.values()), model.get_parameters(), "exposed"), len(own))
                request = core().compile_model(exposed, self._device, self._hints).create_infer_request()
                request.infer(feed)
                values |= {place: _values(request.get_output_tensor(index)) for index, place in enumerate(shown)}
        except RuntimeError as error:
            raise EngineError(f"{self._xml} does not run with its tensors exposed: {reason(error)}") from error
        return {name: values[self._places[name]] for name in names}

    def _coarse(self, model: ov.Model, own: int) -> ov.Model:
        """Let what is exposed, after the ``own`` outputs, leave ``model`` in the precision in which that is executed.

        OpenVINO computes whatever leads to an output in f32, back to the last heavy layer, in f32.
        """
        if self.precision not in _COARSE:
            return model
        builder = PrePostProcessor(model)
        for index, port in enumerate(model.outputs):
            if index >= own and port.get_element_type() == ov.Type.f32:
                builder.output(index).tensor().set_element_type(_COARSE[self.precision])
        return builder.build()


def _ports(model: ov.Model, known: Collection[str]) -> dict[str, ov.Output]:
    """Return where in ``model`` the tensors are that ``known`` names, and that have elements.

    OpenVINO 2024.6 crashes where an output can have none.
    """
    inputs = {name: port for port in model.inputs for name in port.get_names()}
    found = {
        name: port
        for node in model.get_ordered_ops()
        if node.get_type_name() not in ("Parameter", "Result")
        for port in node.outputs()
        for name in port.get_names()
        if name in known and name not in inputs and not _is_empty(port)
    }
    for name, port in inputs.items():
        if name in known:
            found[name] = _prepared(port, known)
    return found


def _prepared(port: ov.Output, known: Collection[str]) -> ov.Output:
    """Return what the preprocessing makes of an input: the last of a chain of steps that the source does not know."""
    while True:
        users = [target.get_node() for target in port.get_target_inputs()]
        users = [user for user in users if user.get_type_name() not in _LOOKS_ON]
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
    return all(_is_constant(value.get_node()) for value in values) if values else node.get_type_name() == "Constant"


def _place(port: ov.Output) -> tuple[str, int]:
    return port.get_node().get_friendly_name(), port.get_index()


def _bytes(port: ov.Output, largest: int) -> int:
    """Return about how many bytes a tensor has in float32; a side that is not known is as long as all can be."""
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        return 4 * largest
    lengths = [side.get_length() if side.is_static else side.max_length for side in shape]
    return 4 * math.prod(length for length in lengths if length > 0) * (largest if min(lengths, default=1) < 0 else 1)


def _weights(model: ov.Model) -> str:
    """Return the coarsest type in which ``model`` stores weights, or in which it is told to compute."""
    types = set()
    for node in model.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize":
            return "i8"
        if node.get_type_name() == "Constant" and len(node.get_output_shape(0)) > 1:
            types.add(str(node.get_output_element_type(0).get_type_name()))
    if types & {"i8", "u8", "i4", "u4"}:
        return "i8"
    return next((name for name in ("bf16", "f16") if name in types), "f32")


def _values(tensor: ov.Tensor) -> Tensor:
    """Return a copy of what a tensor holds."""
    if tensor.element_type == ov.Type.bf16:  # numpy has no such type; it is the upper half of float32
        halves = np.array(tensor.data).view(np.uint16).astype(np.uint32) << 16
        return np.asarray(halves.view(np.float32).reshape(tuple(tensor.shape)))
    values = np.array(tensor.data)
    return np.asarray(values, np.float32 if values.dtype == np.float16 else None)
