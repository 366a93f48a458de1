"""Conversion of a card's original model to an OpenVINO IR with its preprocessing inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omz.convert.converter import Conversion
    from omz.convert.plan import ConversionSettings
    from omz.events import Report
    from omz.zoo.card import ModelCard


def convert(
    card: ModelCard,
    download_dir: Path | str = ".",
    output_dir: Path | str | None = None,
    settings: ConversionSettings | None = None,
    report: Report = lambda event: None,
    force: bool = False,
) -> Conversion:
    """Convert the model of ``card`` as ``omz_converter`` does.

    The model's files are below ``download_dir``; the IRs go below ``output_dir``, by default ``download_dir``. IRs that
    are up to date are kept, unless ``force``. Raises :class:`omz.errors.OmzError`.
    """
    from omz.convert.converter import carry_out
    from omz.convert.plan import plan_conversion

    results = download_dir if output_dir is None else output_dir
    return carry_out(plan_conversion(card, Path(download_dir), Path(results), settings), report, force)
