"""The judgement about the IRs of a conversion: what may be used, and what half precision costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from omz.convert.check import Checker, Run
from omz.convert.errors import CompressionError
from omz.convert.facts import Promises
from omz.convert.half_precision import in_half_precision, weights_to_keep
from omz.convert.ir_file import read_model, save_ir
from omz.convert.parity import Parity
from omz.convert.plan import ConversionPlan, Precision
from omz.errors import ConversionError, EngineError


@dataclass(frozen=True)
class JudgedIR:
    """An IR that may be used: ``parity`` compares it with its source, ``compression`` with that in full precision.

    ``kept_in_f32`` are weights that stayed in full precision. ``selection`` compares an IR that selects blocks by a
    threshold with the source, for which ``parity`` has it select as many as the source does.
    """

    parity: tuple[Parity, ...] = ()
    compression: Parity | None = None
    kept_in_f32: tuple[str, ...] = ()
    selection: Parity | None = None


def judge(
    here: ConversionPlan,
    precisions: Collection[Precision],
    check: Checker | None,
    promises: Promises,
    spared: tuple[str, ...],
) -> tuple[dict[Precision, JudgedIR], CompressionError | None]:
    """Compare the IRs of ``precisions`` in the folder of ``here``; that in full precision must be there.

    ``spared`` are the weights that the one in half precision has in full precision. Returns those that may be used, all
    without a ``check``, and why the one in half precision is not among them. Raises :class:`ConversionError` if the IR
    in full precision differs from the source.
    """
    if check is None:
        plain: dict[Precision, JudgedIR] = {"FP32": JudgedIR(), "FP16": JudgedIR(kept_in_f32=spared)}
        return plain, None
    exact = check.conversion(here.ir_path("FP32"))
    judged: dict[Precision, JudgedIR] = {}
    if "FP32" in precisions:
        judged["FP32"] = JudgedIR(check.parities(exact), selection=check.selection(exact.xml))
    if "FP16" not in precisions:
        return judged, None
    try:
        judged["FP16"] = _half(here, check, promises, spared)
    except (ConversionError, EngineError) as error:
        name = here.card.name
        return judged, CompressionError(f"{name}: the FP16 IR is of no use: {error}; convert with --precisions FP32")
    return judged, None


def _half(here: ConversionPlan, check: Checker, promises: Promises, spared: tuple[str, ...]) -> JudgedIR:
    """Compare the IR in half precision, and mend it if that costs much.

    Raises :class:`ConversionError` if it is of no use.
    """
    xml = here.ir_path("FP16")
    found, cost = check.compression(xml)
    if cost.damage() and check.use_own_shapes():
        found, cost = check.compression(xml)
    if cost.problem(here.card.parity.FP16) and not here.settings.optimizer_program:
        found, cost, spared = _mended(here, check, promises, (found, cost, spared))
    damage = cost.damage()
    if damage:
        raise ConversionError(damage)
    return JudgedIR(check.parities(found), cost, spared, check.selection(found.xml))


_Half: TypeAlias = tuple[Run, Parity, tuple[str, ...]]
"""A run of an IR in half precision, what that costs, and the weights that it has in full precision."""


def _mended(here: ConversionPlan, check: Checker, promises: Promises, before: _Half) -> _Half:
    """Write the IR anew, with those weights in full precision whose rounding hurts, if that makes it better."""
    check.say("looking for weights that half precision hurts")
    model = read_model(here.ir_path("FP32"))
    kept = weights_to_keep(model, check.harm, here.card.parity.FP16 / 2)
    if not kept:
        return before
    promises.write(model)
    target = here.ir_path("FP16")
    xml = target.with_name(f"{here.card.name}.mended.xml")
    save_ir(in_half_precision(model, kept), xml, "FP32")
    found, cost = check.compression(xml)
    if cost.share >= before[1].share:
        for part in (xml, xml.with_suffix(".bin")):
            part.unlink()
        return before
    for suffix in (".xml", ".bin"):
        xml.with_suffix(suffix).replace(target.with_suffix(suffix))
    found.xml = target
    return found, cost, kept
