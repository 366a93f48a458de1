"""The ONNX file of which an IR was made."""

from __future__ import annotations

from pathlib import Path

from omz.convert.exported import export_network
from omz.convert.plan import plan_conversion
from omz.convert.sources import check_sources
from omz.errors import ConversionError
from omz.zoo.card import ModelCard


def source_onnx(card: ModelCard, download_dir: Path, ir: Path, folder: Path) -> Path:
    """Return the ONNX file on the way from the original of ``card`` to ``ir``.

    That is the original itself; or the file that the converter has left beside the folders of the precisions; or else
    one that is made again, below ``folder``. Raises :class:`omz.errors.OmzError` where there is no original, or where
    code that comes with a card would have to be run.
    """
    plan = plan_conversion(card, download_dir, folder)
    if plan.onnx_file.is_relative_to(plan.folder):
        left = ir.parents[1] / plan.onnx_file.relative_to(plan.folder)
        if left.is_file():
            return left
    if plan.needs_trust:
        raise ConversionError(
            f"{card.name}: its ONNX file is made by code that comes with the card ({plan.foreign_code}); convert it "
            "with --trust_code, and name the folder of the result"
        )
    check_sources(plan)
    if plan.export:
        plan.folder.mkdir(parents=True, exist_ok=True)
        export_network(card.framework, plan.export)
    return plan.onnx_file
