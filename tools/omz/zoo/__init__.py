"""Model cards as frozen records, and the catalogue of them."""

from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.catalog import Catalog

__all__ = ["Catalog", "CompositeCard", "ModelCard"]
