"""IRs in 8 bits at hand: in the user's cache folder, made when they are first asked for."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from omz.checksum import file_digest
from omz.convert.calibration import Calibration, FittedSamples, synthetic_calibration
from omz.convert.events import ConversionStep
from omz.convert.quantisation import PRECISION, quantise
from omz.convert.store import cache_folder, stored_ir
from omz.events import Report
from omz.extras import import_extra
from omz.runtime.matter import STRETCHED
from omz.zoo.card import ModelCard

_MAKERS = ("calibration.py", "int8_graph.py", "quantisation.py")


def stored_int8(
    card: ModelCard,
    download_dir: Path,
    calibration: Calibration | None = None,
    report: Report = lambda event: None,
    ir: Path | None = None,
) -> Path:
    """Return the IR of ``card`` in 8 bits; make it first where there is none of these pictures, and this NNCF.

    It is made of the IR at ``ir``, and where that is None, of the FP16 one in the cache folder; ``calibration`` is what
    its ranges are measured on, where that is None, synthetic scenes. Raises :class:`omz.errors.EngineError` where NNCF
    is missing, and :class:`omz.errors.OmzError` where the IR cannot be made.
    """
    chosen = calibration or synthetic_calibration()
    nncf = _nncf_version()  # before anything is converted in vain
    source = (ir or stored_ir(card, download_dir, report=report)).absolute()
    stretch = card.model_info.resize_type == STRETCHED
    key = _key(source, chosen.digest, nncf, str(stretch))
    target = cache_folder() / "int8" / key / PRECISION / f"{card.name}.xml"
    if not target.is_file():  # its folder comes as a whole
        report(ConversionStep(card.name, f"to {PRECISION}, on {chosen.title}"))
        quantise(source, FittedSamples(source, chosen.pictures, stretch), target, chosen.title, card.parity)
    return target


def _nncf_version() -> str:
    """Return the version without importing it, which takes seconds; raises where it is not there."""
    try:
        return version("nncf")
    except PackageNotFoundError:
        return str(import_extra("nncf", "int8", "NNCF").__version__)


def _key(ir: Path, *others: str) -> str:
    """Return a name that changes with whatever the IR in 8 bits depends on."""
    files = [ir, ir.with_suffix(".bin"), *(Path(__file__).with_name(name) for name in _MAKERS)]
    described = [*map(file_digest, files), *others, version("openvino"), version("numpy")]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()[:16]
