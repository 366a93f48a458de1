"""Highlights: what a plate that was exposed longer than its picture shows as white, where the picture still has it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Gains, Picture
from omz.images.geometry import limit_side, resize

_CLIPPED = 250  # levels of the plate as it was taken, from which on a channel is clipped; JPEG files leave a few less
_SEEN = 160  # pixels of the longer side of the copies in which clipped areas are told apart
_VARIES = 16  # levels by which an area may differ from its median; what differs by more may be a subject


def restore_highlights(plate: Picture, picture: Picture, gains: Gains) -> Picture:
    """Return ``plate`` with the highlights of ``picture`` where its own were clipped, before ``gains`` darkened it.

    Both are (H, W, 3) of one size and aligned; the array is the same if there is nothing to restore. All that is known
    of a clipped channel is that it was at least as bright: it takes the picture's level if that is brighter. Where all
    channels are clipped, no colour tells a bright subject from the background. There it takes levels near the median
    of each area alone, by brightness, of those pixels of the picture that are bright enough.
    """
    size = plate.shape[0], plate.shape[1]
    small = _clipped(resize(plate, limit_side(size, _SEEN), cv2.INTER_NEAREST), gains)
    if not small.any():
        return plate
    clipped = _clipped(plate, gains)
    seen, whole = cv2.min(picture, clipped), cv2.inRange(small, (255,) * 3, (255,) * 3)
    if whole.any():
        least, most = _limits(whole, resize(picture, limit_side(size, _SEEN), cv2.INTER_NEAREST), gains)
        seen = cv2.max(seen, cv2.min(resize(least, size), clipped))
        seen = cv2.min(seen, resize(most, size))
    return cv2.max(plate, seen)


def _clipped(plate: Picture, gains: Gains) -> Picture:
    """Return 255 where a channel of a scaled plate was clipped, and 0 elsewhere."""
    below = [math.ceil(_CLIPPED * gain) - 1 if gain < 1 else 255 for gain in gains]
    return cv2.threshold(cv2.subtract(plate, (*below, 0)), 0, 255, cv2.THRESH_BINARY)[1]


def _limits(whole: NDArray[np.uint8], picture: Picture, gains: Gains) -> tuple[Picture, Picture]:
    """Return the least and the most that a small copy (h, w, 3) of the background may have in ``whole`` highlights."""
    count, labels = cv2.connectedComponents(whole, connectivity=8)
    bright = cv2.inRange(picture, tuple(_CLIPPED * gain for gain in gains), (255,) * 3)
    there = np.flatnonzero(cv2.bitwise_and(whole, bright))
    colours, numbers = picture.reshape(-1, 3).take(there, axis=0), labels.take(there)
    order = np.lexsort((colours.sum(axis=1, dtype=np.intp), numbers))
    areas = np.bincount(numbers, minlength=count)
    middles = np.cumsum(areas) - (areas + 1) // 2
    least, most = np.zeros((count, 3), np.uint8), np.full((count, 3), 255, np.uint8)
    known = areas > 0
    if known.any():
        median = colours[order[middles[known]]].astype(np.intp)
        least[known] = np.maximum(median - _VARIES, 0)
        most[known] = np.minimum(median + _VARIES, 255)
    return least[labels], most[labels]
