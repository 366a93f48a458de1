"""The guided filter: an alpha whose edges are those of a picture, at the size of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omz.images.arrays import Alpha, Field
from omz.images.geometry import resize

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


def guided(guide: Field, alpha: Alpha) -> Alpha:
    """Return ``alpha`` (h, w) at the size of ``guide`` (H, W), 0 to 1, with its edges where those of the guide are.

    The lines are found at the size of alpha and drawn at that of the guide: He and Sun, "Fast Guided Filter", 2015.
    """
    lines = find_lines(resize(guide, (alpha.shape[0], alpha.shape[1])), alpha)
    size = guide.shape[0], guide.shape[1]
    result = resize(lines.slope, size) * guide
    result += resize(lines.offset, size)
    return result
