"""Strict loading of weights: every parameter, no other, each of its shape."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from omz.atomic import whole_file
from omz.errors import ModelFileError, first_line, os_reason, os_remedy
from omz.networks.fit import check_fit

_WRAPPER = "module."


def load_weights(network: nn.Module, path: Path, trust_code: bool = False, dispensable: Collection[str] = ()) -> None:
    """Load ``path`` (``.safetensors``, or a PyTorch checkpoint) into ``network``, in the network's own precision.

    A checkpoint is a pickle, which can hold code; it is executed only with ``trust_code``. Parameters named in
    ``dispensable`` keep the network's values if the file lacks them. Raises :class:`ModelFileError` if the file is
    missing, damaged or does not fit the network.
    """
    kept = {name: value for name, value in network.state_dict().items() if name in dispensable}
    state = {**kept, **_without_wrapper(_read(path, trust_code), network)}
    check_fit(_shapes(network.state_dict()), _shapes(state), path, type(network).__name__)
    network.load_state_dict(state)


def _without_wrapper(state: Mapping[str, Tensor], network: nn.Module) -> Mapping[str, Tensor]:
    """Return the state of a network that was saved inside ``DataParallel``, which puts a prefix before each name."""
    is_wrapped = bool(state) and all(name.startswith(_WRAPPER) for name in state)
    if not is_wrapped or any(name.startswith(_WRAPPER) for name in network.state_dict()):
        return state
    return {name.removeprefix(_WRAPPER): value for name, value in state.items()}


def save_half(network: nn.Module, path: Path) -> None:
    """Write the weights as safetensors: kernels in half precision, one-dimensional parameters in full."""
    state = {
        name: (value.half() if value.ndim > 1 else value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    with whole_file(path) as temporary:
        temporary.write_bytes(save(state))


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def _read(path: Path, trust_code: bool) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise ModelFileError(f"no weights at {path}: download the model first")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _read_checkpoint(path, weights_only=True)
    except pickle.UnpicklingError as error:
        if not trust_code:
            raise ModelFileError(f"{path} {_refused(error)}") from error
        state = _read_trusted(path)
    except Exception as error:  # damaged files raise almost anything
        remedy = os_remedy(error, "download it again")
        raise ModelFileError(f"{path} cannot be read as weights: {os_reason(error)}; {remedy}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelFileError(f"{path} does not hold a state dictionary of tensors")
    return state


def _read_checkpoint(path: Path, weights_only: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old ways of pickling
        return torch.load(path, map_location="cpu", weights_only=weights_only)


def _read_trusted(path: Path) -> Any:
    """Read a checkpoint and run its code, which may do, and raise, anything."""
    try:
        return _read_checkpoint(path, weights_only=False)
    except (Exception, SystemExit) as error:
        raise ModelFileError(f"{path} cannot be read: {type(error).__name__}: {first_line(error)}") from error


def _refused(error: pickle.UnpicklingError) -> str:
    """Say what a checkpoint holds besides weights, if the unpickler tells."""
    surplus = re.search(r"GLOBAL ([\w.]+)", str(error))
    if surplus is None:
        return "is not a plain weights file; download it again"
    return f"holds more than weights ({surplus[1]}); --trust_code loads it and runs its code"
