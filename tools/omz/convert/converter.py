"""Carrying out a plan: everything is made and checked in a temporary folder, then moved into place."""

from __future__ import annotations

import dataclasses
import errno
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omz.atomic import replace_folder
from omz.convert.cache import another_place
from omz.convert.check import Checker
from omz.convert.errors import CompressionError
from omz.convert.events import ConversionStep, IRReady, State
from omz.convert.exported import Exported, export_network
from omz.convert.facts import Promises, describe, parity_facts, parity_promises
from omz.convert.half_precision import in_half_precision, suspects
from omz.convert.ir_file import read_model, save_ir
from omz.convert.judgement import judge
from omz.convert.manifest import Manifest, conversion_key, current_manifest, make_manifest, manifest_path
from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import ConversionPlan, Precision
from omz.convert.sources import Sources, check_sources
from omz.convert.workplace import LOCK_FILE, WORKPLACE, remove_workplaces
from omz.errors import ConversionError, os_reason
from omz.events import Report, Waiting
from omz.locked import locked_folder
from omz.malloc import return_freed_memory
from omz.paths import real_path
from omz.runtime.card_code import importable
from omz.runtime.quiet_openvino import ov, port_names
from omz.zoo.optimizer_arguments import argument_list, shape_text
from omz.zoo.preprocessing import Preprocessing

_FULL_FIRST: tuple[Precision, ...] = ("FP32", "FP16")
_LONGEST = 3600  # seconds
_LONGEST_REASON = 300


@dataclass(frozen=True)
class ConvertedIR:
    """An IR in its place: ``path`` is its ``.xml``; ``kept`` says that an earlier conversion made it."""

    path: Path
    manifest: Manifest
    kept: bool


@dataclass(frozen=True)
class Conversion:
    """The results for a card: the ONNX file, and the IRs by precision."""

    name: str
    onnx_file: Path
    irs: dict[Precision, ConvertedIR]


def carry_out(plan: ConversionPlan, report: Report = lambda event: None, force: bool = False) -> Conversion:
    """Convert by ``plan``.

    An IR and its manifest replace older ones together, once they are complete and compared with their source. IRs made
    before from the same source, arguments and versions, and not changed since, are kept, unless ``force``. Waits for
    another process that converts the same model to the same folder. Raises :class:`omz.errors.OmzError` if the source
    is missing, differs from the card or cannot be converted, or if the IR differs from the source. If weights in half
    precision destroy the results, raises :class:`CompressionError` once the other IR is in its place.
    """
    if plan.needs_trust and not plan.settings.trust_code:
        raise ConversionError(
            f"{plan.card.name}: its conversion runs code that comes with the card ({plan.foreign_code}); "
            "give --trust_code if you trust its authors"
        )
    plan.require_framework()
    sources = check_sources(plan)
    try:
        with locked_folder(plan.folder, LOCK_FILE, lambda: report(Waiting(str(plan.folder)))):
            remove_workplaces(plan.folder)
            key = conversion_key(plan, sources)
            kept = {} if force or plan.settings.optimizer_program else _up_to_date(plan, key)
            missing = [precision for precision in plan.precisions if precision not in kept]
            made: dict[Precision, Manifest] = {}
            refused = None
            if missing:
                with tempfile.TemporaryDirectory(prefix=WORKPLACE, dir=plan.folder) as workplace:
                    here = dataclasses.replace(plan, output_dir=Path(workplace))
                    made, refused = _make(here, missing, key, sources, report)
                    if made:
                        _put_into_place(plan, here, list(made))
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read the report has had enough
            raise
        raise ConversionError(
            f"{plan.folder} cannot be written: {os_reason(error)}; {another_place(plan.folder, 'convert to')}"
        ) from error
    irs, manifests = {}, {**kept, **made}
    for precision in plan.precisions:
        if precision in manifests:
            irs[precision] = ConvertedIR(plan.ir_path(precision), manifests[precision], precision in kept)
            report(_ready(plan, precision, irs[precision]))
    if refused:
        raise refused
    return Conversion(plan.card.name, plan.onnx_file, irs)


