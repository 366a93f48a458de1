"""Run a conversion: everything is made in a folder of its own, then put into its place."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from omz.atomic import replace_folder
from omz.convert.facts import describe
from omz.convert.manifest import conversion_key, is_current, write_manifest
from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import ConversionPlan, Precision
from omz.errors import ConversionError
from omz.locked import locked_folder
from omz.runtime.openvino_errors import reason
from omz.runtime.quiet_openvino import ov
from omz.zoo.model_file import Checksum
from omz.zoo.source import check_source

LOCK_FILE = ".omz_converter.lock"
_WORKPLACE = ".converting-"


def convert(
    plan: ConversionPlan, on_progress: Callable[[str], None] = lambda what: None, force: bool = False
) -> dict[Precision, Path]:
    """Convert by ``plan`` and return the ``.xml`` of each precision.

    An IR and its manifest take the place of older ones together, once they are whole; those that were made from the
    same source, arguments and versions before, and are as they were made, are kept, unless ``force``. Another process
    that converts the same model to the same place is waited for. Raises :class:`omz.errors.OmzError` where the source
    is missing, differs from the card, or cannot be converted.
    """
    if plan.export and not plan.export.is_ours:
        raise ConversionError(
            f"{plan.card.name}: its network is code that comes with the card ({plan.export.import_module}); "
            "such code is not run here"
        )
    source_checksum = check_source(plan.card, plan.source, plan.download_dir)
    paths = {precision: plan.ir_path(precision) for precision in plan.precisions}
    try:
        with locked_folder(plan.folder, LOCK_FILE, lambda: on_progress("waiting for another conversion")):
            _remove_workplaces(plan.folder)
            key = conversion_key(plan, source_checksum)
            missing = [precision for precision, xml in paths.items() if force or not is_current(xml, key)]
            for precision in plan.precisions:
                if precision not in missing:
                    on_progress(f"{precision} is up to date")
            if missing:
                with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=plan.folder) as workplace:
                    _convert_in(Path(workplace), plan, missing, source_checksum, on_progress)
    except OSError as error:
        raise ConversionError(
            f"{plan.folder} cannot be written: {error.strerror or error}; convert to another folder"
        ) from error
    return paths


def _remove_workplaces(folder: Path) -> None:
    """Remove what killed conversions have left."""
    for rest in folder.glob(f"{_WORKPLACE}*"):
        shutil.rmtree(rest, ignore_errors=True)


def _convert_in(
    workplace: Path,
    plan: ConversionPlan,
    precisions: list[Precision],
    source_checksum: Checksum,
    on_progress: Callable[[str], None],
) -> None:
    started = time.perf_counter()
    onnx_file = plan.source
    if plan.export:
        from omz.convert.pytorch_to_onnx import export_pytorch

        on_progress(f"{plan.source.name} to ONNX, opset {plan.export.opset_version}")
        onnx_file = workplace / plan.export.output_file.name
        export_pytorch(plan.export, onnx_file)
    on_progress(f"{onnx_file.name} to OpenVINO IR, {' and '.join(precisions)}")
    model, preprocessing = build_ir(onnx_file, plan.optimizer, plan.card.name)
    describe(model, preprocessing, plan, source_checksum)
    for precision in precisions:
        xml = workplace / precision / f"{plan.card.name}.xml"
        _save(model, xml, precision)
        seconds = time.perf_counter() - started
        write_manifest(xml, precision, model, preprocessing, plan, source_checksum, seconds)
    del model  # it maps the ONNX file, which is about to move
    if plan.export:
        plan.export.output_file.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(onnx_file, plan.export.output_file)
    for precision in precisions:
        replace_folder(workplace / precision, plan.ir_path(precision).parent)


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
