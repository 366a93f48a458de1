"""Comparison of a picture with its plate: how much noise the two have, and where they differ by more."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Field, Picture

Noise = NDArray[np.float32]
"""(3,), BGR, of 1: the standard deviation of what differs between a picture and its plate where nothing has changed."""

_BACKGROUND = 0.02  # an alpha below which a pixel is background
_APART = 8  # pixels from an edge on, it is surely so
_ENOUGH, _MANY = 500, 20_000  # pixels that make a mean, and more than which do not make a better one
_USUAL, _LEAST = 3 / 255, 1 / 255
_LOWER, _LOWER_MEAN = 0.75, 0.5148  # share of the smallest absolute values, and their mean in a normal distribution
_BLURRED = 3  # pixels, and what is left of noise after that, with what JPEG files add
_LEFT = 1.2
_FITS = (5 / 255, 12 / 255)  # noise up to which a plate fits, and from which on it tells nothing of a pixel
_MISPLACED = 0.5  # of the range of the plate's colours around a pixel: what an error of a fraction of a pixel changes


def noise_level(picture: Picture, plate: Picture, alpha: Alpha) -> Noise:
    """Return the noise of ``picture`` and ``plate`` (H, W, 3) in each channel, seen where ``alpha`` is nearly 0."""
    background = cv2.erode((alpha < _BACKGROUND).astype(np.uint8), np.ones((2 * _APART + 1, 2 * _APART + 1), np.uint8))
    places = np.flatnonzero(background)
    places = places[:: max(1, len(places) // _MANY)]
    if len(places) < _ENOUGH:
        return np.full(3, _USUAL, np.float32)
    seen, empty = (image.reshape(-1, 3).take(places, axis=0) for image in (picture, plate))
    means = [_lower_mean(channel) for channel in cv2.absdiff(seen, empty).T]
    return np.maximum(np.array(means, np.float32) * np.float32(1 / 255 / _LOWER_MEAN), np.float32(_LEAST))


def _lower_mean(differences: NDArray[np.uint8]) -> float:
    """Return the mean of the smaller ones, which what has moved or changed hardly reaches."""
    count = round(len(differences) * _LOWER)
    until = np.minimum(np.bincount(differences, minlength=256).cumsum(), count)
    return float(np.diff(until, prepend=0) @ np.arange(256) / count)


def difference_in_noise(picture: Picture, plate: Picture, noise: Noise) -> Field:
    """Return by how many times the noise each pixel differs from its plate, (H, W), in the channel that differs most.

    An edge of the plate that lies a fraction of a pixel elsewhere does not count.
    """
    new, old = (cv2.boxFilter(image, cv2.CV_16S, (_BLURRED, _BLURRED), normalize=False) for image in (picture, plate))
    edges = cv2.morphologyEx(old, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    full = 255 * _BLURRED**2
    largest: Field | None = None
    for channel, (change, edge) in enumerate(zip(cv2.split(cv2.absdiff(new, old)), cv2.split(edges), strict=True)):
        tolerance = edge * np.float32(_MISPLACED)
        tolerance += np.float32(full * _LEFT) * noise[channel]
        times = np.divide(change, tolerance, out=tolerance)
        largest = times if largest is None else cv2.max(largest, times)
    assert largest is not None
    return largest


def trust_in_plate(noise: Noise) -> float:
    """Return how far a plate can be trusted, 0 to 1, by the ``noise`` of what differs from it."""
    fits, fails = _FITS
    return float(np.clip((fails - noise.mean()) / (fails - fits), 0, 1))


def disc(radius: int) -> NDArray[np.uint8]:
    """Return a disc, as OpenCV's morphology takes it."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
