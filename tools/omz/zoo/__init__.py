"""Model cards as frozen records, and the catalogue of them; the records load pydantic when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omz.lazy import lazy

if TYPE_CHECKING:
    from omz.zoo.card import CompositeCard, ModelCard
    from omz.zoo.catalog import Catalog

__all__ = ["Catalog", "CompositeCard", "ModelCard"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Catalog": "omz.zoo.catalog:Catalog",
        "CompositeCard": "omz.zoo.card:CompositeCard",
        "ModelCard": "omz.zoo.card:ModelCard",
    },
)
