"""ONNX files in ONNX Runtime."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from omz.errors import EngineError
from omz.processor import usable_cpus
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo
from omz.runtime.network_engine import NetworkEngine
from omz.zoo.preprocessing import Preprocessing

_TYPES = {"float": "f32", "float16": "f16", "double": "f64", "bool": "boolean"}


class OnnxRuntimeEngine(NetworkEngine):
    """Runs an original ONNX model on the CPU in float32, its preprocessing applied before.

    ``outputs`` may also name tensors inside the graph; the default are the model's own. ``any_shape`` accepts inputs of
    other shapes than the file says. With ``once``, memory is freed after each run, and threads do not wait for the next
    one, busily. ``threads`` are those of a run, on whose number the last bits depend; ONNX Runtime chooses if it is
    None. Raises :class:`EngineError` if the file cannot be read as a model.
    """

    info = EngineInfo("ONNX Runtime", "CPU", "f32")

    def __init__(
        self,
        model: Path,
        preprocessing: tuple[Preprocessing, ...] = (),
        outputs: Sequence[str] = (),
        any_shape: bool = False,
        once: bool = False,
        threads: int | None = None,
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 4  # its errors say the same
        if once:
            options.enable_cpu_mem_arena = False
        if once or (threads or 0) > len(usable_cpus()):
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            source = _adapted(model, outputs, any_shape) if outputs or any_shape else str(model)
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
            own = tuple(map(_info, self._session.get_inputs()))
            given = tuple(map(_info, self._session.get_outputs()))
        except Exception as error:  # the only base that ONNX Runtime's errors share
            raise EngineError(f"{model} does not run in ONNX Runtime: {_first_line(error)}") from error
        known = {info.name: info for info in given}
        super().__init__(own, tuple(outputs) or tuple(known), preprocessing)
        self.output_infos = tuple(known[name] for name in self.outputs)

    def _run(self, arguments: Sequence[Tensor]) -> Sequence[Tensor]:
        try:
            results: list[Tensor] = self._session.run(
                list(self.outputs), dict(zip(self._types, arguments, strict=True))
            )
        except Exception as error:
            raise EngineError(f"ONNX Runtime does not run the model: {_first_line(error)}") from error
        return results


def _adapted(path: Path, outputs: Sequence[str], any_shape: bool) -> bytes:
    """Return the model with ``outputs`` added to its outputs, and its shapes removed if ``any_shape``."""
    import onnx  # most models run as they are

    model = onnx.load(str(path))
    graph = model.graph
    if any_shape:
        del graph.value_info[:]
        constants = _names(graph.initializer)
        for value in graph.input:
            if value.name not in constants:
                for dimension in value.type.tensor_type.shape.dim:
                    dimension.Clear()
        for value in graph.output:
            value.type.tensor_type.ClearField("shape")
    known = _names(graph.output)
    for name in outputs:
        if name not in known:
            graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    content: bytes = model.SerializeToString()
    return content


def _names(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(value.name for value in values)


def _info(node: onnxruntime.NodeArg) -> TensorInfo:
    shape = tuple(side if isinstance(side, int) else -1 for side in node.shape)
    return TensorInfo(node.name, shape, _openvino_type(node.type))


def _openvino_type(name: str) -> str:
    """Return OpenVINO's name of a type such as ``tensor(int64)``."""
    plain = name.removeprefix("tensor(").removesuffix(")")
    return _TYPES.get(plain) or plain.replace("uint", "u").replace("int", "i")


def _first_line(error: Exception) -> str:
    """Return the first line of an error, without colours and places in sources."""
    text = re.sub(r"\x1b\[\d*m|^\[ONNXRuntimeError\] : \d+ : \w+ : |/\S+:\d+ ", "", str(error)).strip()
    return (text or type(error).__name__).splitlines()[0]
