"""What a conversion would do, decided before anything is touched."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from omz.errors import CardError, UsageError
from omz.zoo import vocabulary
from omz.zoo.card import ModelCard
from omz.zoo.export_arguments import ExportArguments, parse_export_arguments
from omz.zoo.optimizer_arguments import Dimension, OptimizerArguments, card_arguments
from omz.zoo.preprocessing import Preprocessing, card_preprocessing

Precision = Literal["FP32", "FP16"]
PRECISIONS: tuple[Precision, ...] = ("FP16", "FP32")

Check = Literal["none", "fast", "full"]
CHECKS: tuple[Check, ...] = ("none", "fast", "full")
"""How the IRs are compared with their source: not at all, on one set of inputs, on several, and of several sizes."""

PRE_CONVERT_FILE = "pre-convert.py"
_CONVERTED = ("onnx", "pytorch", "mindspore")
_DECIDED = ("--compress_to_fp16", "--data_type", "--output_dir", "-o", "--model_name", "-n")


@dataclass(frozen=True)
class Settings:
    """What a card leaves open.

    ``precisions`` are how weights are stored; those that no conversion makes are left out. ``extra`` are arguments of
    Model Optimizer after those of the card. ``shapes`` are those of inputs by name, empty for all inputs. Pictures
    enter the IR as ``picture_type`` (``u8``) in ``picture_layout`` (``NHWC``), or where these are empty, as they enter
    the original. ``trust_code`` runs code that comes with cards. ``optimizer_program`` is the command of a Model
    Optimizer that makes the IRs instead of this package; ``python`` that of an interpreter for scripts of cards.
    """

    precisions: Collection[str] = PRECISIONS
    extra: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[Dimension, ...]] = field(default_factory=dict)
    picture_type: str = ""
    picture_layout: str = ""
    check: Check = "fast"
    trust_code: bool = False
    optimizer_program: tuple[str, ...] = ()
    python: str = ""

    def __post_init__(self) -> None:
        unknown = [each for each in self.precisions if each not in get_args(vocabulary.Precision)]
        if unknown:
            raise UsageError(f"{unknown[0]} is no precision; there are {', '.join(get_args(vocabulary.Precision))}")
        if self.check not in CHECKS:
            raise UsageError(f"{self.check!r} is no check; there are {', '.join(CHECKS)}")
        for argument in self.extra:
            if argument.partition("=")[0] in _DECIDED:
                raise UsageError(f"{argument} is for omz_mo; here --precisions, --output_dir and the card decide it")


@dataclass(frozen=True)
class ConversionPlan:
    """One card's conversion: the source file that must be there, how it becomes ONNX, and how that becomes IRs.

    ``export`` is None where the source is an ONNX file already. ``script`` is code of the card that makes the source's
    files ready, None where there is none.
    """

    card: ModelCard
    download_dir: Path
    output_dir: Path
    settings: Settings
    source: Path
    script: Path | None
    export: ExportArguments | None
    optimizer: OptimizerArguments
    preprocessing: tuple[Preprocessing, ...]
    precisions: tuple[Precision, ...]

    @property
    def folder(self) -> Path:
        """Where what is made of the card goes."""
        return self.output_dir / self.card.subdirectory

    def ir_path(self, precision: Precision) -> Path:
        """Return where the ``.xml`` of a precision goes."""
        return self.folder / precision / f"{self.card.name}.xml"

    @property
    def needs_trust(self) -> bool:
        """Whether code is to be run that is not Open Matting Zoo's own."""
        return self.script is not None or (self.export is not None and not self.export.is_ours)

    @property
    def foreign_code(self) -> str:
        """What of that code is run: a script, or a module."""
        return self.script.name if self.script else self.export.import_module if self.export else ""

    @property
    def onnx_file(self) -> Path:
        """The ONNX file that the IRs are made of."""
        return self.export.output_file if self.export else self.optimizer.input_model

    def absolute(self) -> ConversionPlan:
        """Return the same plan with folders that do not depend on the working directory."""
        return plan_conversion(self.card, self.download_dir.absolute(), self.output_dir.absolute(), self.settings)

    def moved_to(self, output_dir: Path) -> ConversionPlan:
        """Return the same plan with other folders for what it makes."""
        return plan_conversion(self.card, self.download_dir, output_dir, self.settings)


