"""PyTorch networks."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from omz.errors import CardError, first_line
from omz.networks.weights import load_weights
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo
from omz.runtime.network_engine import NetworkEngine
from omz.runtime.original import build_own
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.preprocessing import Preprocessing


class PyTorchEngine(NetworkEngine):
    """Runs an original PyTorch network on the CPU in float32, its preprocessing applied before."""

    info = EngineInfo("PyTorch", "CPU", "f32")

    def __init__(
        self,
        network: nn.Module,
        inputs: tuple[TensorInfo, ...],
        output_names: tuple[str, ...],
        preprocessing: tuple[Preprocessing, ...] = (),
    ) -> None:
        super().__init__(inputs, output_names, preprocessing)
        self._network = network.eval()

    def _run(self, arguments: Sequence[Tensor]) -> Sequence[Tensor]:
        with torch.inference_mode():
            results = tensors_in(self._network(*map(torch.from_numpy, arguments)))
        return list(map(torch.Tensor.numpy, results))


def tensors_in(result: Any) -> list[torch.Tensor]:
    """Return the tensors in the result of a network, in the order of the exporter."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, Mapping):
        result = result.values()
    found: list[torch.Tensor] = []
    for part in result if result is not None else ():
        found += tensors_in(part)
    return found


def build_network(arguments: ExportArguments, trust_code: bool = False) -> nn.Module:
    """Build the network that a card names and load its weights, strictly.

    ``trust_code`` runs networks that are not Open Matting Zoo's own, and code inside checkpoints. Raises
    :class:`CardError` if there is no such network, or its arguments do not fit; :class:`~omz.errors.ModelFileError` if
    the weights do not fit.
    """
    if not arguments.is_ours:
        if not trust_code:
            where = f"{arguments.import_module}.{arguments.model_name}"
            raise CardError(f"{where} is code that comes with the card; give --trust_code if you trust its authors")
        return _build_foreign(arguments)
    network, weights = build_own(arguments, nn.Module, "PyTorch")
    load_weights(network, weights, trust_code)
    return network.eval()


def _build_foreign(arguments: ExportArguments) -> nn.Module:
    """Build a network from code that may do, and raise, anything."""
    where = f"{arguments.import_module}.{arguments.model_name}"
    try:
        factory = getattr(importlib.import_module(arguments.import_module), arguments.model_name)
        network = factory(**arguments.model_params)
    except ImportError as error:
        raise CardError(f"{where} cannot be imported: {error}; install what it needs") from error
    except (Exception, SystemExit) as error:
        raise CardError(f"{where} cannot be built: {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(network, nn.Module):
        raise CardError(f"{where} is not a PyTorch network")
    if arguments.weights is not None:
        load_weights(network, arguments.weights, trust_code=True)
    return network.eval()