def _ready(plan: ConversionPlan, precision: Precision, ir: ConvertedIR) -> IRReady:
    manifest = ir.manifest
    state: State = "up to date" if ir.kept else "converted"
    warning = manifest.compression.problem(plan.card.parity.FP16) if manifest.compression else None
    return IRReady(
        plan.card.name, precision, str(ir.path), state, manifest.parity, manifest.keeps_model_in,
        manifest.compression, manifest.kept_in_f32, warning,
    )  # fmt: skip


def _up_to_date(plan: ConversionPlan, key: str) -> dict[Precision, Manifest]:
    found = {}
    for precision in plan.precisions:
        manifest = current_manifest(plan.ir_path(precision), key, plan.settings.check)
        if manifest:
            found[precision] = manifest
    return found


def _put_into_place(plan: ConversionPlan, made: ConversionPlan, precisions: list[Precision]) -> None:
    """Move the results into place: the IRs last, each with its manifest in one step."""
    for entry in sorted(made.folder.iterdir()):
        target = plan.folder / entry.name
        if entry.name in precisions:
            continue
        if entry.is_dir():
            replace_folder(entry, target)
        else:
            entry.replace(target)
    for precision in precisions:
        replace_folder(made.ir_path(precision).parent, real_path(plan.ir_path(precision).parent))


def _make(
    here: ConversionPlan, precisions: list[Precision], key: str, sources: Sources, report: Report
) -> tuple[dict[Precision, Manifest], CompressionError | None]:
    """Make the IRs of ``precisions``, their manifests and all files on the way, in the folder of ``here``.

    Also returns why the IR with weights in half precision is not among them, if it is of no use.
    """
    started = time.perf_counter()

    def say(step: str) -> None:
        report(ConversionStep(here.card.name, step))

    here.folder.mkdir(parents=True)
    if here.script:
        say(f"running {here.script.name} of the card")
        _run_script(here)
    with importable(here.export.model_paths if here.export else ()):
        exported = _export(here, say)
        say(f"{here.onnx_file.name} to OpenVINO IR, {' and '.join(precisions)}")
        check = Checker(here, exported, say) if here.settings.check != "none" else None
        written = [each for each in _FULL_FIRST if each in precisions or (check and each == "FP32")]
        basis, promises, spared = _write(here, written, key, sources, check)
        if basis.graph:
            say(f"its graph is {basis.graph}")
        return_freed_memory()  # of the model, which has been written
        judged, refused = judge(here, precisions, check, promises, spared)
    manifests = {}
    for precision in written:
        xml = here.ir_path(precision)
        if precision not in precisions or precision not in judged:
            shutil.rmtree(xml.parent)
            continue
        found = judged[precision]
        promises.keep(xml, parity_facts(found.parity, here.card.parity, found.compression))
        manifests[precision] = dataclasses.replace(
            basis.of_ir(xml, precision, found.parity, here.card.parity),
            compression=found.compression,
            kept_in_f32=found.kept_in_f32,
            selection=found.selection,
            seconds=round(time.perf_counter() - started, 3),
        )
        manifests[precision].write(manifest_path(xml))
    return manifests, refused


def _write(
    here: ConversionPlan, precisions: list[Precision], key: str, sources: Sources, check: Checker | None
) -> tuple[Manifest, Promises, tuple[str, ...]]:
    """Write the IRs of ``precisions``; return what their manifests have in common, and what is to be filled in.

    Also returns the weights that the one in half precision has in full precision. The source begins to run as soon as
    the first model is there.
    """
    basis, promises = None, Promises(())
    spared: tuple[str, ...] = ()
    for precision, model, preprocessing in _models(here, precisions):
        describe(model, preprocessing, sources.name, sources.main, here.card)
        if basis is None:
            basis = make_manifest(here, key, sources, model, preprocessing)
            if check:
                check.begin(model, preprocessing)
            promises = parity_promises(port_names(model.outputs), check is not None)
        promises.write(model)
        if precision == "FP16" and not here.settings.optimizer_program:
            spared = suspects(model)
        if precision == "FP16" and spared:
            save_ir(in_half_precision(model, spared), here.ir_path(precision), "FP32")
        else:
            save_ir(model, here.ir_path(precision), precision)
    assert basis
    return basis, promises, spared


