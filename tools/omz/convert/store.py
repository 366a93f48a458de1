"""The IRs at hand: the user's cache folder, filled when a model is first asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

import platformdirs

from omz.convert.manifest import is_whole
from omz.convert.plan import Precision, Settings, plan_conversion
from omz.events import Report
from omz.zoo.card import ModelCard

_MAKERS = ("networks", "runtime", "synthesis", "convert", "zoo")


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``OMZ_CACHE_DIR``, or the system's place for caches."""
    return Path(os.environ.get("OMZ_CACHE_DIR") or platformdirs.user_cache_path("open-matting-zoo"))


def stored_ir(
    card: ModelCard,
    download_dir: Path,
    precision: Precision = "FP16",
    report: Report = lambda event: None,
) -> Path:
    """Return the IR of ``card`` in the cache folder; convert it first where there is none of this card and version."""
    return stored_irs(card, download_dir, (precision,), report)[precision]


def stored_irs(
    card: ModelCard,
    download_dir: Path,
    precisions: Collection[Precision],
    report: Report = lambda event: None,
    trust_code: bool = False,
) -> dict[Precision, Path]:
    """Return several IRs of ``card`` as :func:`stored_ir` does; those that are not there are made in one conversion.

    ``trust_code`` runs code that comes with the card.
    """
    settings = Settings(precisions=precisions, trust_code=trust_code)
    plan = plan_conversion(card, download_dir, cache_folder() / "ir" / _key(card), settings)
    paths = {precision: plan.ir_path(precision) for precision in precisions}
    if not all(map(is_whole, paths.values())):
        from omz.convert.converter import carry_out

        carry_out(plan, report)
    return paths


def is_stored(card: ModelCard, download_dir: Path, precision: Precision = "FP16") -> bool:
    """Tell whether :func:`stored_ir` would find the IR, without having to convert."""
    plan = plan_conversion(card, download_dir, cache_folder() / "ir" / _key(card), Settings(precisions=(precision,)))
    return is_whole(plan.ir_path(precision))


def _key(card: ModelCard) -> str:
    """Return a name that changes with whatever the IR depends on: card, code and OpenVINO."""
    digest = hashlib.sha256("\n".join((card.model_dump_json(), version("openvino"))).encode())
    for package in _MAKERS:
        for module in sorted((Path(__file__).parents[1] / package).rglob("*.py")):
            digest.update(module.read_bytes())
    return digest.hexdigest()[:16]
