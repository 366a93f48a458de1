"""Run a conversion: everything is made in a folder of its own, then moved into place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from omz.convert.facts import describe
from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import ConversionPlan, Precision
from omz.errors import ConversionError
from omz.runtime.openvino_errors import reason
from omz.runtime.quiet_openvino import ov
from omz.zoo.model_file import Checksum
from omz.zoo.source import check_source


def convert(plan: ConversionPlan, on_progress: Callable[[str], None] = lambda what: None) -> dict[Precision, Path]:
    """Convert by ``plan`` and return the ``.xml`` of each precision.

    An existing IR is replaced only by a finished one. Raises :class:`omz.errors.OmzError` where the source is missing,
    differs from the card, or cannot be converted.
    """
    source_checksum = check_source(plan.card, plan.source, plan.download_dir)
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".converting-", dir=plan.folder) as workplace:
            return _convert_in(Path(workplace), plan, source_checksum, on_progress)
    except OSError as error:
        raise ConversionError(
            f"{plan.folder} cannot be written: {error.strerror or error}; convert to another folder"
        ) from error


def _convert_in(
    workplace: Path, plan: ConversionPlan, source_checksum: Checksum, on_progress: Callable[[str], None]
) -> dict[Precision, Path]:
    onnx_file = plan.source
    if plan.export:
        from omz.convert.pytorch_to_onnx import export_pytorch

        on_progress(f"{plan.source.name} to ONNX, opset {plan.export.opset_version}")
        onnx_file = workplace / plan.export.output_file.name
        export_pytorch(plan.export, onnx_file)
    on_progress(f"{onnx_file.name} to OpenVINO IR, {' and '.join(plan.precisions)}")
    model, preprocessing = build_ir(onnx_file, plan.optimizer, plan.card.name)
    describe(model, preprocessing, plan, source_checksum)
    for precision in plan.precisions:
        _save(model, workplace / precision / f"{plan.card.name}.xml", precision)
    del model  # it maps the ONNX file, which is about to move
    if plan.export:
        _move(onnx_file, plan.export.output_file)
    for precision in plan.precisions:
        made, target = workplace / precision / f"{plan.card.name}.xml", plan.ir_path(precision)
        _move(made.with_suffix(".bin"), target.with_suffix(".bin"))
        _move(made, target)
    return {precision: plan.ir_path(precision) for precision in plan.precisions}


def _save(model: ov.Model, target: Path, precision: Precision) -> None:
    """Write an IR and read it back, for a disk can fill up at any byte."""
    try:
        ov.save_model(model, target, compress_to_fp16=precision == "FP16")
        ov.Core().read_model(target)
    except RuntimeError as error:
        free = shutil.disk_usage(target.parent).free
        raise ConversionError(
            f"the {precision} IR cannot be written to {target.parent}: {reason(error)} ({free >> 20} MiB are free)"
        ) from error


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
