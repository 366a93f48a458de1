"""The guided filter: an alpha whose edges are those of a picture, at the size of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Field
from omz.images.geometry import resize

_UNIT = np.float32(1 / 255)
_RADIUS = 2  # pixels of the alpha
REACH = 2 * _RADIUS
"""Pixels of the alpha up to which others change a line."""
_EPSILON = np.float32(1e-3)  # variance of the guide, of 1, below which it guides no more


@dataclass(frozen=True)
class Lines:
    """Alpha near each pixel as a line in the guide's values: ``slope`` times a value, plus ``offset``; both (H, W)."""

    slope: Field
    offset: Field


def find_lines(guide: Field, alpha: Alpha) -> Lines:
    """Return the lines that give ``alpha`` from ``guide``, (H, W), 0 to 1.

    He, Sun and Tang, "Guided Image Filtering", 2010.
    """
    window = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
    mean, mean_alpha = cv2.blur(guide, window), cv2.blur(alpha, window)
    slope = cv2.blur(guide * alpha, window)
    slope -= mean * mean_alpha
    variance = cv2.blur(guide * guide, window)
    variance -= mean * mean
    variance += _EPSILON
    slope /= variance
    mean_alpha -= slope * mean
    return Lines(cv2.blur(slope, window), cv2.blur(mean_alpha, window))


def guided_at(places: NDArray[np.intp], guide: NDArray[np.uint8], alpha: Alpha) -> Field:
    """Return ``alpha`` (H, W) at flat ``places``, with its edges where those of the grey ``guide`` (H, W) are.

    The lines are found at half of the size: He and Sun, "Fast Guided Filter", 2015.
    """
    size = alpha.shape[0], alpha.shape[1]
    half = -(-size[0] // 2), -(-size[1] // 2)
    lines = find_lines(resize(guide, half) * _UNIT, resize(alpha, half))
    found = resize(lines.slope, size).reshape(-1).take(places)
    found *= guide.reshape(-1).take(places) * _UNIT
    found += resize(lines.offset, size).reshape(-1).take(places)
    return found
