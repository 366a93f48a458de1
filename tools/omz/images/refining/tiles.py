"""Parts of an image that hold what there is to do, so that no time is spent on the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.uint8]

_SIDE = 64  # pixels: smaller ones hold less beside, and cost more calls


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

    def within(self, other: Part) -> tuple[slice, slice]:
        """Return the index of the part in an ``other`` one that holds it."""
        rows = slice(self.top - other.top, self.bottom - other.top)
        return rows, slice(self.left - other.left, self.right - other.left)


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
