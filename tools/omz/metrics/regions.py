"""Regions: the pixels that count."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.metrics.differences import Region, Values, unit

UNKNOWN = 128
"""The grey of a trimap's unknown region."""

_DILATIONS = 10
_LEAST, _MOST = 0.06, 0.96
_EMPTY, _OPAQUE = 0.01, 0.99


def unknown_region(trimap: NDArray[np.uint8]) -> Region:
    """Return where a trimap is unknown; raises :class:`ValueError` where it is nowhere, or has greys of its own."""
    greys = set(np.flatnonzero(np.bincount(trimap.ravel(), minlength=UNKNOWN + 1)).tolist())
    others = sorted(greys - {0, UNKNOWN, 255})
    if others:
        told = ", ".join(map(str, others[:5])) + (", ..." if len(others) > 5 else "")
        raise ValueError(f"the trimap has grey {told}; an unknown pixel is grey {UNKNOWN}, any other is 0 or 255")
    if UNKNOWN not in greys:
        raise ValueError(f"the trimap has no unknown pixel, which is grey {UNKNOWN}; it has black and white alone")
    return trimap == UNKNOWN


def uncertain_region(truth: Values) -> Region:
    """Return the region that a trimap made of the true alpha leaves unknown.

    Where 0.06 < alpha < 0.96, and what lies closely around that: ten dilations, then ten erosions, by a 3x3 ellipse
    (PeterL1n/BackgroundMattingV2#143). Raises :class:`ValueError` where that is nowhere.
    """
    alpha = unit(truth)
    between = ((alpha > _LEAST) & (alpha < _MOST)).astype(np.uint8)
    if not between.any():
        raise ValueError(f"no pixel is unknown: the true alpha is nowhere between {_LEAST} and {_MOST}")
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    grown = cv2.dilate(between, ellipse, iterations=_DILATIONS)
    return cv2.erode(grown, ellipse, iterations=_DILATIONS).astype(bool)


def hair_band(truth: Values) -> Region:
    """Return where true alpha is between 0.01 and 0.99: hair, soft edges, motion blur."""
    return ~(subject(truth) | background(truth))


def subject(truth: Values) -> Region:
    """Return the inside of the subject, where true alpha is at least 0.99."""
    return unit(truth) >= _OPAQUE


def background(truth: Values) -> Region:
    """Return where true alpha is at most 0.01."""
    return unit(truth) <= _EMPTY


def edge_band(truth: Values, width: int) -> Region:
    """Return the pixels at most ``width`` from where true alpha is neither 0 nor 1, or goes straight from 0 to 1."""
    alpha = unit(truth)
    solid, empty = (alpha >= 1).astype(np.uint8), (alpha <= 0).astype(np.uint8)
    box = np.ones((3, 3), np.uint8)
    steps = (solid & cv2.dilate(empty, box)) | (empty & cv2.dilate(solid, box))
    edge = steps | (1 - (solid | empty))
    return cv2.dilate(edge, np.ones((2 * width + 1, 2 * width + 1), np.uint8)).astype(bool)
