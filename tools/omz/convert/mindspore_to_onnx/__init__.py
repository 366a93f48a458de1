"""Export of a MindSpore network to one ONNX file, with the exporter's defects repaired."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from omz.errors import ConversionError, first_line, os_reason
from omz.paths import real_path
from omz.runtime.engine import numpy_type
from omz.runtime.mindspore_engine import build_network
from omz.zoo.export_arguments import ExportArguments


def mindspore_to_onnx(arguments: ExportArguments) -> None:
    """Build the network that ``arguments`` name, load its checkpoint, and write it as ONNX to the output file.

    Call it in an isolated process (:func:`omz.runtime.mindspore_engine.mindspore_process`). Raises
    :class:`omz.errors.OmzError`, and then leaves the output file as it was.
    """
    if arguments.weights and real_path(arguments.output_file) == real_path(arguments.weights):
        raise ConversionError(f"{arguments.output_file} is the checkpoint; name another file for the result")
    export_mindspore(build_network(arguments), arguments)


def export_mindspore(network: Any, arguments: ExportArguments) -> None:
    """Trace ``network`` with an example of the shapes asked for, and write it, repaired and checked.

    MindSpore can export a network object only once. Only the batch may be an open dimension. Raises
    :class:`ConversionError` if the network cannot be exported.
    """
    import onnx

    from omz.atomic import whole_file
    from omz.convert.onnx_repair import repair

    what = f"{arguments.import_module}.{arguments.model_name}"
    batch = _open_batch(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            plain = export_plain(network, arguments, Path(folder))
            model = onnx.load(str(plain))
        repair(model, arguments.input_names, arguments.output_names, batch)
        onnx.checker.check_model(model, full_check=True)
        with whole_file(arguments.output_file) as temporary:
            onnx.save(model, str(temporary))
    except ConversionError:
        raise
    except OSError as error:
        raise ConversionError(f"{arguments.output_file} cannot be written: {os_reason(error)}") from error
    except Exception as error:  # the exporter raises anything for an unknown operator
        raise ConversionError(f"{what} cannot be exported to ONNX: {first_line(error)}") from error


def export_plain(network: Any, arguments: ExportArguments, folder: Path) -> Path:
    """Export ``network`` into ``folder`` with MindSpore's exporter alone, and return the file.

    Raises :class:`ConversionError` if it cannot be written.
    """
    from omz.networks.quiet_mindspore import ms

    dtype = numpy_type(arguments.element_type)
    example = [ms.Tensor(np.zeros(shape, dtype)) for shape in arguments.input_shapes]
    target = folder / "plain.onnx"
    ms.onnx.export(network, *example, file_name=str(target))
    if not target.is_file():  # MindSpore does not tell
        raise ConversionError(f"{folder} cannot be written; make room there, or name another folder in TMPDIR")
    return target


def _open_batch(arguments: ExportArguments) -> str | None:
    """Return the name of the batch if it stays open."""
    axes = arguments.conversion_params.get("dynamic_axes") or {}
    for name, its in axes.items():
        if set(its) != {0}:
            raise ConversionError(f"MindSpore exports networks for fixed sizes; give all sides of {name} but the batch")
    if axes and set(axes) != set(arguments.input_names):
        raise ConversionError(f"the batch is open for {', '.join(axes)} only; leave it open for all inputs")
    return next(iter(axes.values()))[0] if axes else None
