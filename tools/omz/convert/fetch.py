"""Downloads of what conversions need; apart from the conversions themselves, for it loads no OpenVINO."""

from __future__ import annotations

from omz.convert.plan import ConversionPlan
from omz.download.first_use import FetchOptions, fetch_missing, missing_files
from omz.events import Report


def fetch_source(plan: ConversionPlan, options: FetchOptions, report: Report) -> None:
    """Download the files that ``plan`` needs and that are not there, unless the conversion is bound to fail.

    Where code of the card would have to be trusted, nothing is downloaded, and the conversion says why. Raises
    :class:`omz.errors.EngineError` without the framework of the source, and what :func:`fetch_missing` raises.
    """
    if plan.is_allowed and missing_files(plan.card, plan.download_dir):
        plan.require_framework()
        fetch_missing(plan.card, plan.download_dir, options, report)
