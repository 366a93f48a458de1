"""A network of another framework on its way to an IR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from omz.runtime.engine import Engine
from omz.runtime.original import require_framework
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.vocabulary import Framework


@dataclass(frozen=True)
class Exported:
    """A network that became an ONNX file, by ``arguments``.

    ``engine`` makes an engine of it from the inputs, the names of the outputs, and the preprocessing.
    """

    arguments: ExportArguments
    engine: Callable[..., Engine]


def export_network(framework: Framework, arguments: ExportArguments, trust_code: bool = False) -> Exported:
    """Build the network that ``arguments`` name, load its weights, and write it as ONNX.

    ``trust_code`` runs code that comes with a card. Raises :class:`omz.errors.OmzError`.
    """
    require_framework(framework)
    if framework == "mindspore":
        from omz.convert.mindspore_to_onnx import mindspore_to_onnx
        from omz.runtime.mindspore_engine import MindSporeEngine, mindspore_process

        process = mindspore_process()
        process(mindspore_to_onnx, arguments.absolute())
        return Exported(arguments, partial(MindSporeEngine, arguments, process=process))
    from omz.convert.pytorch_to_onnx import export_pytorch
    from omz.runtime import pytorch_engine

    module = pytorch_engine.build_network(arguments, trust_code)
    export_pytorch(module, arguments)
    return Exported(arguments, partial(pytorch_engine.PyTorchEngine, module))
