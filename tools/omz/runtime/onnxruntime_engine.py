"""ONNX files in ONNX Runtime."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import onnxruntime

from omz.errors import EngineError
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs, numpy_type, prepare, presented
from omz.zoo.preprocessing import Preprocessing

_TYPES = {"float": "f32", "float16": "f16", "double": "f64", "bool": "boolean"}


class OnnxRuntimeEngine:
    """Runs an original ONNX model on the CPU in float32, its preprocessing applied before.

    ``outputs`` may name tensors inside the graph, too; without it the model's own are computed. ``any_shape`` lets
    inputs have other shapes than the file tells. Raises :class:`EngineError` where the file cannot be read as a model.
    """

    def __init__(
        self,
        model: Path,
        preprocessing: tuple[Preprocessing, ...] = (),
        outputs: Sequence[str] = (),
        any_shape: bool = False,
    ) -> None:
        self._preprocessing = preprocessing
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it says is in its errors, too
        try:
            source = _adapted(model, outputs, any_shape) if outputs or any_shape else str(model)
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
            own = tuple(map(_info, self._session.get_inputs()))
        except Exception as error:  # ONNX Runtime's errors have no common base but this one
            raise EngineError(f"{model} does not run in ONNX Runtime: {_first_line(error)}") from error
        self._types = {info.name: info.element_type for info in own}
        self._inputs = presented(own, preprocessing)
        self._outputs = tuple(outputs) or tuple(node.name for node in self._session.get_outputs())

    @property
    def info(self) -> EngineInfo:
        """ONNX Runtime, CPU, float32."""
        return EngineInfo("ONNX Runtime", "CPU", "f32")

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the model's order."""
        return self._inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the model's order."""
        return self._outputs

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once; see :class:`omz.runtime.engine.Engine`."""
        check_inputs(self._inputs, inputs)
        try:
            prepared = prepare(inputs, self._preprocessing)
            feed = {name: value.astype(numpy_type(self._types[name]), copy=False) for name, value in prepared.items()}
            results = self._session.run(list(self._outputs), feed)
        except Exception as error:
            raise EngineError(f"ONNX Runtime does not run the model: {_first_line(error)}") from error
        return dict(zip(self._outputs, results, strict=True))


def _adapted(path: Path, outputs: Sequence[str], any_shape: bool) -> bytes:
    """Return the model with ``outputs`` among its outputs, and with or without the shapes that it tells."""
    model = onnx.load(str(path))
    graph = model.graph
    if any_shape:
        del graph.value_info[:]
        constants = {tensor.name for tensor in graph.initializer}
        for value in graph.input:
            if value.name not in constants:
                for dimension in value.type.tensor_type.shape.dim:
                    dimension.Clear()
        for value in graph.output:
            value.type.tensor_type.ClearField("shape")
    known = {value.name for value in graph.output}
    graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in outputs if name not in known)
    content: bytes = model.SerializeToString()
    return content


def _info(node: onnxruntime.NodeArg) -> TensorInfo:
    shape = tuple(side if isinstance(side, int) else -1 for side in node.shape)
    return TensorInfo(node.name, shape, _openvino_type(node.type))


def _openvino_type(name: str) -> str:
    """Return OpenVINO's name of a type such as ``tensor(int64)``."""
    plain = name.removeprefix("tensor(").removesuffix(")")
    return _TYPES.get(plain) or plain.replace("uint", "u").replace("int", "i")


def _first_line(error: Exception) -> str:
    """Return the beginning of what went wrong, without colours and places in sources."""
    text = re.sub(r"\x1b\[\d*m|^\[ONNXRuntimeError\] : \d+ : \w+ : |/\S+:\d+ ", "", str(error)).strip()
    return (text or type(error).__name__).splitlines()[0]
