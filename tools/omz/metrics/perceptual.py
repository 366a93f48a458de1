"""Differences that people see: of edges, and of how pixels hang together with the subject."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.metrics.differences import Region, Values, check_shapes, unit

Border = Literal["symmetric", "replicate"]
"""Continuation of a picture beyond its edge: the picture mirrored, its last pixel twice; or its last pixel for ever."""

_BORDERS = {"symmetric": cv2.BORDER_REFLECT, "replicate": cv2.BORDER_REPLICATE}
_SIGMA = 1.4
_STEPS = 10
_TENTHS = (np.arange(_STEPS + 1) / _STEPS).astype(np.float32)
_SLACK = np.float32(0.15)


def gradient_error(
    predicted: Values,
    truth: Values,
    region: Region | None = None,
    border: Border = "symmetric",
    normalised: bool = False,
) -> float:
    """Return the summed squared difference of gradient magnitudes; depends on the picture's size.

    Gradients are those of a Gaussian of sigma 1.4 (Rhemann et al., "A Perceptually Motivated Online Benchmark for Image
    Matting", 2009), and computed over the whole picture. With ``normalised`` each alpha is stretched to 0 to 1 first; a
    constant one becomes 0, and one that is not finite somewhere NaN.
    """
    check_shapes(predicted, truth, region)
    one, other = (_gradient(unit(alpha), border, normalised) for alpha in (predicted, truth))
    return cv2.norm(one, other, cv2.NORM_L2SQR, None if region is None else region.astype(np.uint8))


def _gradient(image: NDArray[np.float64], border: Border, normalised: bool) -> NDArray[np.float64]:
    smooth, slope = _gaussian_taps(_SIGMA)
    if normalised:
        slope /= _range(image)  # the same as stretching the picture: what is added to it has no gradient
    along_x = cv2.sepFilter2D(image, -1, slope, smooth, borderType=_BORDERS[border])
    along_y = cv2.sepFilter2D(image, -1, smooth, slope, borderType=_BORDERS[border])
    return cv2.magnitude(along_x, along_y, along_x)  # in place, for fresh memory costs more than the sums


def _range(image: NDArray[np.float64]) -> float:
    """Return the highest value less the lowest; infinity where all are the same, NaN where one is not finite."""
    difference = float(image.max()) - float(image.min())
    return (difference or math.inf) if math.isfinite(difference) else math.nan


def _gaussian_taps(sigma: float, faintest: float = 0.01) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Gaussian and its derivative, scaled so that their outer product has unit L2 norm."""
    reach = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * faintest)))
    x = np.arange(-reach, reach + 1, dtype=np.float64)
    gaussian = np.exp(-np.square(x) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    derivative = -x * gaussian / sigma**2
    return gaussian, derivative / np.linalg.norm(np.outer(gaussian, derivative))


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
