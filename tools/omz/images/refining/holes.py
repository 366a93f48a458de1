"""Holes in a subject, filled where the picture shows that they are none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Field
from omz.images.refining.evidence import disc

_REACH = 1 / 80  # of the longer side: a gap up to twice as wide is bridged
_DIFFERS = (2.0, 4.0)  # times the noise: from the first on it may be the subject, from the second it is
_WINDOW = 7  # pixels
_OPEN = 15 / 16  # an alpha below which a pixel counts as part of a hole
_SMALL = 0.002  # of the subject: a hole too small to be told from noise


def fill_holes(alpha: Alpha, difference: Field) -> Alpha:
    """Return ``alpha`` (H, W) with holes filled inside the subject, by the ``difference`` from the plate, in noise.

    A hole in the matte of a subject that has the plate's colour looks like a hole through which the plate is seen. In
    the second, picture and plate differ by their noise alone; in the first, hardly ever. Holes that are small against
    the subject are filled in both cases.
    """
    inside = _inside(alpha)
    low, high = _DIFFERS
    is_subject = np.clip((difference - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    share = cv2.blur(is_subject, (_WINDOW, _WINDOW))  # half of the window is enough
    share *= 2
    filled = np.maximum(alpha, np.minimum(share, 1) * inside)
    return np.where(_small_holes(filled), np.float32(1), filled)


def _inside(alpha: Alpha) -> Field:
    """Return 1 inside the outline of the subject, its gaps bridged and its holes filled, and 0 outside."""
    reach = max(2, round(max(alpha.shape) * _REACH))
    solid = (alpha > 0.5).astype(np.uint8)
    around = cv2.copyMakeBorder(solid, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(around, cv2.MORPH_CLOSE, disc(reach))[reach:-reach, reach:-reach]
    framed = cv2.copyMakeBorder(closed, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    cv2.floodFill(framed, None, (0, 0), 2)
    outline = (framed[1:-1, 1:-1] != 2).astype(np.uint8)
    inner = cv2.erode(outline, disc(max(2, reach // 2)))
    return cv2.GaussianBlur(inner.astype(np.float32), (0, 0), 2) * outline


def _small_holes(alpha: Alpha) -> NDArray[np.bool_]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats((alpha < _OPEN).astype(np.uint8), connectivity=4)
    left, top, width, height, areas = stats.T
    chosen = areas < _SMALL * cv2.countNonZero((alpha > 0.5).astype(np.uint8))
    chosen &= (left > 0) & (top > 0) & (left + width < alpha.shape[1]) & (top + height < alpha.shape[0])
    chosen[0] = False  # what is no hole
    return chosen[labels]
