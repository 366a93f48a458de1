"""IRs of cards: those that ship beside the card, and those in the user's cache folder, made on first use."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from omz.atomic import whole_file
from omz.checksum import file_digest
from omz.convert.cache import cache_place, maker_versions
from omz.convert.errors import CompressionError
from omz.convert.events import FullPrecisionUsed
from omz.convert.jobs import make_apart
from omz.convert.manifest import is_intact, is_of, is_whole, made_by
from omz.convert.plan import ConversionPlan, ConversionSettings, Precision, plan_conversion
from omz.errors import ModelFileError
from omz.events import Report
from omz.extras import import_extra
from omz.home import home_folder
from omz.zoo.card import ModelCard
from omz.zoo.source import how_to_restore
from omz.zoo.vocabulary import USUAL_INT8, QuantisedPrecision, base_of

if TYPE_CHECKING:
    from omz.convert.calibration import Calibration

_USUAL: Precision = "FP16"
_OTHERWISE: Precision = "FP32"


def stored_ir(
    card: ModelCard, download_dir: Path, report: Report = lambda event: None, trust_code: bool = False
) -> Path:
    """Return what :func:`find_ir` returns, and make it first if it is missing, as :func:`make_ir` does."""
    return find_ir(card) or make_ir(card, download_dir, report, trust_code)


def find_ir(card: ModelCard) -> Path | None:
    """Return the IR of ``card`` that is to be run: the one beside it, or the one in the cache folder, if it is there.

    It is the FP16 IR, or if weights in half precision are of no use, the FP32 one.
    """
    plan = _plan(card, Path(), ConversionSettings())
    path = _path(plan, _USUAL if _why_not_half(plan) is None else _OTHERWISE)
    return path if is_whole(path) else None


def make_ir(card: ModelCard, download_dir: Path, report: Report = lambda event: None, trust_code: bool = False) -> Path:
    """Make the IR that :func:`find_ir` finds from then on, of files below ``download_dir``.

    If weights in half precision are of no use, ``report`` hears of it. ``trust_code`` runs code that comes with the
    card.
    """
    plan = _plan(card, download_dir, ConversionSettings(trust_code=trust_code))
    problem = _why_not_half(plan)
    if problem is None:
        try:
            return stored_irs(card, download_dir, (_USUAL,), report, trust_code)[_USUAL]
        except CompressionError as error:
            problem = str(error)
    found = stored_irs(card, download_dir, (_OTHERWISE,), report, trust_code)[_OTHERWISE]
    with whole_file(_refusal(plan)) as temporary:
        temporary.write_text(problem, encoding="utf-8")
    report(FullPrecisionUsed(card.name, problem))
    return found


def stored_irs(
    card: ModelCard,
    download_dir: Path,
    precisions: Collection[Precision],
    report: Report = lambda event: None,
    trust_code: bool = False,
) -> dict[Precision, Path]:
    """Return several IRs of ``card``: those beside it, or in the cache folder; one conversion makes missing ones.

    ``trust_code`` runs code that comes with the card. Raises :class:`CompressionError` if one with
    weights in half precision is of no use.
    """
    plan = _plan(card, download_dir, ConversionSettings(trust_code=trust_code))
    paths = {precision: _path(plan, precision) for precision in precisions}
    missing = [precision for precision, path in paths.items() if not is_whole(path)]
    if missing:
        make_apart(replace(plan, precisions=tuple(missing)), report)
    return paths


def irs_at_hand(card: ModelCard, precisions: Collection[Precision]) -> dict[Precision, Path]:
    """Return those of several IRs of ``card`` that are there; see :func:`stored_irs`, which makes the others."""
    plan = _plan(card, Path(), ConversionSettings())
    paths = {precision: _path(plan, precision) for precision in precisions}
    return {precision: path for precision, path in paths.items() if is_whole(path)}


def _why_not_half(plan: ConversionPlan) -> str | None:
    """Return why an earlier conversion found that weights in half precision are of no use; None if it did not."""
    try:
        return _refusal(plan).read_text(encoding="utf-8")
    except OSError:
        return None


def _refusal(plan: ConversionPlan) -> Path:
    return plan.folder / f"{_USUAL}.refused"


def shipped_ir(card: ModelCard, precision: Precision) -> Path:
    """Return where a card that ships with an IR has it, in a folder named after the precision."""
    return card.folder / precision / f"{card.name}.xml"


def _path(plan: ConversionPlan, precision: Precision) -> Path:
    """Return the IR beside the card if it was made as the card says, else its place in the cache folder.

    Raises :class:`ModelFileError` if the IR beside the card is damaged.
    """
    shipped = shipped_ir(plan.card, precision)
    if not made_by(shipped, plan):
        return plan.ir_path(precision)
    if not is_intact(shipped):
        raise ModelFileError(f"{shipped} is damaged; {how_to_restore(plan.card)}")
    return shipped


def _plan(card: ModelCard, download_dir: Path, settings: ConversionSettings) -> ConversionPlan:
    key = hashlib.sha256("\n".join((card.model_dump_json(), *maker_versions())).encode()).hexdigest()[:16]
    return plan_conversion(card, download_dir, cache_place("ir", key), settings)


def int8_folder(download_dir: Path | None = None, model_dir: Path | None = None) -> Path:
    """Return the folder below which ``omz_quantizer`` writes INT8 IRs, and all commands look for them.

    It is that of IRs or of downloads, if one is given, and otherwise the models folder, also where the files of a model
    lie in the current folder.
    """
    return model_dir or download_dir or home_folder()


def quantised_ir(card: ModelCard, folder: Path, precision: str) -> Path | None:
    """Return the INT8 IR of ``card`` that ``omz_quantizer`` wrote below ``folder``; None if there is none.

    One that was made of other files than those of the card does not count.
    """
    path = folder / card.subdirectory / precision / f"{card.name}.xml"
    return path if is_whole(path) and is_of(path, card) else None


def stored_int8(
    card: ModelCard,
    download_dir: Path,
    calibration: Calibration | None = None,
    report: Report = lambda event: None,
    ir: Path | None = None,
    precision: QuantisedPrecision = USUAL_INT8,
) -> Path:
    """Return the INT8 IR of ``card``; make it first if there is none for this calibration and this NNCF.

    It is made from the IR at ``ir``, whose weights are those of ``precision``, by default one in the cache folder.
    ``calibration`` has the images that its ranges are measured on, by default synthetic scenes. Raises
    :class:`omz.errors.EngineError` if NNCF is missing, and :class:`omz.errors.OmzError` if the IR cannot be made.
    """
    from omz.convert.calibration import FittedSamples, synthetic_calibration
    from omz.convert.events import ConversionStep
    from omz.convert.quantisation import Recipe, quantise

    chosen = calibration or synthetic_calibration()
    nncf = nncf_version()  # fails before anything is converted
    base = base_of(precision)
    source = (ir or stored_irs(card, download_dir, (base,), report)[base]).absolute()
    key = quantisation_key(source, chosen.digest, nncf, card.model_dump_json())
    target = cache_place("int8", key) / precision / f"{card.name}.xml"
    if not target.is_file():  # its folder appears as a whole
        report(ConversionStep(card.name, f"to {precision}, on {chosen.title}"))
        samples = FittedSamples.of(card, source, chosen)
        quantise(source, samples, target, chosen.title, card.parity, Recipe(precision))
    return target


def nncf_version() -> str:
    """Return the version of NNCF without importing it, which takes seconds."""
    try:
        return version("nncf")
    except PackageNotFoundError:
        return str(import_extra("nncf").__version__)


def quantisation_key(ir: Path, *others: str) -> str:
    """Return a name that changes with everything that the INT8 IR depends on."""
    described = [file_digest(ir), file_digest(ir.with_suffix(".bin")), *others, *maker_versions(), version("numpy")]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()[:16]
