"""Enlargement of an alpha to the size of its picture, with edges where those of the picture are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from omz.images.arrays import Alpha, AnyAlpha, Field, Picture, Size
from omz.images.compositing import to_uint8
from omz.images.geometry import resize
from omz.images.refining.guided import REACH, find_lines
from omz.images.refining.tiles import Mask, Part, parts_with

Depth: TypeAlias = type[np.float32] | type[np.uint8] | type[np.uint16]

_STRIP = 1 << 18  # pixels that are enlarged at a time, about: what a processor keeps near
_MARGIN = 8  # pixels around a part that its enlargement sees, at least one more than the filter reaches
_BAND = (0.02, 0.98)
_FADING = np.ones((9, 9), np.uint8)  # what a blur of one pixel reaches
_UNIT = np.float32(1 / 255)

assert _MARGIN > REACH


def enlarge(alpha: Alpha, picture: Picture, dtype: Depth = np.float32, copy: Picture | None = None) -> AnyAlpha:
    """Return ``alpha`` (h, w) at the size of ``picture`` (H, W, 3), its soft edges drawn by those of the picture.

    The result is float32, 0 to 1, or has all levels of an unsigned ``dtype``. Memory beside it is constant. A ``copy``
    of the picture at the size of alpha saves the time to make one.
    """
    size: Size = (picture.shape[0], picture.shape[1])
    if copy is None:
        copy = resize(picture, (alpha.shape[0], alpha.shape[1]))
    result, scale = np.empty(size, dtype), _Scale(alpha.shape, size)
    for strip in _strips(alpha.shape, size):
        result[scale.large(strip).there] = in_levels(scale.enlarged(alpha, strip), dtype)
    band = _band(alpha)
    for part in parts_with(cv2.dilate(band, _FADING)):
        around, large = part.grown(_MARGIN, alpha.shape).there, scale.large(part).there
        given, weight = alpha[around], cv2.GaussianBlur(band[around].astype(np.float32), (0, 0), 1)
        lines = find_lines(cv2.cvtColor(copy[around], cv2.COLOR_BGR2GRAY) * _UNIT, given)
        slope, offset = lines.slope, lines.offset
        slope *= weight
        offset -= given
        offset *= weight
        offset += given
        drawn = scale.enlarged(slope, part, around=True)
        drawn = drawn * (cv2.cvtColor(picture[large], cv2.COLOR_BGR2GRAY) * _UNIT)
        drawn += scale.enlarged(offset, part, around=True)
        result[large] = in_levels(drawn, dtype)
    return result


def _band(alpha: Alpha) -> Mask:
    """Return 1 in the uncertain band, (h, w), and a little around it."""
    low, high = _BAND
    return cv2.dilate(((alpha > low) & (alpha < high)).view(np.uint8), np.ones((5, 5), np.uint8))


@dataclass(frozen=True)
class _Scale:
    """Enlargement of images of the size ``old`` to ``new``, part by part."""

    old: tuple[int, ...]
    new: Size

    def large(self, part: Part) -> Part:
        """Return where a part of the old image lies in the new one."""
        return part.scaled(self.old, self.new)

    def enlarged(self, field: Field, part: Part, around: bool = False) -> Field:
        """Return a part of ``field`` (h, w) enlarged; or ``field`` is that part alone with its margin ``around``."""
        seen, wanted = part.grown(_MARGIN, self.old), self.large(part)
        if not around:
            field = field[seen.there]
        whole = self.large(seen)
        if self._is_exact(seen):
            large = cv2.resize(field, (whole.right - whole.left, whole.bottom - whole.top))
            return large[wanted.within(whole)]
        across, down = self.old[1] / self.new[1], self.old[0] / self.new[0]
        back = np.array(
            [
                [across, 0, (wanted.left + 0.5) * across - 0.5 - seen.left],
                [0, down, (wanted.top + 0.5) * down - 0.5 - seen.top],
            ]
        )
        size = wanted.right - wanted.left, wanted.bottom - wanted.top
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(field, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def _is_exact(self, part: Part) -> bool:
        """Tell whether the edges of a part lie between pixels of the new image, too."""
        rows, columns = (part.top, part.bottom), (part.left, part.right)
        return not any(
            [*(row * self.new[0] % self.old[0] for row in rows), *(x * self.new[1] % self.old[1] for x in columns)]
        )


def _strips(old: tuple[int, ...], new: Size) -> Iterator[Part]:
    """Yield strips of an image of the size ``old`` that have about ``_STRIP`` pixels in the size ``new``."""
    rows = max(1, _STRIP * old[0] // (new[0] * new[1]))
    rows = -(-rows // _MARGIN) * _MARGIN
    for top in range(0, old[0], rows):
        yield Part(top, min(top + rows, old[0]), 0, old[1])


def in_levels(alpha: Alpha, dtype: Depth) -> AnyAlpha:
    """Return ``alpha``, clipped to 0 to 1 in place, or in all levels of an unsigned ``dtype``."""
    if dtype is np.uint8:
        return to_uint8(alpha)
    np.clip(alpha, 0, 1, out=alpha)
    return np.rint(alpha * np.float32(65535)).astype(np.uint16) if dtype is np.uint16 else alpha
