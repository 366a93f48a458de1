"""The metrics of Open Model Zoo's matting cards (convention ``omz``), each a pure function of two arrays.

Alphas are (H, W), foregrounds (H, W, 3), 0 to 1, predictions not clipped. Sums run in float64. Lower is better.
Formulas: Open Model Zoo's accuracy checker (``metrics/background_matting.py``), after BackgroundMattingV2's evaluation.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_SIGMA = 1.4
_FOREGROUND_ALPHA = 0.01


def alpha_mad(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return 1000 times the mean absolute difference of two alphas."""
    return 1e3 * float(np.mean(np.abs(_difference(predicted, truth))))


def alpha_mse(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return 1000 times the mean squared difference of two alphas."""
    return 1e3 * float(np.mean(np.square(_difference(predicted, truth))))


def alpha_grad(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Return a thousandth of the summed squared difference of gradient magnitudes; depends on the picture's size.

    Gradients are those of a Gaussian of sigma 1.4 (Rhemann et al., "A Perceptually Motivated Online Benchmark for
    Image Matting", 2009), the picture mirrored at its borders.
    """
    _check(predicted, truth)
    return float(np.sum(np.square(_gradient(predicted) - _gradient(truth)))) / 1e3


def foreground_mse(predicted: NDArray[np.floating], truth: NDArray[np.floating], alpha: NDArray[np.floating]) -> float:
    """Return 1000 times the mean squared difference of colours where the true ``alpha`` is above 0.01.

    It is not a number (NaN) where there is no such pixel.
    """
    present = alpha > _FOREGROUND_ALPHA
    if not present.any():
        return math.nan
    return 1e3 * float(np.mean(np.square(_difference(predicted, truth)[present])))


def _difference(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> NDArray[np.float64]:
    _check(predicted, truth)
    return predicted.astype(np.float64) - truth


def _check(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> None:
    if predicted.shape != truth.shape:
        raise ValueError(f"shapes differ: {predicted.shape} predicted, {truth.shape} true")


def _gradient(alpha: NDArray[np.floating]) -> NDArray[np.float64]:
    smooth, slope = _gaussian_taps(_SIGMA)
    image = alpha.astype(np.float64)
    along_x = cv2.sepFilter2D(image, -1, slope, smooth, borderType=cv2.BORDER_REFLECT)
    along_y = cv2.sepFilter2D(image, -1, smooth, slope, borderType=cv2.BORDER_REFLECT)
    return np.hypot(along_x, along_y)


def _gaussian_taps(sigma: float, faintest: float = 0.01) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Gaussian and its derivative, scaled so that their outer product has unit L2 norm."""
    reach = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * faintest)))
    x = np.arange(-reach, reach + 1, dtype=np.float64)
    gaussian = np.exp(-np.square(x) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    derivative = -x * gaussian / sigma**2
    return gaussian, derivative / np.linalg.norm(np.outer(gaussian, derivative))
