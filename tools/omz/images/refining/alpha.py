"""Alpha of a network, refined by the image and brought to its size."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from omz.images.arrays import Alpha, Picture
from omz.images.geometry import limit_side, resize
from omz.images.refining.by_plate import refine_by_plate
from omz.images.refining.enlarging import Depth, enlarge, in_levels
from omz.images.refining.repairs import ALL_BUT_CLOSED_FORM, NOTHING, Refined, Steps

SmallPair: TypeAlias = tuple[Picture, Picture | None]
"""Small copies of an image and its plate, of one size."""

WORKING_SIDE = 1280
"""Pixels of the longer side of the copies that alpha is refined in; what is larger gets its edges from the image."""


_HAZE = np.float32(0.01)
"""An alpha this near to 0 or 1 is noise: networks hardly ever reach the ends. Up to three times that, it fades."""
_ROWS = 32  # of alpha that are worked on together: they stay in the cache, which is three times as fast


def without_haze(alpha: Alpha) -> Alpha:
    """Return ``alpha``: 0 up to 0.01, 1 from 0.99 on, unchanged from 0.03 to 0.97, with straight lines between."""
    clear = np.empty_like(alpha)
    for top in range(0, len(alpha), _ROWS):
        rows = slice(top, top + _ROWS)
        low, steep = clear[rows], alpha[rows] * np.float32(1.5)
        steep -= np.float32(1.5) * _HAZE
        np.minimum(alpha[rows], steep, out=low)
        np.maximum(low, 0, out=low)
        np.multiply(low, np.float32(1.5), out=steep)
        steep += np.float32(1.5) * _HAZE - np.float32(0.5)
        np.maximum(low, steep, out=low)
        np.minimum(low, 1, out=low)
    return clear


def refine_alpha(
    picture: Picture,
    plate: Picture | None,
    alpha: Alpha,
    steps: Steps = ALL_BUT_CLOSED_FORM,
    dtype: Depth = np.float32,
    copies: SmallPair | None = None,
) -> Refined:
    """Return ``alpha`` (h, w) of a network at the size of ``picture`` (H, W, 3) BGR, refined.

    Haze goes. With the ``plate``, aligned and of the size of the picture, holes are filled, islands dropped, shadows
    taken out, and hair is solved for; without one, edges move to those of the picture. The result is float32, 0 to 1,
    or has all levels of an unsigned ``dtype``. The ``copies`` that the network saw save time where their size is the
    one to refine in.
    """
    size = limit_side(picture.shape, WORKING_SIDE)
    if copies is None or copies[0].shape[:2] != size:
        copies = resize(picture, size), None if plate is None else resize(plate, size)
    seen, empty = copies
    share = without_haze(alpha)
    refined, repairs = np.minimum(resize(share, size), 1), NOTHING
    if empty is not None:
        by_plate = refine_by_plate(seen, empty, refined, steps)
        refined, repairs = by_plate.alpha, by_plate.repairs
    elif share.shape < size:
        refined = enlarge(share, seen)
    if steps.closed_form:
        from omz.images.refining.closed_form import solve_closed_form

        refined = solve_closed_form(seen, refined)
    if size != picture.shape[:2]:
        return Refined(enlarge(refined, picture, dtype, seen), repairs)
    return Refined(in_levels(refined, dtype), repairs)
