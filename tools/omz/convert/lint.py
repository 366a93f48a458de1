"""All findings about a card: those about itself, and what the converter would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omz.checksum import file_digest
from omz.convert.plan import CONVERTED, PRECISIONS, ConversionPlan, plan_conversion
from omz.errors import CardError
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.lint import Finding, is_filled_in, lint_card
from omz.zoo.record import printable

_DOWNLOADS, _RESULTS = Path("downloads"), Path("results")


def lint(card: ModelCard | CompositeCard) -> list[Finding]:
    """Return the findings about ``card`` and its stages, as :func:`omz.zoo.lint.lint_card` does, and its arguments.

    Arguments that :func:`plan_conversion` refuses are errors, and so is an IR beside the card that is not its
    own. A framework that cannot be converted is a warning, and so is a source that comes out of an archive: such cards
    serve other programs.

    Example:
        >>> from omz.zoo import Catalog
        >>> lint(Catalog()["background-matting-starter"])
        []
    """
    found = lint_card(card)
    if isinstance(card, CompositeCard):
        for stage in card.stages:
            found += lint(stage)
        return found
    found += _unknown_variables(card)
    if card.framework in CONVERTED:
        found += _refusals(card) if is_filled_in(card) else ()
    elif card.framework != "dldt":
        line = f"{card.path}: framework: {card.framework} models cannot be converted here, only downloaded"
        found.append(Finding(line, is_error=False))
    return list(dict.fromkeys(found))


def _unknown_variables(card: ModelCard) -> Iterator[Finding]:
    for arguments in (card.conversion_to_onnx_args, card.model_optimizer_args or ()):
        try:
            card.substitute(arguments, _DOWNLOADS, _RESULTS)
        except CardError as error:
            yield Finding(printable(str(error)), is_error=card.framework in CONVERTED)


def _refusals(card: ModelCard) -> Iterator[Finding]:
    try:
        plan = plan_conversion(card, _DOWNLOADS, _RESULTS)
    except CardError as error:
        yield Finding(printable(str(error)))
        return
    yield from _strange_irs(plan)
    listed = {card.file_path(file, _DOWNLOADS) for file in card.files}
    if plan.needs_trust or plan.source in listed:
        return
    if any(step.type == "unpack_archive" for step in card.postprocessing):
        reason = f"{plan.source.name} comes out of an archive, and has no checksum here; it cannot be converted"
        yield Finding(f"{card.path}: files: {reason}", is_error=False)
        return
    yield Finding(f"{card.path}: files: {plan.source.name} is used, but not listed; list it, or correct the arguments")


def _strange_irs(plan: ConversionPlan) -> Iterator[Finding]:
    """Yield an error for an IR that ships with the card, but is not used, for it was made of another card or file."""
    from omz.convert.store import shipped_ir  # brings OpenVINO

    for precision in PRECISIONS:
        xml = shipped_ir(plan.card, precision)
        if xml.exists() and not _is_sound(xml, plan):
            ir = xml.relative_to(plan.card.folder).as_posix()
            yield Finding(
                f"{plan.card.path}: {ir} is not what the converter made of this card; make it again, or remove it"
            )


def _is_sound(xml: Path, plan: ConversionPlan) -> bool:
    """Tell whether an IR was made of the card of ``plan``, and its files are those of its manifest."""
    from omz.convert.manifest import is_whole, made_by, read_manifest

    if not (is_whole(xml) and made_by(xml, plan)):
        return False
    try:
        files = read_manifest(xml).files
        return all(file_digest(xml.with_name(name)) == entry["sha384"] for name, entry in files.items())
    except (OSError, ValueError, KeyError):
        return False
