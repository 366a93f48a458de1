"""Networks in MindSpore, which runs in a process of its own.

MindSpore takes Ctrl-C for itself, sets how many threads others may use, and can end a process; all of that stays there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omz.apart import Apart
from omz.errors import EngineError, first_line
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo
from omz.runtime.network_engine import NetworkEngine
from omz.runtime.own_networks import build_own
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.preprocessing import Preprocessing


class MindSporeEngine(NetworkEngine):
    """Runs an original MindSpore network on the CPU in float32, its preprocessing applied before.

    ``arguments`` name the network and its checkpoint; ``process`` is where MindSpore is already, if anywhere. Raises
    :class:`~omz.errors.CardError` where there is no such network, and :class:`~omz.errors.ModelFileError` where the
    checkpoint does not fit.
    """

    def __init__(
        self,
        arguments: ExportArguments,
        inputs: tuple[TensorInfo, ...],
        output_names: tuple[str, ...],
        preprocessing: tuple[Preprocessing, ...] = (),
        process: Apart | None = None,
    ) -> None:
        super().__init__(inputs, output_names, preprocessing)
        self._process = process or mindspore_process()
        self._number = self._process(_load, arguments.absolute())

    @property
    def info(self) -> EngineInfo:
        """MindSpore, CPU, float32."""
        return EngineInfo("MindSpore", "CPU", "f32")

    def _run(self, arguments: Sequence[Tensor]) -> Sequence[Tensor]:
        return self._process(_run, self._number, arguments)


def mindspore_process() -> Apart:
    """Return a process for MindSpore, which is not loaded before it is needed."""
    return Apart("MindSpore")


def build_network(arguments: ExportArguments) -> Any:
    """Build the network that a card names, ready to be run, and load its checkpoint, strictly, in this process.

    Raises :class:`~omz.errors.CardError` where there is no such network here, or its arguments do not fit; and
    :class:`~omz.errors.ModelFileError` where the checkpoint does not.
    """
    from omz.networks.mindspore_weights import load_checkpoint
    from omz.networks.quiet_mindspore import nn

    network, weights = build_own(arguments, nn.Cell, "MindSpore")
    load_checkpoint(network, weights)
    return network.set_train(False)


_networks: list[Any] = []
"""Those of a process for MindSpore."""


def _load(arguments: ExportArguments) -> int:
    _networks.append(build_network(arguments))
    return len(_networks) - 1


def _run(number: int, arguments: Sequence[Tensor]) -> list[Tensor]:
    from omz.networks.quiet_mindspore import ms

    try:
        result = _networks[number](*map(ms.Tensor, arguments))
        return [tensor.asnumpy() for tensor in (result if isinstance(result, tuple) else (result,))]
    except Exception as error:  # MindSpore's errors have no common base but this one
        raise EngineError(f"MindSpore does not run the network: {first_line(error)}") from error
