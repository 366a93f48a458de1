"""Downloads of what conversions need; apart from the conversions themselves, for it loads no OpenVINO."""

from __future__ import annotations

from pathlib import Path

from omz.convert.plan import ConversionPlan, ConversionSettings, plan_conversion
from omz.download.first_use import FetchOptions, fetch_missing, missing_files
from omz.events import Report
from omz.zoo.card import ModelCard


def fetch_model(card: ModelCard, folder: Path, options: FetchOptions, report: Report, trust_code: bool) -> None:
    """Download what ``card`` lacks below ``folder``: all files of an IR, and otherwise as :func:`fetch_source` does."""
    if card.framework == "dldt":
        fetch_missing(card, folder, options, report)
        return
    fetch_source(plan_conversion(card, folder, folder, ConversionSettings(trust_code=trust_code)), options, report)


def fetch_source(plan: ConversionPlan, options: FetchOptions, report: Report) -> None:
    """Download the files that ``plan`` needs and that are not there, unless the conversion is bound to fail.

    Where code of the card would have to be trusted, nothing is downloaded, and the conversion says why. Raises
    :class:`omz.errors.EngineError` without the framework of the source, and what :func:`fetch_missing` raises.
    """
    if plan.is_allowed and missing_files(plan.card, plan.download_dir):
        plan.require_framework()
        fetch_missing(plan.card, plan.download_dir, options, report)
