"""Differences of how pixels hang together with the subject."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.metrics.differences import Region, Values, check_shapes, unit

_STEPS = 10
_TENTHS = (np.arange(_STEPS + 1) / _STEPS).astype(np.float32)
_SLACK = np.float32(0.15)


def connectivity_error(predicted: Values, truth: Values, region: Region | None = None) -> float:
    """Return the summed absolute difference of connectivities; depends on the picture's size.

    A pixel is connected up to the largest tenth at which it still belongs to the largest 4-connected area in which both
    alphas reach that tenth; what an alpha has above it, if 0.15 or more, counts as loose (Rhemann et al., "A
    Perceptually Motivated Online Benchmark for Image Matting", 2009). Areas are those of the whole picture; of equally
    large ones the first from above and left counts. Alphas are taken in float32, in which 153/255 reaches 0.6. One NaN
    anywhere makes the result NaN, for what it would have held together nobody knows.
    """
    check_shapes(predicted, truth, region)
    one, other = _single(predicted), _single(truth)
    lower = np.minimum(one, other)
    if not np.isfinite(lower).all():
        return math.nan
    level = _connected_up_to(lower)
    difference = np.subtract(_loose(one, level), _loose(other, level), dtype=np.float64)
    return float(np.abs(difference if region is None else difference[region]).sum())


def _single(alpha: Values) -> NDArray[np.float32]:
    return (alpha if alpha.dtype.kind == "f" else unit(alpha)).astype(np.float32, copy=False)


def _connected_up_to(lower: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest tenth up to which each pixel hangs together with the subject, given the lesser alpha."""
    reached = np.zeros(lower.shape, np.uint8)
    left, top, width, height = cv2.boundingRect((lower >= _TENTHS[1]).view(np.uint8))
    subject = np.s_[top : top + height, left : left + width]
    inside = np.ones((height, width), bool)
    for tenth in _TENTHS[1:]:
        if not inside.any():
            break
        inside &= _largest_area(lower[subject] >= tenth)
        reached[subject] += inside
    return _TENTHS[reached]


def _largest_area(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest 4-connected area of a mask, all of it where nothing is set."""
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    if count <= 2:  # what lies outside, and one area or none
        return mask
    sizes = np.bincount(labels.ravel())[1:]
    largest = 1 + np.flatnonzero(sizes == sizes.max())
    first = labels.ravel()[np.isin(labels, largest).argmax()] if len(largest) > 1 else largest[0]
    return labels == first


def _loose(alpha: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what an alpha has above ``level``, where that is enough to count: 1 less its connectivity."""
    above = alpha - level
    above *= above >= _SLACK
    return above
