"""Carry a plan out: everything is made and checked in a folder of its own, then put into its place."""

from __future__ import annotations

import dataclasses
import errno
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from omz.atomic import replace_folder
from omz.convert.check import Checker
from omz.convert.events import ConversionStep, IRReady, State
from omz.convert.exported import Exported, export_network
from omz.convert.facts import describe, describe_parity
from omz.convert.ir_file import read_model, save_ir
from omz.convert.manifest import Manifest, conversion_key, current_manifest, make_manifest, manifest_path
from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import ConversionPlan, Precision
from omz.convert.programs import run_model_optimizer, run_script
from omz.convert.sources import Sources, check_sources
from omz.errors import ConversionError
from omz.events import Report, Waiting
from omz.locked import locked_folder
from omz.runtime.card_code import importable
from omz.runtime.quiet_openvino import ov
from omz.zoo.preprocessing import Preprocessing

LOCK_FILE = ".omz_converter.lock"
_WORKPLACE = ".converting-"


@dataclass(frozen=True)
class ConvertedIR:
    """An IR in its place: ``path`` is its ``.xml``; ``kept`` where it was there already, made from the same."""

    path: Path
    manifest: Manifest
    kept: bool


@dataclass(frozen=True)
class Conversion:
    """What came of a card: the ONNX file on the way, and the IRs by precision."""

    name: str
    onnx_file: Path
    irs: dict[Precision, ConvertedIR]


def carry_out(plan: ConversionPlan, report: Report = lambda event: None, force: bool = False) -> Conversion:
    """Convert by ``plan``.

    An IR and its manifest take the place of older ones together, once they are whole, and compared with their source;
    those that were made from the same source, arguments and versions before, and are as they were made, are kept,
    unless ``force``. Another process that converts the same model to the same place is waited for. Raises
    :class:`omz.errors.OmzError` where the source is missing, differs from the card, cannot be converted, or where the
    IR does not give what the source gives.
    """
    if plan.needs_trust and not plan.settings.trust_code:
        raise ConversionError(
            f"{plan.card.name}: its conversion runs code that comes with the card ({plan.foreign_code}); "
            "--trust_code runs it, if you trust its authors"
        )
    sources = check_sources(plan)
    try:
        with locked_folder(plan.folder, LOCK_FILE, lambda: report(Waiting(str(plan.folder)))):
            _remove_workplaces(plan.folder)
            key = conversion_key(plan, sources)
            kept = {} if force or plan.settings.optimizer_program else _up_to_date(plan, key)
            missing = [precision for precision in plan.precisions if precision not in kept]
            made: dict[Precision, Manifest] = {}
            if missing:
                with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=plan.folder) as workplace:
                    here = plan.moved_to(Path(workplace))
                    made = _make(here, missing, key, sources, report)
                    _put_into_place(plan, here, missing)
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read the report has had enough
            raise
        raise ConversionError(
            f"{plan.folder} cannot be written: {error.strerror or error}; convert to another folder"
        ) from error
    irs = {
        precision: ConvertedIR(plan.ir_path(precision), {**kept, **made}[precision], precision in kept)
        for precision in plan.precisions
    }
    for precision, ir in irs.items():
        state: State = "up to date" if ir.kept else "converted"
        found = ir.manifest
        report(IRReady(plan.card.name, precision, str(ir.path), state, found.parity, found.keeps_model_in))
    return Conversion(plan.card.name, plan.onnx_file, irs)


def _up_to_date(plan: ConversionPlan, key: str) -> dict[Precision, Manifest]:
    found = {
        precision: current_manifest(plan.ir_path(precision), key, plan.settings.check) for precision in plan.precisions
    }
    return {precision: manifest for precision, manifest in found.items() if manifest}


def _remove_workplaces(folder: Path) -> None:
    """Remove what killed conversions have left."""
    for rest in folder.glob(f"{_WORKPLACE}*"):
        shutil.rmtree(rest, ignore_errors=True)


def _put_into_place(plan: ConversionPlan, made: ConversionPlan, precisions: list[Precision]) -> None:
    """Move what was made to where it belongs: the IRs last, each with its manifest in one step."""
    folders = [made.ir_path(precision).parent for precision in precisions]
    for entry in sorted(made.folder.iterdir()):
        target = plan.folder / entry.name
        if entry in folders:
            continue
        if entry.is_dir():
            replace_folder(entry, target)
        else:
            entry.replace(target)
    for precision in precisions:
        replace_folder(made.ir_path(precision).parent, plan.ir_path(precision).parent.resolve())


def _make(
    here: ConversionPlan, precisions: list[Precision], key: str, sources: Sources, report: Report
) -> dict[Precision, Manifest]:
    """Make the IRs of ``precisions`` and their manifests where ``here`` says, and whatever is needed on the way."""
    started = time.perf_counter()

    def say(step: str) -> None:
        report(ConversionStep(here.card.name, step))

    here.folder.mkdir(parents=True)
    if here.script:
        say(f"running {here.script.name} of the card")
        run_script(here)
    manifests = {}
    with importable(here.export.model_paths if here.export else ()):
        check = Checker(here, _export(here, say), say)
        say(f"{here.onnx_file.name} to OpenVINO IR, {' and '.join(precisions)}")
        for precision, model, preprocessing in _models(here, precisions):
            describe(model, preprocessing, sources.name, sources.main, here.card)
            parity = check(model, preprocessing, precision)
            describe_parity(model, parity, here.card.parity)
            xml = here.ir_path(precision)
            save_ir(model, xml, precision)
            manifest = make_manifest(xml, precision, model, preprocessing, here, key, sources, parity)
            manifests[precision] = dataclasses.replace(manifest, seconds=round(time.perf_counter() - started, 3))
            manifests[precision].write(manifest_path(xml))
    return manifests


def _models(
    here: ConversionPlan, precisions: list[Precision]
) -> Iterator[tuple[Precision, ov.Model, tuple[Preprocessing, ...]]]:
    """Make the model of each precision: one for all, or each by the Model Optimizer of the settings."""
    if here.settings.optimizer_program:
        for precision in precisions:
            with tempfile.TemporaryDirectory(dir=here.folder) as folder:
                yield precision, read_model(run_model_optimizer(here, precision, Path(folder))), here.preprocessing
    else:
        model, preprocessing = build_ir(here.onnx_file, here.optimizer, here.card.name)
        for precision in precisions:
            yield precision, model, preprocessing


def _export(here: ConversionPlan, say: Callable[[str], None]) -> Exported | None:
    """Write the ONNX file, where there is none yet; return the network that it was made of."""
    if here.export is None:
        return None
    opset = here.export.opset_version
    say(f"{here.source.name} to ONNX{'' if opset is None else f', opset {opset}'}")
    return export_network(here.card.framework, here.export, here.settings.trust_code)
