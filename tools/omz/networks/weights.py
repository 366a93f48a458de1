"""Weights from a file into a network, strictly: every parameter, no other, each of its shape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from omz.atomic import whole_file
from omz.errors import ModelFileError


def load_weights(network: nn.Module, path: Path) -> None:
    """Load ``path`` (``.safetensors``, or a PyTorch checkpoint) into ``network``, in the network's own precision.

    Raises :class:`ModelFileError` where the file is missing or damaged, or names what is missing, surplus or misshapen.
    """
    state = _read(path)
    expected = network.state_dict()
    problems = [
        *(f"{name} is missing" for name in expected if name not in state),
        *(f"{name} is not part of the network" for name in state if name not in expected),
        *(
            f"{name} is {list(state[name].shape)} instead of {list(expected[name].shape)}"
            for name in expected
            if name in state and state[name].shape != expected[name].shape
        ),
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ModelFileError(
            f"{path} does not fit {type(network).__name__}: {', '.join(problems[:3])}{more}; "
            "use the weights and the arguments that belong together"
        )
    network.load_state_dict(state)


def save_half(network: nn.Module, path: Path) -> None:
    """Write the weights as safetensors: kernels in half precision, everything of one dimension in full."""
    state = {
        name: (value.half() if value.ndim > 1 else value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    with whole_file(path) as temporary:
        temporary.write_bytes(save(state))


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise ModelFileError(f"no weights at {path}: download the model first")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        raise ModelFileError(f"{path} cannot be read as weights: {_first_line(error)}; download it again") from error
    except Exception as error:  # the unpickler has no common base for what it refuses
        raise ModelFileError(f"{path} is not a plain weights file: {_first_line(error)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelFileError(f"{path} holds no state dictionary of tensors")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
