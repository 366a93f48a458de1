"""Plans of conversions, made before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from omz.errors import CardError, UsageError
from omz.runtime.original import require_framework
from omz.zoo import vocabulary
from omz.zoo.card import ModelCard
from omz.zoo.export_arguments import ExportArguments, parse_export_arguments
from omz.zoo.optimizer_arguments import Dimension, OptimizerArguments, card_arguments
from omz.zoo.preprocessing import Preprocessing, card_preprocessing
from omz.zoo.vocabulary import Rewriting

Precision = Literal["FP32", "FP16"]
PRECISIONS: tuple[Precision, ...] = ("FP16", "FP32")

Check = Literal["none", "fast", "full"]
CHECKS: tuple[Check, ...] = ("none", "fast", "full")
"""How IRs are compared with their source: not at all, on one set of inputs, on several sets of several sizes."""

CONVERTED = ("onnx", "pytorch", "mindspore")
"""Frameworks whose models can be converted."""

PRE_CONVERT_FILE = "pre-convert.py"
_DOWNLOADS, _RESULTS = Path("$dl_dir"), Path("$conv_dir")
_OWN_FLAGS = ("--compress_to_fp16", "--data_type", "--output_dir", "-o", "--model_name", "-n")


@dataclass(frozen=True)
class ConversionSettings:
    """Choices that a card leaves open.

    ``precisions`` say how weights are stored; those that no conversion makes are ignored. ``extra`` are arguments of
    Model Optimizer, added to those of the card. ``shapes`` are shapes of inputs by name; the empty name stands for all
    inputs. Without ``rewrite``, graphs stay as published. Rewritten ones refine blocks whose expected error is above
    ``selection_threshold``, or as many as published if that is None. The IR takes images as ``picture_type`` (``u8``)
    in ``picture_layout`` (``NHWC``), or where these are empty, as the original does. ``trust_code`` runs code that
    comes with cards. ``optimizer_program`` is the command of a Model Optimizer that makes the IRs instead of this
    package, ``python`` the interpreter for scripts of cards.
    """

    precisions: Collection[str] = PRECISIONS
    extra: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[Dimension, ...]] = field(default_factory=dict)
    rewrite: bool = True
    selection_threshold: float | None = None
    picture_type: str = ""
    picture_layout: str = ""
    check: Check = "fast"
    trust_code: bool = False
    optimizer_program: tuple[str, ...] = ()
    python: str = ""

    def __post_init__(self) -> None:
        known = get_args(vocabulary.Precision)
        for precision in self.precisions:
            if precision not in known:
                raise UsageError(f"unknown precision {precision}; choose from {', '.join(known)}")
        if self.check not in CHECKS:
            raise UsageError(f"unknown check {self.check!r}; choose from {', '.join(CHECKS)}")
        for argument in self.extra:
            if argument.partition("=")[0] in _OWN_FLAGS:
                raise UsageError(
                    f"{argument} is a flag of omz_mo; here --precisions, --output_dir and the card decide it"
                )
        if self.selection_threshold is not None and not 0 <= self.selection_threshold <= 1:
            raise UsageError(f"a selection threshold of {self.selection_threshold:g}: give an error from 0 to 1")


@dataclass(frozen=True)
class Rewrite:
    """How the graph of a published ``network`` is rewritten: to select blocks by a ``threshold``, unless it is None."""

    network: Rewriting
    threshold: float | None = None


@dataclass(frozen=True)
class ConversionPlan:
    """One card's conversion: its source file, how that becomes ONNX, and how ONNX becomes IRs.

    ``card_source``, ``card_export`` and ``card_optimizer`` have paths that begin with ``$dl_dir`` or ``$conv_dir``, so
    that ``dataclasses.replace`` moves a plan to other folders; ``source``, ``export`` and ``optimizer`` have the real
    folders in their place. ``script`` is code of the card that prepares the source, None if the card has none.
    """

    card: ModelCard
    download_dir: Path
    output_dir: Path
    settings: ConversionSettings
    card_source: Path
    script: Path | None
    card_export: ExportArguments | None
    card_optimizer: OptimizerArguments
    preprocessing: tuple[Preprocessing, ...]
    precisions: tuple[Precision, ...]

    @property
    def source(self) -> Path:
        """The file that the conversion starts from."""
        filled: Path = self._filled(self.card_source)
        return filled

    @property
    def export(self) -> ExportArguments | None:
        """How the source becomes an ONNX file, or None if it is one."""
        if self.card_export is None:
            return None
        fields = ("weights", "output_file", "model_paths", "model_params", "conversion_params")
        return replace(self.card_export, **{name: self._filled(getattr(self.card_export, name)) for name in fields})

    @property
    def optimizer(self) -> OptimizerArguments:
        """How the ONNX file becomes IRs."""
        return replace(self.card_optimizer, input_model=self._filled(self.card_optimizer.input_model))

    @property
    def folder(self) -> Path:
        """The folder of the results."""
        return self.output_dir / self.card.subdirectory

    def ir_path(self, precision: Precision) -> Path:
        """Return the path of the ``.xml`` of a precision."""
        return self.folder / precision / f"{self.card.name}.xml"

    @property
    def rewrite(self) -> Rewrite | None:
        """How the graph of a published network is rewritten; None if the graph stays as it is."""
        if not self.settings.rewrite or self.settings.optimizer_program or self.card.rewrite is None:
            return None
        return Rewrite(self.card.rewrite, self.settings.selection_threshold)

    @property
    def needs_trust(self) -> bool:
        """Whether the conversion runs code that comes with the card."""
        return self.script is not None or (self.card_export is not None and not self.card_export.is_ours)

    @property
    def is_allowed(self) -> bool:
        """Whether the settings allow the conversion, so that its files are worth a download."""
        return self.settings.trust_code or not self.needs_trust

    def require_framework(self) -> None:
        """Check that the framework of the source is installed, before anything is downloaded or made.

        Raises :class:`omz.errors.EngineError`, which names the extra to install.
        """
        if self.card_export is not None:
            require_framework(self.card.framework)

    @property
    def foreign_code(self) -> str:
        """The name of that code: of a script or of a module."""
        if self.script:
            return self.script.name
        return self.card_export.import_module if self.card_export else ""

    @property
    def onnx_file(self) -> Path:
        """The ONNX file that the IRs are made from."""
        return self.export.output_file if self.export else self.optimizer.input_model

    def absolute(self) -> ConversionPlan:
        """Return the plan with absolute folders, for a process that works elsewhere."""
        return replace(self, download_dir=self.download_dir.absolute(), output_dir=self.output_dir.absolute())

    def _filled(self, value: Any) -> Any:
        """Return ``value`` with the folders in the place of ``$dl_dir`` and ``$conv_dir``."""
        if isinstance(value, (str, Path)):
            below = self.card.subdirectory
            folders = {str(_DOWNLOADS / below): self.download_dir, str(_RESULTS / below): self.output_dir}
            symbols = "|".join(map(re.escape, folders))
            return type(value)(re.sub(symbols, lambda found: str(folders[found[0]] / below), str(value)))
        if isinstance(value, Mapping):
            return {key: self._filled(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(map(self._filled, value))
        return value


def plan_conversion(
    card: ModelCard, download_dir: Path, output_dir: Path, settings: ConversionSettings | None = None
) -> ConversionPlan:
    """Plan the conversion of ``card``; read nothing but the card.

    Raises :class:`omz.errors.CardError` if the card has arguments or a framework that cannot be converted.
    """
    settings = settings or ConversionSettings()
    if card.framework not in CONVERTED:
        raise CardError(f"{card.path}: models of framework {card.framework} cannot be converted")
    is_rewritten = card.rewrite and settings.rewrite and not settings.optimizer_program
    if settings.selection_threshold is not None and not is_rewritten:
        raise CardError(f"{card.path}: its graph is not rewritten; leave --selection_threshold out")
    optimizer = card_arguments(card, _DOWNLOADS, _RESULTS, settings.extra)
    optimizer = replace(
        optimizer,
        shapes=_shapes(card, optimizer, settings.shapes),
        picture_type=settings.picture_type,
        picture_layout=settings.picture_layout,
    )
    export, source = None, optimizer.input_model
    if card.conversion_to_onnx_args:
        export = parse_export_arguments(card, _DOWNLOADS, _RESULTS)
        source = _source(card, export)
        if settings.shapes:
            export = _with_shapes(export, optimizer.shapes)
    script = card.folder / PRE_CONVERT_FILE
    return ConversionPlan(
        card=card,
        download_dir=download_dir,
        output_dir=output_dir,
        settings=settings,
        card_source=source,
        script=script if script.is_file() else None,
        card_export=export,
        card_optimizer=optimizer,
        preprocessing=card_preprocessing(card, optimizer),
        precisions=tuple(precision for precision in PRECISIONS if precision in settings.precisions),
    )


def _shapes(
    card: ModelCard, optimizer: OptimizerArguments, asked: Mapping[str, tuple[Dimension, ...]]
) -> dict[str, tuple[Dimension, ...]]:
    """Return the shapes of the card, overridden by those that the user asked for."""
    names, own = optimizer.inputs, optimizer.shapes
    for name in asked:
        if name and name not in names:
            raise CardError(f"{card.path}: --shape names {name!r}, but the inputs are {', '.join(names)}")
    if "" in asked:
        asked = dict.fromkeys(names, asked[""])
    shapes = {**own, **asked}
    for name, shape in shapes.items():
        if name in own and len(shape) != len(own[name]):
            raise CardError(
                f"{card.path}: --shape has {len(shape)} dimensions for {name}, which has {len(own[name])}; "
                "name the inputs whose shapes change, as in name[1,3,720,1280]"
            )
    return shapes


def _with_shapes(export: ExportArguments, shapes: Mapping[str, tuple[Dimension, ...]]) -> ExportArguments:
    """Return how to export for the shapes asked for: the example has them, and open dimensions stay open."""
    examples, open_axes = [], _open_axes(export)
    for name, example in zip(export.input_names, export.input_shapes, strict=False):
        shape = shapes.get(name, ())
        if len(shape) != len(example):
            examples.append(example)
            continue
        sides, opened = list(example), {}
        for axis, side in enumerate(shape):
            if isinstance(side, int) and side >= 0:
                sides[axis] = side
            else:
                opened[axis] = f"{name}_{axis}"
        examples.append(tuple(sides))
        if opened:
            open_axes[name] = {**opened, **open_axes.get(name, {})}
    parameters = dict(export.conversion_params)
    if open_axes:
        parameters["dynamic_axes"] = open_axes
    return replace(export, input_shapes=tuple(examples), conversion_params=parameters)


def _open_axes(export: ExportArguments) -> dict[str, dict[int, str]]:
    """Return the names of the dimensions that the card leaves open, by input or output."""
    found = {}
    for name, axes in (export.conversion_params.get("dynamic_axes") or {}).items():
        found[name] = dict(axes) if isinstance(axes, Mapping) else {axis: f"{name}_{axis}" for axis in axes}
    return found


def _source(card: ModelCard, export: ExportArguments) -> Path:
    """Return the weights, or if code of the card loads or makes them, the first file of the card."""
    listed = [card.file_path(file, _DOWNLOADS) for file in card.files]
    if export.weights is not None and (export.is_ours or export.weights in listed):
        return export.weights
    if not listed:
        raise CardError(f"{card.path}: conversion_to_onnx_args: --weights is missing, and the card has no files")
    return listed[0]
