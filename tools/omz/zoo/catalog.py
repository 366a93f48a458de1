"""Catalogue of all cards below the zoo's roots, by name."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from omz.errors import CardError
from omz.paths import real_path
from omz.zoo.vocabulary import CARD_FILE, COMPOSITE_FILE

if TYPE_CHECKING:
    from omz.zoo.card import CompositeCard, ModelCard

_OTHER_ZOOS = "for a model of Open Model Zoo, add --models_dir with the path of a checkout of it"


FolderNames: TypeAlias = "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]"
"""A folder, or several."""


def folders_of(given: FolderNames) -> tuple[Path, ...]:
    """Return the folders that a caller of the Python API gave: one, or several."""
    names = [given] if isinstance(given, (str, os.PathLike)) else given
    return tuple(map(Path, names))


@dataclass(frozen=True)
class _Place:
    """Place of a card; ``composite`` is the model that it is a stage of."""

    file: Path
    subdirectory: PurePosixPath
    composite: str | None = None

    @property
    def name(self) -> str:
        return self.file.parent.name


class Catalog:
    """Finds cards below ``roots`` and in the package's own zoo; reads a card on request.

    A model in an earlier root hides those of the same name in later ones; the package's own zoo comes last. A root may
    be a checkout of a zoo that keeps its cards in a folder ``models``. Iteration gives the names of models and
    composite models, sorted; stages are found by name only. Raises :class:`CardError` for a root that is not a folder.
    """

    def __init__(self, *roots: Path) -> None:
        self.roots = tuple(map(_folder, roots))
        self._places: dict[str, _Place] = {}
        self._duplicates: dict[str, Path] = {}
        for root in (*self.roots, own_root()):
            places: dict[str, _Place] = {}
            for place in _find_places(root):
                if places.setdefault(place.name, place) is not place and place.name not in self._places:
                    self._duplicates[place.name] = place.file.parent
            self._places = {**places, **self._places}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(name for name, place in self._places.items() if place.composite is None))

    def __getitem__(self, name: str) -> ModelCard:
        """Return the card of the model or stage called ``name``.

        Raises :class:`CardError` for a bad card, a composite model, and, with the nearest name, an unknown model.
        """
        from omz.zoo.card import CompositeCard

        card = self.load(name)
        if isinstance(card, CompositeCard):
            raise CardError(f"{name} is made of several models; name one of them: {', '.join(card.stages_order)}")
        return card

    def load(self, name: str) -> ModelCard | CompositeCard:
        """Return the card called ``name``; raises :class:`CardError` for a bad card or an unknown model."""
        from omz.zoo.card_reader import load_card, load_composite

        place = self._place(name)
        if place.file.name == COMPOSITE_FILE:
            return load_composite(place.file.parent, place.subdirectory)
        return load_card(place.file.parent, place.subdirectory, place.composite)

    def file(self, name: str) -> Path:
        """Return the file of the card called ``name``, unread; raises :class:`CardError` for an unknown model."""
        return self._place(name).file

    def find(self, name: str) -> Path | None:
        """Return the file of the card of the model or stage called ``name``, unread; None if there is no such model."""
        place = self._places.get(name)
        return place.file if place else None

    def _place(self, name: str) -> _Place:
        place = self._places.get(name)
        if place is None:
            hints = self._hints(name) or (f"there are: {', '.join(self)}",)
            raise CardError("; ".join((f"no model is called {name!r}", *hints)))
        if name in self._duplicates:
            folders = f"{place.file.parent} and {self._duplicates[name]}"
            raise CardError(f"two models are called {name}, in {folders}; rename one")
        return place

    def select(self, patterns: Iterable[str]) -> list[str]:
        """Return the names that match ``patterns``, in their order, each once.

        A pattern is that of a shell, and case matters. It matches models and composite models, and the stages of those
        composite models that it does not match as a whole. Raises :class:`CardError` for a pattern that matches
        nothing.
        """
        selected: dict[str, None] = {}
        for pattern in patterns:
            matching = [*self._matching(pattern)]
            if not matching:
                raise CardError("; ".join((f'No matching models: "{pattern}"', *self._hints(pattern))))
            selected.update(dict.fromkeys(matching))
        return list(selected)

    def _matching(self, pattern: str) -> Iterator[str]:
        for name in self:
            if fnmatch.fnmatchcase(name, pattern):
                yield name
            else:
                for stage in self._stages.get(name, ()):
                    if fnmatch.fnmatchcase(stage, pattern):
                        yield stage

    def _hints(self, name: str) -> tuple[str, ...]:
        """Return what may help someone who asked for a model that is not there."""
        near = difflib.get_close_matches(name, self._places, 1)
        if near:
            return (f"did you mean {near[0]}?",)
        if not self.roots:
            return (f"there are: {', '.join(self)}", _OTHER_ZOOS)
        return ()

    @functools.cached_property
    def _stages(self) -> dict[str, tuple[str, ...]]:
        """The stages of each composite model: in the order of its card, or, if that is bad, by name."""
        from omz.zoo.card import CompositeCard

        stages: dict[str, tuple[str, ...]] = {}
        for name, place in sorted(self._places.items()):
            if place.composite is not None:
                stages[place.composite] = (*stages.get(place.composite, ()), name)
        for name in stages:
            try:
                card = self.load(name)
            except CardError:
                continue
            if isinstance(card, CompositeCard):
                stages[name] = card.stages_order
        return stages


def _folder(root: Path) -> Path:
    try:
        resolved = real_path(root)
        if resolved.is_dir():
            return resolved
    except OSError:  # a name that is too long
        pass
    raise CardError(f"{root} is not a folder; --models_dir and OMZ_MODELS_DIR take folders with model cards")


def own_root() -> Path:
    """Return the folder of the package's own zoo."""
    with resources.as_file(resources.files("omz_models")) as root:
        return root


def cards_folder(root: Path) -> Path:
    """Return the folder below ``root`` with the cards: ``models`` in a checkout of a zoo, else ``root`` itself."""
    models = root / "models"
    is_a_model = (models / CARD_FILE).exists() or (models / COMPOSITE_FILE).exists()
    return models if models.is_dir() and not is_a_model else root


def _find_places(root: Path) -> Iterator[_Place]:
    base = cards_folder(root)
    composites = {card.parent for card in base.glob(f"**/{COMPOSITE_FILE}")}
    for folder in sorted(composites):
        yield _Place(folder / COMPOSITE_FILE, _subdirectory(folder, base))
    for card in sorted(base.glob(f"**/{CARD_FILE}")):
        folder, above = card.parent, card.parent.parent
        if above in composites:
            yield _Place(card, _subdirectory(above, base) / folder.name, above.name)
        elif folder not in composites:  # a card beside that of a composite model is an error, found when that is read
            yield _Place(card, _subdirectory(folder, base))


def _subdirectory(folder: Path, root: Path) -> PurePosixPath:
    """Return the card's folder below the root, or below ``public`` if it lies right in the root."""
    relative = PurePosixPath(folder.relative_to(root).as_posix())
    return relative if len(relative.parts) > 1 else PurePosixPath("public") / relative
