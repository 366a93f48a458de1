"""Mattes after a person's wishes: edges moved and softened, holes filled, specks dropped, flicker calmed."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import UsageError
from omz.images.arrays import Size
from omz.images.files import Levels

Depth: TypeAlias = np.dtype[np.uint8] | np.dtype[np.uint16]

_NEARLY = 1 / 16  # how near to 0 or full an alpha passes for it, where holes and specks are looked for
_CALM = 0.2  # a change of alpha, 1 being full, from which on it is motion, and followed at once


@dataclass(frozen=True)
class Refinement:
    """What to change about an alpha; without arguments, nothing.

    ``fill_holes`` and ``drop_specks`` are areas: pixels, or below 1 a share of the picture. A hole is a patch that is
    not opaque and has opaque pixels all around, a speck one that is not transparent and lies alone. ``low`` and
    ``high``, 0 to 1, are the alphas that become 0 and 1, with a straight line between them. ``shift`` moves the edge,
    in pixels: outwards, or inwards below 0. ``feather`` blurs it: the standard deviation of a Gaussian, in pixels. They
    are applied in this order. Raises :class:`UsageError` for what makes no sense.
    """

    fill_holes: float = 0.0
    drop_specks: float = 0.0
    low: float = 0.0
    high: float = 1.0
    shift: float = 0.0
    feather: float = 0.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(getattr(self, field.name)) for field in fields(self)):
            raise UsageError("the controls of the edge must be numbers")
        if not 0 <= self.low < self.high <= 1:
            raise UsageError(f"the levels {self.low:g} and {self.high:g} do not fit; give 0 <= low < high <= 1")
        for name in ("fill_holes", "drop_specks", "feather"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name):g}; give 0 or more")


def refine(alpha: Levels, refinement: Refinement) -> Levels:
    """Return ``alpha`` (H, W), uint8 or uint16, with the changes asked for; itself where there are none."""
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
    """Calms an alpha that flickers from frame to frame; give it the frames in their order.

    Of a small change, ``strength`` (0 to 1) says how much is held back; one of ``_CALM`` or more is motion and not held
    back at all, so nothing is left behind where the subject was: what comes out is never further than ``strength / 20``
    of full from what went in, and becomes the same where that stays the same. ``state`` is the alpha that came out
    last: whoever sets it goes on as if there had been no break. Another size or depth begins anew. Raises
    :class:`UsageError` for a strength that is none.
    """

    def __init__(self, strength: float) -> None:
        if not 0 <= strength <= 1:
            raise UsageError(f"smoothing is {strength:g}; give 0 (none) to 1")
        self.state: Levels | None = None
        self._strength = strength

    def __call__(self, alpha: Levels) -> Levels:
        """Return the alpha (H, W), uint8 or uint16, of the next frame; the same array where nothing changes."""
        before, self.state = self.state, alpha
        if self._strength and before is not None and (before.shape, before.dtype) == (alpha.shape, alpha.dtype):
            held = _held_back(self._strength, alpha.dtype)
            more, less = cv2.subtract(alpha, before), cv2.subtract(before, alpha)  # they stop at 0
            self.state = cv2.add(cv2.subtract(alpha, _look_up(held, more)), _look_up(held, less))
        return self.state


def _held_back(strength: float, depth: Depth) -> Levels:
    """Return, for every change in levels, how much of it is held back: always less than all of it."""
    full = np.iinfo(depth).max
    change = np.arange(full + 1)
    return np.floor(strength * change * np.maximum(0, 1 - change / (_CALM * full))).astype(depth)


def _look_up(table: Levels, levels: Levels) -> Levels:
    return cv2.LUT(levels, table) if levels.dtype == np.uint8 else table[levels]


def _pixels(area: float, size: Size) -> float:
    return area if area >= 1 else area * size[0] * size[1]


def _filled(alpha: Levels, area: float) -> Levels:
    """Return ``alpha``, full in patches of at most ``area`` pixels with opaque ones around."""
    full = np.iinfo(alpha.dtype).max
    open_ = (alpha < (1 - _NEARLY) * full).astype(np.uint8)
    holes = _patches(open_, area, connectivity=4, at_border=False)
    return np.where(holes, np.array(full, alpha.dtype), alpha)


def _without_specks(alpha: Levels, area: float) -> Levels:
    """Return ``alpha``, 0 in patches of at most ``area`` pixels with transparent ones around."""
    seen = (alpha > _NEARLY * np.iinfo(alpha.dtype).max).astype(np.uint8)
    specks = _patches(seen, area, connectivity=8, at_border=True)
    return np.where(specks, np.array(0, alpha.dtype), alpha)


def _patches(mask: NDArray[np.uint8], area: float, connectivity: int, at_border: bool) -> NDArray[np.bool_]:
    """Return the pixels of those connected patches of ``mask`` (H, W) that have at most ``area`` pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    left, top, width, height, areas = (stats[:, column] for column in range(5))
    chosen = areas <= area
    if not at_border:
        chosen &= (left > 0) & (top > 0) & (left + width < mask.shape[1]) & (top + height < mask.shape[0])
    chosen[0] = False  # what is not in the mask
    return chosen[labels] if count > 1 and chosen.any() else np.zeros(mask.shape, np.bool_)


def _stretched(alpha: Levels, low: float, high: float) -> Levels:
    return _look_up(_line(low, high, alpha.dtype), alpha)


def _line(low: float, high: float, depth: Depth) -> Levels:
    """Return, for every level, what it becomes where ``low`` becomes 0 and ``high`` full."""
    full = np.iinfo(depth).max
    share = np.maximum(0, np.minimum(1, (np.arange(full + 1) / full - low) / (high - low)))
    return np.rint(share * full).astype(depth)


def _shifted(alpha: Levels, shift: float) -> Levels:
    """Return ``alpha`` with its edge ``shift`` pixels further out; a part of a pixel is a mean of two whole ones."""
    move = cv2.dilate if shift > 0 else cv2.erode
    whole = math.floor(abs(shift))
    part = abs(shift) - whole
    near = move(alpha, _disc(whole)) if whole else alpha
    return cv2.addWeighted(near, 1 - part, move(alpha, _disc(whole + 1)), part, 0) if part else near


def _disc(radius: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)