def _models(
    here: ConversionPlan, precisions: list[Precision]
) -> Iterator[tuple[Precision, ov.Model, tuple[Preprocessing, ...]]]:
    """Yield the model of each precision: one for all, or one each from the Model Optimizer of the settings."""
    if here.settings.optimizer_program:
        for precision in precisions:
            with tempfile.TemporaryDirectory(dir=here.folder) as folder:
                yield precision, read_model(_run_model_optimizer(here, precision, Path(folder))), here.preprocessing
    else:
        model, preprocessing = build_ir(here.onnx_file, here.optimizer, here.card.name, here.rewrite)
        for precision in precisions:
            yield precision, model, preprocessing


def _export(here: ConversionPlan, say: Callable[[str], None]) -> Exported | None:
    """Write the ONNX file, unless it is the source; return the network that it was made from."""
    if here.export is None:
        return None
    step = f"{here.source.name} to ONNX"
    if here.export.opset_version is not None:
        step += f", opset {here.export.opset_version}"
    say(step)
    return export_network(here.card.framework, here.export, here.settings.trust_code)


def _run_script(plan: ConversionPlan) -> None:
    """Run the card's script with the model's folders of downloads and results, as Open Model Zoo's converter did.

    Raises :class:`ConversionError` if it fails.
    """
    if plan.script:
        downloads = plan.download_dir / plan.card.subdirectory
        python = plan.settings.python or sys.executable
        _run([python, "--", str(plan.script), "--", str(downloads), str(plan.folder)], plan.script.name, plan)


def _run_model_optimizer(plan: ConversionPlan, precision: Precision, output_dir: Path) -> Path:
    """Make an IR in ``output_dir`` with the Model Optimizer of the settings; return its ``.xml``.

    Raises :class:`ConversionError` if it fails.
    """
    extra = [*plan.settings.extra, *_shapes(plan)]
    arguments = [
        "--framework=onnx",
        f"--output_dir={output_dir}",
        f"--model_name={plan.card.name}",
        *argument_list(plan.card, plan.download_dir, plan.output_dir, extra),
        f"--compress_to_fp16={precision == 'FP16'}",
    ]
    _run([*plan.settings.optimizer_program, *arguments], "Model Optimizer", plan)
    xml = output_dir / f"{plan.card.name}.xml"
    if not xml.is_file():
        raise ConversionError(
            f"{plan.card.name}: {plan.settings.optimizer_program[-1]} succeeded but did not write {xml.name}"
        )
    return xml


def _shapes(plan: ConversionPlan) -> list[str]:
    """Return the argument that gives Model Optimizer the shapes asked for."""
    if not plan.settings.shapes:
        return []
    shapes = []
    for name in plan.optimizer.inputs:
        if name not in plan.optimizer.shapes:
            raise ConversionError(f"{plan.card.name}: Model Optimizer needs a --shape of {name}, too")
        shapes.append(shape_text(plan.optimizer.shapes[name]))
    return [f"--input_shape={','.join(shapes)}"]


def _why(output: str) -> str:
    """Return the line of a program's output that best says why it failed."""
    errors = re.findall(r"^\[ ERROR \]\s+(.*[a-z].*)", output, re.MULTILINE)  # as Model Optimizer marks them
    lines = list(filter(None, map(str.strip, output.splitlines())))
    return (errors or lines[-1:] or ["it said nothing"])[0][:_LONGEST_REASON]


def _run(command: Sequence[str], what: str, plan: ConversionPlan) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{plan.card.name}: {what} was stopped after {_LONGEST} s") from error
    except OSError as error:
        raise ConversionError(f"{plan.card.name}: {command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        why = _why(f"{done.stdout}\n{done.stderr}")
        raise ConversionError(f"{plan.card.name}: {what} failed with exit code {done.returncode}: {why}")
