"""Repairs of an alpha by picture and plate: which are made, and what was."""

from __future__ import annotations

from dataclasses import dataclass

from omz.images.arrays import AnyAlpha


@dataclass(frozen=True)
class Steps:
    """Steps of a refinement that can be left out: ``holes`` are filled, ``islands`` dropped, hair is solved for again.

    The last is ``closed_form`` matting, which needs the extra ``refine``.
    """

    closed_form: bool = False
    holes: bool = True
    islands: bool = True


ALL_BUT_CLOSED_FORM = Steps()
"""The default."""


@dataclass(frozen=True)
class Repairs:
    """What was repaired: ``holes`` and ``islands`` are counts, ``filled`` and ``dropped`` their shares of the subject.

    ``shadow`` is the share of the image that was covered by the shadow taken out of alpha.
    """

    holes: int = 0
    filled: float = 0.0
    islands: int = 0
    dropped: float = 0.0
    shadow: float = 0.0


NOTHING = Repairs()


@dataclass(frozen=True)
class Refined:
    """An ``alpha``, refined, and what was repaired in it."""

    alpha: AnyAlpha
    repairs: Repairs = NOTHING