def plan_conversion(
    card: ModelCard, download_dir: Path, output_dir: Path, settings: Settings | None = None
) -> ConversionPlan:
    """Decide what to do; reads the card alone.

    Raises :class:`omz.errors.CardError` for arguments it cannot follow, or a framework that is not converted here.
    """
    settings = settings or Settings()
    if card.framework not in _CONVERTED:
        raise CardError(f"{card.path}: models of framework {card.framework} are not converted here")
    export = parse_export_arguments(card, download_dir, output_dir) if card.conversion_to_onnx_args else None
    optimizer = card_arguments(card, download_dir, output_dir, settings.extra)
    optimizer = dataclasses.replace(
        optimizer,
        shapes=_shapes(card, optimizer, settings.shapes),
        picture_type=settings.picture_type,
        picture_layout=settings.picture_layout,
    )
    if export and settings.shapes:
        export = _with_shapes(export, optimizer.shapes)
    script = card.folder / PRE_CONVERT_FILE
    return ConversionPlan(
        card=card,
        download_dir=download_dir,
        output_dir=output_dir,
        settings=settings,
        source=_source(card, export, download_dir) if export else optimizer.input_model,
        script=script if script.is_file() else None,
        export=export,
        optimizer=optimizer,
        preprocessing=card_preprocessing(card, optimizer),
        precisions=tuple(precision for precision in PRECISIONS if precision in settings.precisions),
    )


def _shapes(
    card: ModelCard, optimizer: OptimizerArguments, asked: Mapping[str, tuple[Dimension, ...]]
) -> dict[str, tuple[Dimension, ...]]:
    """Return the shapes of the card, with those that were asked for in their place."""
    names = optimizer.inputs
    unknown = [name for name in asked if name and name not in names]
    if unknown:
        raise CardError(f"{card.path}: --shape names {unknown[0]!r}, but the inputs are {', '.join(names)}")
    own = dict(optimizer.shapes)
    shapes = {**own, **(dict.fromkeys(names, asked[""]) if "" in asked else asked)}
    for name, shape in shapes.items():
        if name in own and len(shape) != len(own[name]):
            raise CardError(
                f"{card.path}: --shape has {len(shape)} dimensions for {name}, which has {len(own[name])}; "
                "name the inputs whose shapes are to change, as in name[1,3,720,1280]"
            )
    return shapes


def _with_shapes(export: ExportArguments, shapes: Mapping[str, tuple[Dimension, ...]]) -> ExportArguments:
    """Return how to export for the shapes that were asked for: the example has them, and what is open stays open."""
    examples, open_axes = [], _open_axes(export)
    for name, example in zip(export.input_names, export.input_shapes, strict=False):
        shape = shapes.get(name, ())
        if len(shape) != len(example):
            examples.append(example)
            continue
        fixed = {axis: side for axis, side in enumerate(shape) if isinstance(side, int) and side >= 0}
        examples.append(tuple(fixed.get(axis, side) for axis, side in enumerate(example)))
        opened = {axis: f"{name}_{axis}" for axis in range(len(shape)) if axis not in fixed}
        if opened:
            open_axes[name] = {**opened, **open_axes.get(name, {})}
    parameters = {**export.conversion_params, **({"dynamic_axes": open_axes} if open_axes else {})}
    return dataclasses.replace(export, input_shapes=tuple(examples), conversion_params=parameters)


def _open_axes(export: ExportArguments) -> dict[str, dict[int, str]]:
    """Return the dimensions that the card leaves open, by input or output, each with its name."""
    given = export.conversion_params.get("dynamic_axes") or {}
    return {
        name: dict(axes) if isinstance(axes, Mapping) else {axis: f"{name}_{axis}" for axis in axes}
        for name, axes in given.items()
    }


def _source(card: ModelCard, export: ExportArguments, download_dir: Path) -> Path:
    """Return the weights, or where code of the card loads or makes them, the first file of the card."""
    listed = [card.file_path(file, download_dir) for file in card.files]
    if export.weights is not None and (export.is_ours or export.weights in listed):
        return export.weights
    if not listed:
        raise CardError(f"{card.path}: conversion_to_onnx_args: --weights is missing, and the card has no files")
    return listed[0]
