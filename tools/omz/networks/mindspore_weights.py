"""Parameters from a MindSpore checkpoint into a network, strictly: every one, no other, each of its shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omz.errors import ModelFileError, first_line
from omz.networks.fit import check_fit
from omz.networks.quiet_mindspore import ms


def load_checkpoint(network: Any, path: Path) -> None:
    """Load the ``.ckpt`` at ``path`` into ``network``, a MindSpore cell, in the network's own precision.

    What a training run has noted beside its parameters, as text, is left out. Raises :class:`ModelFileError` where the
    file is missing or damaged, or names what is missing, surplus or misshapen.
    """
    found = {name: value for name, value in _read(path).items() if isinstance(value, ms.Parameter)}
    expected = {name: tuple(parameter.shape) for name, parameter in network.parameters_and_names()}
    check_fit(expected, {name: tuple(value.shape) for name, value in found.items()}, path, type(network).__name__)
    try:
        left_out, _ = ms.load_param_into_net(network, found, strict_load=True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} does not fit {type(network).__name__}: {first_line(error)}") from error
    assert not left_out


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelFileError(f"no checkpoint at {path}: download the model first")
    if path.suffix != ".ckpt":
        raise ModelFileError(f"{path} is no name that MindSpore reads; let it end in .ckpt")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise ModelFileError(f"{path} is empty; download it again")
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        parameters: dict[str, Any] = ms.load_checkpoint(str(path))
    except Exception as error:  # damaged files surface as almost anything
        raise ModelFileError(f"{path} cannot be read as a checkpoint of MindSpore; download it again") from error
    return parameters
