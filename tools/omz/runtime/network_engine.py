"""The base of engines that run an original network in its own framework."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from threading import Lock

from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs, numpy_type, prepare, presented
from omz.runtime.forks import PerProcess
from omz.zoo.preprocessing import Preprocessing


class NetworkEngine(ABC):
    """Runs a network that takes and returns tensors in a fixed order, its preprocessing applied before.

    ``own_inputs`` are those of the network; ``inputs`` are those before preprocessing. Threads take turns, since a
    network may keep something between its layers.
    """

    info: EngineInfo

    def __init__(
        self,
        own_inputs: tuple[TensorInfo, ...],
        outputs: tuple[str, ...],
        preprocessing: tuple[Preprocessing, ...] = (),
    ) -> None:
        self.inputs = presented(own_inputs, preprocessing)
        self.outputs = outputs
        self.output_infos = tuple(TensorInfo(name, ()) for name in outputs)
        self._types = {info.name: numpy_type(info.element_type) for info in own_inputs}
        self._preprocessing = preprocessing
        self._turn = PerProcess(Lock)

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once; see :class:`omz.runtime.engine.Engine`."""
        check_inputs(self.inputs, inputs)
        prepared = prepare(inputs, self._preprocessing)
        arguments = []
        for name, dtype in self._types.items():
            arguments.append(prepared[name].astype(dtype, copy=False))
        with self._turn():
            results = self._run(arguments)
        return dict(zip(self.outputs, results, strict=False))

    @abstractmethod
    def _run(self, arguments: Sequence[Tensor]) -> Sequence[Tensor]:
        """Run the network; outputs without a name are left out."""
