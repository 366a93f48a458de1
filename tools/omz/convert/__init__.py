"""From a card's original model to an OpenVINO IR that needs nothing around it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omz.convert.converter import Conversion
    from omz.convert.plan import Settings
    from omz.events import Report
    from omz.zoo.card import ModelCard


def convert(
    card: ModelCard,
    download_dir: Path | str = ".",
    output_dir: Path | str | None = None,
    settings: Settings | None = None,
    report: Report = lambda event: None,
    force: bool = False,
) -> Conversion:
    """Convert the model of ``card`` as ``omz_converter`` does, and return what came of it.

    The model's files are below ``download_dir``, the IRs go below ``output_dir``, or where that is None, below
    ``download_dir``, too. What is up to date is kept, unless ``force``. Raises :class:`omz.errors.OmzError`.
    """
    from omz.convert.converter import carry_out
    from omz.convert.plan import plan_conversion

    downloads = Path(download_dir)
    plan = plan_conversion(card, downloads, downloads if output_dir is None else Path(output_dir), settings)
    return carry_out(plan, report, force)
