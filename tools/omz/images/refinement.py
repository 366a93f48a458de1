"""Refinement of an alpha: move and soften edges, fill holes, drop specks, reduce flicker."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import UsageError
from omz.images.arrays import Pixels, Size

Depth: TypeAlias = np.dtype[np.uint8] | np.dtype[np.uint16]

_NEARLY = 1 / 16  # an alpha this near to 0 or full counts as that for holes and specks
_CALM = 0.2  # from this change of alpha on, of 1, it is motion and is followed at once


@dataclass(frozen=True)
class Refinement:
    """Changes to an alpha, none by default, applied in this order.

    ``fill_holes`` and ``drop_specks`` are areas: pixels, or below 1 a share of the picture. A hole is a patch that is
    not opaque and has opaque pixels all around, a speck one that is not transparent and lies alone. ``low`` and
    ``high``, 0 to 1, are the alphas that become 0 and 1, with a straight line between them. ``shift`` moves the edge,
    in pixels: outwards, or inwards below 0. ``feather`` blurs it: the standard deviation of a Gaussian, in pixels.
    Raises :class:`UsageError` for values out of range.
    """

    fill_holes: float = 0.0
    drop_specks: float = 0.0
    low: float = 0.0
    high: float = 1.0
    shift: float = 0.0
    feather: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite(astuple(self)).all():
            raise UsageError("the controls of the edge must be numbers")
        if not 0 <= self.low < self.high <= 1:
            raise UsageError(f"the levels {self.low:g} and {self.high:g} do not fit; give 0 <= low < high <= 1")
        for name in ("fill_holes", "drop_specks", "feather"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name):g}; give 0 or more")


def refine(alpha: Pixels, refinement: Refinement) -> Pixels:
    """Return ``alpha`` (H, W), uint8 or uint16, with the changes of ``refinement``; itself if there are none."""
    size = alpha.shape[0], alpha.shape[1]
    if refinement.fill_holes:
        alpha = _filled(alpha, _pixels(refinement.fill_holes, size))
    if refinement.drop_specks:
        alpha = _without_specks(alpha, _pixels(refinement.drop_specks, size))
    if (refinement.low, refinement.high) != (0, 1):
        alpha = _stretched(alpha, refinement.low, refinement.high)
    if refinement.shift:
        alpha = _shifted(alpha, refinement.shift)
    if refinement.feather:
        alpha = cv2.GaussianBlur(alpha, (0, 0), refinement.feather, borderType=cv2.BORDER_REPLICATE)
    return alpha


class Smoother:
    """Reduces the flicker of an alpha from frame to frame; call it with the frames in their order.

    ``strength`` (0 to 1) says how much of a small change is held back. A change of ``_CALM`` or more is motion and not
    held back at all, so nothing trails behind the subject: the result is never further than ``strength / 20`` of full
    from the input, and reaches an input that stays the same. ``state`` is the last result; set it to continue after a
    break. Another size or depth starts anew. Raises :class:`UsageError` for a strength out of range.
    """

    def __init__(self, strength: float) -> None:
        if not 0 <= strength <= 1:
            raise UsageError(f"smoothing is {strength:g}; give 0 (none) to 1")
        self.state: Pixels | None = None
        self._strength = strength

    def __call__(self, alpha: Pixels) -> Pixels:
        """Return the alpha (H, W), uint8 or uint16, of the next frame; the same array if nothing changes."""
        before, self.state = self.state, alpha
        if self._strength and before is not None and (before.shape, before.dtype) == (alpha.shape, alpha.dtype):
            held = _held_back(self._strength, alpha.dtype)
            more, less = cv2.subtract(alpha, before), cv2.subtract(before, alpha)  # saturate at 0
            self.state = cv2.add(cv2.subtract(alpha, _look_up(held, more)), _look_up(held, less))
        return self.state


def _held_back(strength: float, depth: Depth) -> Pixels:
    """Return, for every change in levels, how much of it is held back, which is always less than all."""
    full = np.iinfo(depth).max
    change = np.arange(full + 1)
    return np.floor(strength * change * np.maximum(0, 1 - change / (_CALM * full))).astype(depth)


def _look_up(table: Pixels, levels: Pixels) -> Pixels:
    if levels.dtype == np.uint8:
        return cv2.LUT(levels, table)
    return table[levels]


def _pixels(area: float, size: Size) -> float:
    return area if area >= 1 else area * size[0] * size[1]


def _filled(alpha: Pixels, area: float) -> Pixels:
    """Return ``alpha``, full in patches of at most ``area`` pixels with opaque ones around."""
    full = np.iinfo(alpha.dtype).max
    open_ = (alpha < (1 - _NEARLY) * full).astype(np.uint8)
    holes = _patches(open_, area, connectivity=4, at_border=False)
    return np.where(holes, np.array(full, alpha.dtype), alpha)


def _without_specks(alpha: Pixels, area: float) -> Pixels:
    """Return ``alpha``, 0 in patches of at most ``area`` pixels with transparent ones around."""
    seen = (alpha > _NEARLY * np.iinfo(alpha.dtype).max).astype(np.uint8)
    specks = _patches(seen, area, connectivity=8, at_border=True)
    return np.where(specks, np.array(0, alpha.dtype), alpha)


def _patches(mask: NDArray[np.uint8], area: float, connectivity: int, at_border: bool) -> NDArray[np.bool_]:
    """Return the pixels of those connected patches of ``mask`` (H, W) that have at most ``area`` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    left, top, width, height, areas = stats.T
    chosen = areas <= area
    if not at_border:
        chosen &= (left > 0) & (top > 0) & (left + width < mask.shape[1]) & (top + height < mask.shape[0])
    chosen[0] = False  # the pixels outside the mask
    return chosen[labels]


def _stretched(alpha: Pixels, low: float, high: float) -> Pixels:
    full = np.iinfo(alpha.dtype).max
    share = np.maximum(0, np.minimum(1, (np.arange(full + 1) / full - low) / (high - low)))
    return _look_up(np.rint(share * full).astype(alpha.dtype), alpha)


def _shifted(alpha: Pixels, shift: float) -> Pixels:
    """Return ``alpha`` with its edge ``shift`` pixels further out; a part of a pixel is a mean of two whole ones."""
    move = cv2.dilate if shift > 0 else cv2.erode
    whole = math.floor(abs(shift))
    part = abs(shift) - whole
    near = alpha
    if whole:
        near = move(alpha, _disc(whole))
    if not part:
        return near
    return cv2.addWeighted(near, 1 - part, move(alpha, _disc(whole + 1)), part, 0)


def _disc(radius: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)
