"""Parameters from a MindSpore checkpoint into a network, strictly: every one, no other, each of its shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omz.errors import ModelFileError
from omz.networks.fit import check_fit
from omz.networks.quiet_mindspore import ms


def load_checkpoint(network: Any, path: Path) -> None:
    """Load the ``.ckpt`` at ``path`` into ``network``, a MindSpore cell, in the network's own precision.

    What a training run has noted beside its parameters, as text or as single numbers, is left out. Raises
    :class:`ModelFileError` where the file is missing or damaged, or names what is missing, surplus or misshapen.
    """
    found = {name: value for name, value in _read(path).items() if isinstance(value, ms.Parameter) and value.shape}
    parameters = dict(network.parameters_and_names())
    check_fit(_shapes(parameters), _shapes(found), path, type(network).__name__)
    for name, parameter in parameters.items():
        parameter.set_data(found[name].astype(parameter.dtype))


def _shapes(parameters: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in parameters.items()}


def _read(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise ModelFileError(f"{path} is a folder, and no checkpoint")
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
