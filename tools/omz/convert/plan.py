"""What a conversion would do, decided before anything is touched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omz.errors import CardError
from omz.zoo.card import ModelCard
from omz.zoo.export_arguments import ExportArguments, parse_export_arguments
from omz.zoo.optimizer_arguments import OptimizerArguments, card_arguments
from omz.zoo.preprocessing import Preprocessing, card_preprocessing

Precision = Literal["FP32", "FP16"]
PRECISIONS: tuple[Precision, ...] = ("FP16", "FP32")
_CONVERTED = ("onnx", "pytorch")


@dataclass(frozen=True)
class ConversionPlan:
    """One card's conversion: the source file that must be there, how it becomes ONNX, and how that becomes IRs.

    ``export`` is None where the source is an ONNX file already.
    """

    card: ModelCard
    download_dir: Path
    source: Path
    export: ExportArguments | None
    optimizer: OptimizerArguments
    preprocessing: tuple[Preprocessing, ...]
    folder: Path
    precisions: tuple[Precision, ...]

    def ir_path(self, precision: Precision) -> Path:
        """Return where the ``.xml`` of a precision goes."""
        return self.folder / precision / f"{self.card.name}.xml"


def plan_conversion(
    card: ModelCard,
    download_dir: Path,
    output_dir: Path,
    precisions: Collection[str] = PRECISIONS,
    extra: Sequence[str] = (),
) -> ConversionPlan:
    """Decide what to do; reads the card alone. ``extra`` are arguments after those of the card.

    Raises :class:`omz.errors.CardError` for arguments it cannot follow, or a framework that is not converted here.
    """
    if card.framework not in _CONVERTED:
        raise CardError(f"{card.path}: models of framework {card.framework} are not converted here")
    export = parse_export_arguments(card, download_dir, output_dir) if card.conversion_to_onnx_args else None
    optimizer = card_arguments(card, download_dir, output_dir, extra)
    preprocessing = card_preprocessing(card, optimizer)
    source = _source(card, export, download_dir) if export else optimizer.input_model
    folder = output_dir / card.subdirectory
    chosen = tuple(precision for precision in PRECISIONS if precision in precisions)
    return ConversionPlan(card, download_dir, source, export, optimizer, preprocessing, folder, chosen)


def _source(card: ModelCard, export: ExportArguments, download_dir: Path) -> Path:
    """Return the weights, or where the network loads them by itself, the first file of the card."""
    if export.weights is not None:
        return export.weights
    if not card.files:
        raise CardError(f"{card.path}: conversion_to_onnx_args: --weights is missing, and the card has no files")
    return card.file_path(card.files[0], download_dir)
