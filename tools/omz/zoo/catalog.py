"""The catalogue: every card below the zoo's roots, by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path, PurePosixPath

from omz.errors import CardError
from omz.zoo.card import CARD_FILE, ModelCard, load_card


class Catalog:
    """Finds cards below ``roots``, by default the zoo that comes with the package; reads one when it is asked for."""

    def __init__(self, *roots: Path) -> None:
        self._folders: dict[str, tuple[Path, PurePosixPath]] = {}
        for root in roots or (_own_root(),):
            for card in sorted(root.glob(f"**/{CARD_FILE}")):
                self._folders.setdefault(card.parent.name, (card.parent, _subdirectory(card.parent, root)))

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._folders))

    def __getitem__(self, name: str) -> ModelCard:
        """Return the card called ``name``; raises :class:`CardError` with the nearest name where there is none."""
        if name not in self._folders:
            near = difflib.get_close_matches(name, self._folders, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self)}"
            raise CardError(f"no model is called {name!r}; {hint}")
        return load_card(*self._folders[name])


def _own_root() -> Path:
    with resources.as_file(resources.files("omz_models")) as root:
        return root


def _subdirectory(folder: Path, root: Path) -> PurePosixPath:
    """Return the card's folder below the root; one that lies straight below it counts as public."""
    relative = PurePosixPath(folder.relative_to(root).as_posix())
    return relative if len(relative.parts) > 1 else PurePosixPath("public") / relative
