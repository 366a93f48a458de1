"""Enlargement of an alpha to the size of its picture, with edges where those of the picture are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, AnyAlpha, Field, Picture, Size
from omz.images.geometry import resize
from omz.images.refining.guided import Lines, find_lines

Depth: TypeAlias = type[np.float32] | type[np.uint8] | type[np.uint16]

_STRIP = 1 << 21  # pixels that are worked on at a time, about: bounds the memory
_BAND = (0.02, 0.98)
_UNIT = np.float32(1 / 255)


def enlarge(alpha: Alpha, picture: Picture, dtype: Depth = np.float32, copy: Picture | None = None) -> AnyAlpha:
    """Return ``alpha`` (h, w) at the size of ``picture`` (H, W, 3), its soft edges drawn by those of the picture.

    The result is float32, 0 to 1, or has all levels of an unsigned ``dtype``. Memory beside it is constant. A ``copy``
    of the picture at the size of alpha saves the time to make one.
    """
    size: Size = (picture.shape[0], picture.shape[1])
    if copy is None:
        copy = resize(picture, (alpha.shape[0], alpha.shape[1]))
    lines = find_lines(cv2.cvtColor(copy, cv2.COLOR_BGR2GRAY) * _UNIT, alpha)
    low, high = _BAND
    band = cv2.dilate(((alpha > low) & (alpha < high)).astype(np.uint8), np.ones((5, 5), np.uint8))
    weight = cv2.GaussianBlur(band.astype(np.float32), (0, 0), 1)
    result = np.empty(size, dtype)
    for top, bottom in _strips(size):
        piece = _Piece(alpha.shape, size, top, bottom)
        drawn = piece.of(alpha)
        for left, right in piece.columns(band):
            part = slice(left, right)
            grey = cv2.cvtColor(picture[top:bottom, part], cv2.COLOR_BGR2GRAY) * _UNIT
            sharp = np.clip(piece.drawn(lines, grey, left), 0, 1)
            sharp -= drawn[:, part]
            sharp *= piece.of(weight, left, right)
            drawn[:, part] += sharp
        result[top:bottom] = in_levels(drawn, dtype)
    return result


class _Piece:
    """Some rows, ``top`` to ``bottom``, of an image of ``size`` that is enlarged from a ``small`` one."""

    def __init__(self, small: tuple[int, ...], size: Size, top: int, bottom: int) -> None:
        self._scale = small[0] / size[0], small[1] / size[1]
        self._size, self._top, self._bottom = size, top, bottom

    def of(self, field: Field, left: int = 0, right: int | None = None) -> Field:
        """Return these rows of a small ``field``, enlarged; of some columns alone, where given."""
        (down, across), width = self._scale, (right or self._size[1]) - left
        back = np.array(
            [[across, 0, (left + 0.5) * across - 0.5], [0, down, (self._top + 0.5) * down - 0.5]], np.float64
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        rows = self._bottom - self._top
        return cv2.warpAffine(field, back, (width, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def drawn(self, lines: Lines, guide: Field, left: int) -> Field:
        """Return the ``lines`` drawn at the values of ``guide``, whose columns start at ``left``."""
        right = left + guide.shape[1]
        result = self.of(lines.slope, left, right)
        result *= guide
        result += self.of(lines.offset, left, right)
        return result

    def columns(self, band: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
        """Yield the first column, and the one after the last, that these rows of ``band`` reach, if any."""
        down, across = self._scale
        first, last = int(self._top * down), int(np.ceil(self._bottom * down)) + 1
        there = np.flatnonzero(band[max(0, first - 1) : last].any(axis=0))
        if len(there):
            yield int(max(0, there[0] - 1) / across), min(self._size[1], int(np.ceil((there[-1] + 2) / across)))


def _strips(size: Size) -> Iterator[tuple[int, int]]:
    rows = max(1, _STRIP // size[1])
    for top in range(0, size[0], rows):
        yield top, min(top + rows, size[0])


def in_levels(alpha: Alpha, dtype: Depth) -> AnyAlpha:
    """Return ``alpha``, clipped to 0 to 1 in place, or in all levels of an unsigned ``dtype``."""
    np.clip(alpha, 0, 1, out=alpha)
    full = {np.uint8: 255, np.uint16: 65535}.get(dtype)
    return alpha if full is None else np.rint(alpha * np.float32(full)).astype(dtype)
