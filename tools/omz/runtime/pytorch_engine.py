"""Networks in PyTorch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import torch
from torch import nn

from omz.errors import CardError
from omz.networks.weights import load_weights
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs, prepare
from omz.zoo.export_arguments import OWN_NETWORKS, ExportArguments
from omz.zoo.preprocessing import Preprocessing


class PyTorchEngine:
    """Runs an original PyTorch network in float32, its preprocessing applied before."""

    def __init__(
        self,
        network: nn.Module,
        inputs: tuple[TensorInfo, ...],
        output_names: tuple[str, ...],
        preprocessing: tuple[Preprocessing, ...] = (),
        device: str = "cpu",
    ) -> None:
        self._network = network.to(device).eval()
        self._inputs = inputs
        self._output_names = output_names
        self._preprocessing = preprocessing
        self._device = device

    @property
    def info(self) -> EngineInfo:
        """PyTorch, its device, float32."""
        return EngineInfo("PyTorch", self._device.upper(), "f32")

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the order of the network's arguments."""
        return self._inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the network's order."""
        return self._output_names

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once; see :class:`omz.runtime.engine.Engine`."""
        check_inputs(self._inputs, inputs)
        prepared = prepare(inputs, self._preprocessing)
        arguments = [torch.from_numpy(prepared[info.name]).to(self._device) for info in self._inputs]
        with torch.inference_mode():
            results = self._network(*arguments)
        return {name: result.cpu().numpy() for name, result in zip(self._output_names, results, strict=False)}


def build_network(arguments: ExportArguments) -> nn.Module:
    """Build the network that a card names and load its weights, strictly.

    Raises :class:`CardError` where there is no such network here, or its arguments do not fit; and
    :class:`~omz.errors.ModelFileError` where the weights do not.
    """
    where = f"{arguments.import_module}.{arguments.model_name}"
    if not arguments.is_ours:
        raise CardError(f"{where} is code from outside Open Matting Zoo; only networks in {OWN_NETWORKS}* are run")
    if arguments.weights is None:
        raise CardError(f"{where} needs --weights")
    try:
        factory = getattr(importlib.import_module(arguments.import_module), arguments.model_name)
        network = factory(**arguments.model_params)
    except (ImportError, AttributeError) as error:
        raise CardError(f"there is no network {where}: {error}") from error
    except (TypeError, ValueError) as error:
        raise CardError(f"{where} does not take the card's --model-param: {error}") from error
    if not isinstance(network, nn.Module):
        raise CardError(f"{where} is no PyTorch network")
    load_weights(network, arguments.weights)
    return network.eval()
