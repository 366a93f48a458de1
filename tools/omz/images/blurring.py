"""The scene behind a subject, out of focus."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Picture, Size
from omz.images.files import Levels
from omz.images.geometry import resize

_SUBJECT = 1 / 8  # an alpha from which on a pixel says nothing about the background
_GUESSED = 8  # pixels of the picture to one of what is guessed behind the subject, which the blur hides
_KERNEL = 16  # a longer kernel works on a smaller picture
_FAINT = 0.1  # of a pixel: how much of it must be background to count against what is around it
_LEAST = 1e-6  # far below what a single level of a single pixel weighs


def blur_behind(picture: Picture, alpha: Levels, strength: int) -> Picture:
    """Return ``picture`` (H, W, 3) out of focus, without its subject, of which ``alpha`` (H, W) says where it is.

    ``strength`` is the side, in pixels, of the box that is averaged, as in Open Model Zoo's ``--blur_bgr``; below 2
    nothing is blurred. The subject is first painted over with the background around it, so that its colours reach no
    other pixel: the box does not know that it was there.
    """
    if strength < 2:
        return picture
    size = picture.shape[0], picture.shape[1]
    smaller = _smaller(size, -(-strength // _KERNEL))
    empty = _without_subject(picture, _background_weight(alpha), smaller)
    side = max(1, round(strength * smaller[1] / size[1]))
    return resize(cv2.blur(empty, (side, side)), size)


def _background_weight(alpha: Levels) -> NDArray[np.uint8]:
    """Return how much a pixel tells about the background, 0 to 255."""
    eight = alpha if alpha.dtype == np.uint8 else (alpha >> 8).astype(np.uint8)
    table = np.clip(255 - np.arange(256) / _SUBJECT, 0, 255).astype(np.uint8)
    weight = cv2.LUT(eight, table)
    return weight if weight.any() else np.full_like(weight, 255)  # nobody will see what is behind


def _without_subject(picture: Picture, background: NDArray[np.uint8], size: Size) -> Picture:
    """Return ``picture`` at ``size``, the subject painted over with what is around it."""
    known = _times(picture, background)
    coarse = _smaller((picture.shape[0], picture.shape[1]), _GUESSED)
    weight = resize(background, coarse).astype(np.float32) * np.float32(1 / 255)
    guess = cv2.convertScaleAbs(_spread(resize(known, coarse).astype(np.float32), weight))
    return cv2.add(resize(known, size), _times(resize(guess, size), cv2.bitwise_not(resize(background, size))))


def _times(picture: Picture, weight: NDArray[np.uint8]) -> Picture:
    return cv2.multiply(picture, cv2.merge([weight] * 3), scale=1 / 255)


def _spread(colours: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``colours / weight`` where there is weight, and a smooth continuation where there is none.

    ``colours`` (H, W, 3) have been multiplied with ``weight`` (H, W), 0 to 1. Source: the pull-push of Gortler et al.,
    "The Lumigraph", SIGGRAPH 1996.
    """
    size = weight.shape
    if size == (1, 1):
        return colours / max(float(weight[0, 0]), _LEAST)
    half = _smaller(size, 2)
    around = resize(_spread(resize(colours, half), resize(weight, half)), size)
    return (colours + _FAINT * around) / (weight + _FAINT)[..., None]


def _smaller(size: Size, scale: int) -> Size:
    return -(-size[0] // scale), -(-size[1] // scale)
