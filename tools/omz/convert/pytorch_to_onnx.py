"""Export of a PyTorch network to one ONNX file; apart from the rest, which does without PyTorch."""

from __future__ import annotations

import warnings

import onnx
import torch
from torch import nn

from omz.errors import ConversionError, first_line
from omz.runtime.pytorch_engine import tensors_in
from omz.zoo.export_arguments import ExportArguments


class _NamedOutputs(nn.Module):
    """A network with only those outputs that get a name."""

    def __init__(self, network: nn.Module, count: int) -> None:
        super().__init__()
        self._network = network
        self._count = count

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(tensors_in(self._network(*inputs))[: self._count])


def export_pytorch(network: nn.Module, arguments: ExportArguments) -> None:
    """Trace ``network`` with an example of the card's shapes, and write it, checked, to the output file.

    Outputs without a name are left out. The tracing exporter writes one file of the opset asked for; its successor
    would write opset 18 or newer. Raises :class:`ConversionError` if the network cannot be exported.
    """
    target = arguments.output_file
    target.parent.mkdir(parents=True, exist_ok=True)
    dtype = getattr(torch, arguments.inputs_dtype)
    example = tuple(torch.zeros(shape, dtype=dtype) for shape in arguments.input_shapes)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _NamedOutputs(network, len(arguments.output_names)),
                example,
                str(target),
                input_names=list(arguments.input_names),
                output_names=list(arguments.output_names),
                opset_version=arguments.opset_version,
                dynamo=False,
                **arguments.conversion_params,
            )
        onnx.checker.check_model(str(target), full_check=True)
    except (Exception, SystemExit) as error:  # a network may raise anything
        raise ConversionError(
            f"{arguments.import_module}.{arguments.model_name} cannot be exported to ONNX: {first_line(error)}"
        ) from error
