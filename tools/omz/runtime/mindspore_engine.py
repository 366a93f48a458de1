"""MindSpore networks, in an isolated process.

MindSpore captures Ctrl-C, limits the threads of other libraries, and can end its process; isolation contains all that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omz.errors import EngineError, ModelFileError, first_line
from omz.isolated import IsolatedProcess
from omz.networks.fit import check_fit
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, shapes_of
from omz.runtime.network_engine import NetworkEngine
from omz.runtime.original import build_own
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.preprocessing import Preprocessing


class MindSporeEngine(NetworkEngine):
    """Runs an original MindSpore network on the CPU in float32, its preprocessing applied before.

    ``arguments`` name the network and its checkpoint; ``process`` is a process in which MindSpore runs already. Raises
    :class:`~omz.errors.CardError` if there is no such network, and :class:`~omz.errors.ModelFileError` if the
    checkpoint does not fit.
    """

    info = EngineInfo("MindSpore", "CPU", "f32")

    def __init__(
        self,
        arguments: ExportArguments,
        inputs: tuple[TensorInfo, ...],
        output_names: tuple[str, ...],
        preprocessing: tuple[Preprocessing, ...] = (),
        process: IsolatedProcess | None = None,
    ) -> None:
        super().__init__(inputs, output_names, preprocessing)
        self._process = process or mindspore_process()
        self._number = self._process(_load, arguments.absolute())

    def _run(self, arguments: Sequence[Tensor]) -> Sequence[Tensor]:
        return self._process(_run, self._number, arguments)


def mindspore_process() -> IsolatedProcess:
    """Return a process for MindSpore, which is imported on first use."""
    return IsolatedProcess("MindSpore")


def build_network(arguments: ExportArguments) -> Any:
    """Build the network that a card names and load its checkpoint, strictly, in this process.

    Raises :class:`~omz.errors.CardError` if there is no such network, or its arguments do not fit;
    :class:`~omz.errors.ModelFileError` if the checkpoint does not fit.
    """
    from omz.networks.quiet_mindspore import nn

    network, weights = build_own(arguments, nn.Cell, "MindSpore")
    load_checkpoint(network, weights)
    return network.set_train(False)


_networks: list[Any] = []
"""The networks of a process for MindSpore."""


def _load(arguments: ExportArguments) -> int:
    _networks.append(build_network(arguments))
    return len(_networks) - 1


def _run(number: int, arguments: Sequence[Tensor]) -> list[Tensor]:
    from omz.networks.quiet_mindspore import ms

    try:
        result = _networks[number](*map(ms.Tensor, arguments))
        tensors = result if isinstance(result, tuple) else (result,)
        return list(map(ms.Tensor.asnumpy, tensors))
    except Exception as error:  # the only base that MindSpore's errors share
        raise EngineError(f"MindSpore does not run the network: {first_line(error)}") from error


def load_checkpoint(network: Any, path: Path) -> None:
    """Load the ``.ckpt`` at ``path`` into ``network``, a MindSpore cell, in the network's own precision.

    It must have every parameter and no other, each of its shape. Text and single numbers that a training run has stored
    beside the parameters are ignored. Raises :class:`ModelFileError` if the file is missing, damaged or does not fit.
    """
    from omz.networks.quiet_mindspore import ms

    found = {}
    for name, value in _read(path).items():
        if isinstance(value, ms.Parameter) and value.shape:
            found[name] = value
    parameters = dict(network.parameters_and_names())
    check_fit(shapes_of(parameters), shapes_of(found), path, type(network).__name__)
    for name, parameter in parameters.items():
        parameter.set_data(found[name].astype(parameter.dtype))


def _read(path: Path) -> dict[str, Any]:
    from omz.networks.quiet_mindspore import ms

    if path.is_dir():
        raise ModelFileError(f"{path} is a folder, not a checkpoint")
    if not path.is_file():
        raise ModelFileError(f"no checkpoint at {path}: download the model first")
    if path.suffix != ".ckpt":
        raise ModelFileError(f"{path} must end in .ckpt, or MindSpore does not read it")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise ModelFileError(f"{path} is empty; download it again")
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        parameters: dict[str, Any] = ms.load_checkpoint(str(path))
    except Exception as error:  # damaged files raise almost anything
        raise ModelFileError(f"{path} cannot be read as a checkpoint of MindSpore; download it again") from error
    return parameters
