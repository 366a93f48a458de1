"""ONNX files in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from omz.errors import EngineError
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs, prepare
from omz.zoo.preprocessing import Preprocessing


class OnnxRuntimeEngine:
    """Runs an original ONNX model on the CPU in float32, its preprocessing applied before.

    Raises :class:`EngineError` where the file cannot be read as a model.
    """

    def __init__(self, model: Path, preprocessing: tuple[Preprocessing, ...] = ()) -> None:
        self._preprocessing = preprocessing
        try:
            self._session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors have no common base but this one
            raise EngineError(f"{model} does not run in ONNX Runtime: {str(error).splitlines()[0]}") from error

    @property
    def info(self) -> EngineInfo:
        """ONNX Runtime, CPU, float32."""
        return EngineInfo("ONNX Runtime", "CPU", "f32")

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the model's order."""
        return tuple(
            TensorInfo(node.name, tuple(dim if isinstance(dim, int) else -1 for dim in node.shape))
            for node in self._session.get_inputs()
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the model's order."""
        return tuple(node.name for node in self._session.get_outputs())

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once; see :class:`omz.runtime.engine.Engine`."""
        check_inputs(self.inputs, inputs)
        results = self._session.run(None, prepare(inputs, self._preprocessing))
        return dict(zip(self.outputs, results, strict=True))
