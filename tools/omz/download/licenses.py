"""Licences that ask something of those who use a model: accepted once, and remembered in the models folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from pathlib import Path

from omz.atomic import whole_file
from omz.errors import DownloadError
from omz.home import home_folder, writable
from omz.zoo.card import ModelCard

_TERMS = {
    "copyleft": "asks that what is made with it is passed on under the same terms",
    "non-commercial": "does not allow commercial use",
}


def terms(card: ModelCard) -> str:
    """Return what the licence of a model asks, in a line."""
    return f"the licence of {card.name} ({card.license}) {_TERMS[card.license_kind]}"


def is_accepted(card: ModelCard) -> bool:
    """Tell whether the licence of a model is permissive, or was accepted before."""
    if card.license_kind == "permissive":
        return True
    return any(_is_recorded(card, folder) for folder in (home_folder, _written_home))


def _is_recorded(card: ModelCard, folder: Callable[[], Path]) -> bool:
    try:
        return _record(card, folder()).read_text(encoding="utf-8").strip() == card.license
    except (OSError, UnicodeDecodeError):
        return False


def accept(card: ModelCard) -> None:
    """Remember that the user accepts the licence of a model, at least while this process runs."""
    with contextlib.suppress(OSError), whole_file(_record(card, _written_home())) as temporary:
        temporary.write_text(f"{card.license}\n", encoding="utf-8")


def check_license(card: ModelCard, accepted: Collection[str] = ()) -> None:
    """Remember what is among the names in ``accepted``; raise :class:`DownloadError` for a licence that is not."""
    if is_accepted(card):
        return
    if card.name not in accepted:
        raise DownloadError(f"{terms(card)}; read it, and accept it with --accept_license {card.name}")
    accept(card)


def _written_home() -> Path:
    return writable(home_folder())


def _record(card: ModelCard, home: Path) -> Path:
    return home / "licenses" / f"{card.name}.txt"
