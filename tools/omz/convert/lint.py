"""All findings about a card: those about itself, and what the converter would refuse."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from omz.convert.own_network import network_problems
from omz.convert.plan import CONVERTED, PRECISIONS, ConversionPlan, plan_conversion
from omz.errors import CardError, ModelFileError, OmzError
from omz.text import printable
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.lint import Finding, is_filled_in, lint_card
from omz.zoo.source import bundled_files

_DOWNLOADS, _RESULTS = Path("downloads"), Path("results")
_PRECISION_FOLDER = re.compile(r"(FP|BF|INT)\d+(-INT\d+)?", re.IGNORECASE)
_INNER_TENSOR = re.compile(r".*[/:].*|\d+")
"""Names such as /decoder/Conv_output_0, Conv_7:0 and 23: those of tensors that only the exported network has."""


def lint(card: ModelCard | CompositeCard) -> list[Finding]:
    """Return the findings about ``card`` and its stages, as :func:`omz.zoo.lint.lint_card` does, and its arguments.

    Errors are arguments that :func:`plan_conversion` refuses, that contradict each other, or that name a network of
    ours or parameters of it that do not exist, an ONNX file beside the card that does not become an IR, and an IR there
    that is not its own, or that nothing uses. A framework that cannot be converted is a warning, and so is a source
    that comes out of an archive: such cards serve other programs. Networks are not built, and no framework is needed.

    Example:
        >>> from omz.zoo import Catalog
        >>> lint(Catalog()["background-matting-starter"])
        []
    """
    found = lint_card(card)
    if isinstance(card, CompositeCard):
        for stage in card.stages:
            found += lint(stage)
        return found
    found += _unknown_variables(card)
    found += _unused_irs(card)
    if card.framework in CONVERTED:
        found += _refusals(card) if is_filled_in(card) else ()
    elif card.framework != "dldt":
        line = f"{card.path}: framework: {card.framework} models cannot be converted here, only downloaded"
        found.append(Finding(line, is_error=False))
    return list(dict.fromkeys(found))


def _unknown_variables(card: ModelCard) -> Iterator[Finding]:
    for arguments in (card.conversion_to_onnx_args, card.model_optimizer_args or ()):
        try:
            card.substitute(arguments, _DOWNLOADS, _RESULTS)
        except CardError as error:
            yield Finding(printable(str(error)), is_error=card.framework in CONVERTED)


def _refusals(card: ModelCard) -> Iterator[Finding]:
    try:
        plan = plan_conversion(card, _DOWNLOADS, _RESULTS)
    except CardError as error:
        yield Finding(printable(str(error)))
        return
    yield from _strange_irs(plan)
    if plan.export:
        yield from _contradictions(plan, plan.export)
    else:
        yield from _refused_file(plan)
    listed = {card.file_path(file, _DOWNLOADS) for file in card.files}
    if plan.needs_trust or plan.source in listed:
        return
    if any(step.type == "unpack_archive" for step in card.postprocessing):
        reason = f"{plan.source.name} comes out of an archive, and has no checksum here; it cannot be converted"
        yield Finding(f"{card.path}: files: {reason}", is_error=False)
        return
    yield Finding(f"{card.path}: files: {plan.source.name} is used, but not listed; list it, or correct the arguments")


def _contradictions(plan: ConversionPlan, export: ExportArguments) -> Iterator[Finding]:
    """Yield errors for arguments of the export that do not fit each other, the rest of the card, or our networks."""
    where = f"{plan.card.path}: conversion_to_onnx_args"
    for problem in (*_problems_of_names(export), *_problems_of_ports(plan, export)):
        yield Finding(f"{where}: {printable(problem)}")
    if not export.is_ours:
        return
    if export.weights is None:
        yield Finding(f"{where}: --weights is missing; a network of Open Matting Zoo loads none by itself")
    elif plan.card.framework == "mindspore" and export.weights.suffix != ".ckpt":
        yield Finding(f"{where}: --weights: {printable(export.weights.name)} must end in .ckpt, as MindSpore demands")
    for problem in network_problems(export, plan.card.framework):
        yield Finding(f"{where}: {printable(problem)}")


def _problems_of_names(export: ExportArguments) -> Iterator[str]:
    names, shapes = export.input_names, export.input_shapes
    if len(names) != len(shapes):
        yield f"the inputs have {len(names)} names ({', '.join(names)}) and {len(shapes)} shapes; give each input both"
    together = (*names, *export.output_names)
    for name in dict.fromkeys(together):
        if not name.strip():
            yield "an input or output has an empty name; give it one"
        elif together.count(name) > 1:
            yield f"{name} is the name of two inputs or outputs; give each its own"


def _problems_of_ports(plan: ConversionPlan, export: ExportArguments) -> Iterator[str]:
    """Yield what the rest of the card asks of the exported network, but it will not have."""
    inputs, outputs = plan.optimizer.inputs, plan.optimizer.outputs
    for name in inputs:
        if name not in export.input_names:
            yield f"there is no input {name}, which the card has; the exported ones are {', '.join(export.input_names)}"
    if not set(export.output_names) - set(outputs or export.output_names):  # else the input may be cut off, too
        for name in export.input_names:
            if name not in inputs:
                yield f"there is an input {name}, which the card leaves out; add it to input_info"
    exported = ", ".join(export.output_names)
    for name in outputs:
        if name not in export.output_names and not _INNER_TENSOR.fullmatch(name):
            yield f"there is no output {name}, which --output has; the exported ones are {exported}"
    examples = dict(zip(export.input_names, export.input_shapes, strict=False))
    for name, shape in plan.optimizer.shapes.items():
        example = examples.get(name, shape)
        if shape and len(example) != len(shape):
            yield f"the input {name} has {len(example)} dimensions, but {len(shape)} in input_info; correct one"


def _refused_file(plan: ConversionPlan) -> Iterator[Finding]:
    """Yield the error of an ONNX file beside the card that does not become an IR; wrong files have theirs already."""
    shipped = bundled_files(plan.card)
    if plan.needs_trust or plan.source not in shipped:
        return
    if any(file.problem_at(path) for path, file in shipped.items()):
        return
    from omz.convert.onnx_to_ir import build_ir
    from omz.convert.sources import check_sources

    try:
        check_sources(plan)
        build_ir(plan.source, plan.optimizer, plan.card.name)
    except ModelFileError:
        return  # weights that are downloaded
    except CardError as error:
        yield Finding(printable(_of_card(error, plan.card)))
    except OmzError as error:
        yield Finding(printable(f"{plan.card.path}: files: {error}"))


def _of_card(error: CardError, card: ModelCard) -> str:
    text = str(error)
    return text if text.startswith(str(card.path)) else f"{card.path}: files: {text}"


def _unused_irs(card: ModelCard) -> Iterator[Finding]:
    """Yield errors for IRs, and parts of them, that ship with the card where no program looks for them."""
    listed = bundled_files(card).keys()
    shipping = PRECISIONS if card.framework in CONVERTED else ()
    for xml in sorted(card.folder.glob("*.xml")):
        if xml.with_suffix(".bin").exists() and xml not in listed:
            yield _unused(card, xml, shipping)
    for folder in sorted(filter(Path.is_dir, card.folder.iterdir())):
        files = [path for path in sorted(folder.rglob("[!.]*")) if path.is_file() and path not in listed]
        if not files or not _PRECISION_FOLDER.fullmatch(folder.name):
            continue
        if folder.name not in shipping:
            yield _unused(card, folder, shipping)
            continue
        parts = {folder / f"{card.name}.{suffix}" for suffix in ("bin", "json", "xml")}
        own = folder / f"{card.name}.xml"
        for path in files:
            if path not in parts:
                yield _unused(card, path, shipping)
            elif not own.exists():
                yield Finding(f"{card.path}: {_relative(path, card)} has no {own.name} beside it; restore or remove it")


def _unused(card: ModelCard, path: Path, shipping: Collection[str]) -> Finding:
    """Return the error for a file or folder that nothing uses."""
    used = f"an IR that ships is {' or '.join(shipping)}/{card.name}.xml" if shipping else "such a card ships no IR"
    return Finding(f"{card.path}: nothing uses {printable(_relative(path, card))}; {used}; move or remove it")


def _relative(path: Path, card: ModelCard) -> str:
    return path.relative_to(card.folder).as_posix()


def _strange_irs(plan: ConversionPlan) -> Iterator[Finding]:
    """Yield an error for an IR that ships with the card, but is not used, for it was made of another card or file."""
    from omz.convert.manifest import is_intact, made_by
    from omz.convert.store import shipped_ir  # brings OpenVINO

    for precision in PRECISIONS:
        xml = shipped_ir(plan.card, precision)
        if xml.exists() and not (made_by(xml, plan) and is_intact(xml)):
            ir = xml.relative_to(plan.card.folder).as_posix()
            yield Finding(
                f"{plan.card.path}: {ir} is not what the converter made of this card; make it again, or remove it"
            )
