"""What goes through the demo: frames, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from omz.errors import OmzError
from omz.images.arrays import Picture
from omz.images.files import Levels
from omz.runtime.matter import Trimap

__all__ = ["Cut", "Failure", "Frame", "Levels"]


@dataclass(frozen=True)
class Frame:
    """A picture, what it is matted against, and what its subject is placed before; all of one size.

    ``plate`` is None for a model that takes none; ``target`` is None where the subject stays on transparency.
    ``index`` counts from 0 in the order of the source. ``time`` is when it is shown, and ``duration`` how long, in the
    units of the source: a presentation timestamp. ``follows_damage`` says that something before it could not be
    decoded.
    """

    index: int
    picture: Picture
    plate: Picture | None = None
    target: Picture | None = None
    time: int = 0
    duration: int = 0
    follows_damage: bool = False


@dataclass(frozen=True)
class Cut:
    """The subject of a frame: ``alpha`` (H, W) uint8, or uint16 where that was asked for; ``foreground`` uint8 BGR.

    ``trimap`` is None where the network gives none.
    """

    frame: Frame
    alpha: Levels
    foreground: Picture
    trimap: Trimap | None = None

    def with_alpha(self, alpha: Levels) -> Cut:
        """Return the cut with another alpha."""
        return replace(self, alpha=alpha)


@dataclass(frozen=True)
class Failure:
    """A frame of which nothing came; the ones after it go on."""

    index: int
    error: OmzError
