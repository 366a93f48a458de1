"""Parts of an image that hold what there is to do, so that no time is spent on the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.uint8]

_SIDE = 64  # pixels: smaller ones hold less beside, and cost more calls
_STEP = 24  # pixels: of a copy of 3/8 of the size, they are whole pixels of the image


class Part(NamedTuple):
    """Rows ``top`` to ``bottom``, and columns ``left`` to ``right``, of an image; the last of each is left out."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def there(self) -> tuple[slice, slice]:
        """The index of the part."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int, size: tuple[int, ...]) -> Part:
        """Return the part with a ``margin`` around it, within an image of ``size``."""
        return Part(
            max(0, self.top - margin),
            min(size[0], self.bottom + margin),
            max(0, self.left - margin),
            min(size[1], self.right + margin),
        )

    def scaled(self, old: tuple[int, ...], new: tuple[int, ...]) -> Part:
        """Return where the part of an image of the size ``old`` lies in its copy of the size ``new``.

        Neighbours stay neighbours.
        """
        rows = (row * new[0] // old[0] for row in (self.top, self.bottom))
        columns = (column * new[1] // old[1] for column in (self.left, self.right))
        return Part(*rows, *columns)

    def within(self, other: Part) -> tuple[slice, slice]:
        """Return the index of the part in an ``other`` one that holds it."""
        rows = slice(self.top - other.top, self.bottom - other.top)
        return rows, slice(self.left - other.left, self.right - other.left)


def part_around(mask: Mask, margin: int) -> Part | None:
    """Return the part that holds all of a ``mask`` (H, W) with a ``margin`` around it; None if there is nothing.

    Its edges are those of the image, or multiples of 24 pixels.
    """
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    grown = Part(top, top + height, left, left + width).grown(margin, mask.shape)
    bottom, right = (-(-end // _STEP) * _STEP for end in (grown.bottom, grown.right))
    top, left = (start // _STEP * _STEP for start in (grown.top, grown.left))
    return Part(top, min(bottom, mask.shape[0]), left, min(right, mask.shape[1]))


def parts_with(mask: Mask) -> Iterator[Part]:
    """Yield parts that together hold all of a ``mask`` (H, W), from the top down."""
    height, width = mask.shape
    lefts = np.arange(0, width, _SIDE)
    for top in range(0, height, _SIDE):
        bottom = min(height, top + _SIDE)
        columns = cv2.reduce(mask[top:bottom], 0, cv2.REDUCE_MAX)[0]
        for first, last in _runs(np.maximum.reduceat(columns, lefts) > 0):
            yield Part(top, bottom, first * _SIDE, min(width, last * _SIDE))


def _runs(holds: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the first place, and the one after the last, of each row of places that hold."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]])))
    yield from zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)
