"""Differences of edges."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.metrics.differences import Region, Values, check_shapes, unit

Border = Literal["symmetric", "replicate"]
"""What lies beyond a picture's edge: the picture mirrored, its last pixel twice; or its last pixel for ever."""

_BORDERS = {"symmetric": cv2.BORDER_REFLECT, "replicate": cv2.BORDER_REPLICATE}
_SIGMA = 1.4


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
