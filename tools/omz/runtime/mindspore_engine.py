"""Networks in MindSpore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from omz.errors import EngineError, first_line
from omz.networks.mindspore_weights import load_checkpoint
from omz.networks.quiet_mindspore import ms, nn
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs, numpy_type, prepare, presented
from omz.runtime.own_networks import build_own
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.preprocessing import Preprocessing


class MindSporeEngine:
    """Runs an original MindSpore network on the CPU in float32, its preprocessing applied before."""

    def __init__(
        self,
        network: Any,
        inputs: tuple[TensorInfo, ...],
        output_names: tuple[str, ...],
        preprocessing: tuple[Preprocessing, ...] = (),
    ) -> None:
        self._network = network
        self._inputs = inputs
        self._output_names = output_names
        self._preprocessing = preprocessing

    @property
    def info(self) -> EngineInfo:
        """MindSpore, CPU, float32."""
        return EngineInfo("MindSpore", "CPU", "f32")

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the order of the network's arguments."""
        return presented(self._inputs, self._preprocessing)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the network's order."""
        return self._output_names

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once; see :class:`omz.runtime.engine.Engine`."""
        check_inputs(self.inputs, inputs)
        prepared = prepare(inputs, self._preprocessing)
        arguments = [
            ms.Tensor(prepared[info.name].astype(numpy_type(info.element_type), copy=False)) for info in self._inputs
        ]
        try:
            result = self._network(*arguments)
            results = [tensor.asnumpy() for tensor in (result if isinstance(result, tuple) else (result,))]
        except Exception as error:  # MindSpore's errors have no common base but this one
            raise EngineError(f"MindSpore does not run the network: {first_line(error)}") from error
        return {name: np.array(each) for name, each in zip(self._output_names, results, strict=False)}


def build_network(arguments: ExportArguments) -> Any:
    """Build the network that a card names, ready to be run, and load its checkpoint, strictly.

    Raises :class:`~omz.errors.CardError` where there is no such network here, or its arguments do not fit; and
    :class:`~omz.errors.ModelFileError` where the checkpoint does not.
    """
    network, weights = build_own(arguments, nn.Cell, "MindSpore")
    load_checkpoint(network, weights)
    return network.set_train(False)
