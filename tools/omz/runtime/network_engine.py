"""What engines that run an original network in its own framework share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs, numpy_type, prepare, presented
from omz.zoo.preprocessing import Preprocessing


class NetworkEngine(ABC):
    """Runs a network that takes tensors in an order, and gives them in one, its preprocessing applied before."""

    def __init__(
        self,
        inputs: tuple[TensorInfo, ...],
        output_names: tuple[str, ...],
        preprocessing: tuple[Preprocessing, ...] = (),
    ) -> None:
        self._inputs = inputs
        self._output_names = output_names
        self._preprocessing = preprocessing

    @property
    @abstractmethod
    def info(self) -> EngineInfo:
        """What really runs."""

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
        arguments = [prepared[info.name].astype(numpy_type(info.element_type), copy=False) for info in self._inputs]
        return dict(zip(self._output_names, self._run(arguments), strict=False))

    @abstractmethod
    def _run(self, arguments: Sequence[Tensor]) -> Sequence[Tensor]:
        """Run the network; what it gives beyond the names of outputs is left out."""
