"""Model cards as frozen records, and the catalogue of them; the records load pydantic when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omz.zoo.card import CompositeCard, ModelCard
    from omz.zoo.catalog import Catalog

__all__ = ["Catalog", "CompositeCard", "ModelCard"]


def __getattr__(name: str) -> object:
    if name == "Catalog":
        from omz.zoo.catalog import Catalog

        return Catalog
    if name in ("CompositeCard", "ModelCard"):
        from omz.zoo import card

        return getattr(card, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
