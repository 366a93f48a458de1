"""Compositing: alpha and foreground to images, also before the blurred scene behind the subject."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Colours, Picture, Pixels, Size
from omz.images.geometry import resize

_SUBJECT = 1 / 8  # from this alpha on, a pixel says nothing about the background
_GUESSED = 8  # pixels of the picture to one of the guess behind the subject, which the blur hides
_KERNEL = 16  # a longer kernel works on a smaller picture
_FAINT = 0.1  # share of background from which on a pixel counts more than its surroundings
_LEAST = 1e-6  # far below what a single level of a single pixel weighs


def cutout(alpha: Alpha, foreground: Colours) -> NDArray[np.uint8]:
    """Return the subject on transparency: (H, W, 4) uint8 BGRA, straight (not premultiplied) alpha."""
    return np.dstack([to_uint8(foreground), to_uint8(alpha)])


def composite(alpha: Alpha, foreground: Colours, target: Picture) -> Picture:
    """Return the subject before ``target``, of the same size: ``alpha * foreground + (1 - alpha) * target``."""
    weight = alpha[..., None]
    behind = target.astype(np.float32) * np.float32(1 / 255)
    return to_uint8(behind + weight * (foreground - behind))


def blend(alpha: Pixels, foreground: Picture, target: Picture) -> Picture:
    """Return the subject before ``target``: ``alpha * foreground + (1 - alpha) * target``, rounded to the nearest.

    ``alpha`` is (H, W) uint8 or uint16 levels, the pictures are uint8 BGR of its size. Where alpha is 0 or full the
    result is the target or the foreground, exactly.
    """
    weight = alpha.astype(np.float32)
    return cv2.blendLinear(foreground, target, weight, np.iinfo(alpha.dtype).max - weight)  # divides by their sum


def cutout_levels(alpha: Pixels, foreground: Picture, shadow: Pixels | None = None) -> Pixels:
    """Return the subject on transparency: (H, W, 4) BGRA in the depth of ``alpha``, straight (not premultiplied).

    A ``shadow`` (H, W), the alpha of black in the same depth, lies under the subject: with alpha a and shadow s, the
    result has alpha ``a + (1 - a) * s``, and premultiplied colours ``a * foreground``.
    """
    if shadow is not None:
        covered = cover_both(alpha, shadow)
        own = np.where(covered > 0, alpha, 1)  # colours stay where nothing is seen
        black = (covered - alpha).astype(np.float32)
        foreground = cv2.blendLinear(foreground, np.zeros_like(foreground), own.astype(np.float32), black)
        alpha = covered
    colours: Pixels = foreground
    if alpha.dtype == np.uint16:
        colours = foreground.astype(np.uint16) * np.uint16(257)
    return cv2.merge([colours, alpha])


def cover_both(alpha: Pixels, shadow: Pixels | None) -> Pixels:
    """Return how far a subject of ``alpha`` (H, W) and its ``shadow``, of the same depth, hide what is behind them."""
    if shadow is None:
        return alpha
    full = np.iinfo(alpha.dtype).max
    seen = (full - alpha) * (shadow.astype(np.float32) * np.float32(1 / full))
    return alpha + np.rint(seen).astype(alpha.dtype)


def in_shadow(target: Picture, shadow: Pixels | None) -> Picture:
    """Return ``target``, (H, W, 3) BGR or (H, W, 4) premultiplied, under a ``shadow`` (H, W), the alpha of black."""
    if shadow is None:
        return target
    black = np.zeros_like(target)
    black[..., 3:] = 255
    return blend(shadow, black, target)


def cover(target: Picture, size: Size) -> Picture:
    """Return ``target`` at ``size`` (height, width): scaled to cover it, proportions kept, then cropped."""
    scale = max(size[0] / target.shape[0], size[1] / target.shape[1])
    height, width = max(size[0], round(target.shape[0] * scale)), max(size[1], round(target.shape[1] * scale))
    scaled = resize(target, (height, width))
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return scaled[top : top + size[0], left : left + size[1]]


def to_uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return 0 to 1 as 0 to 255, clipped and rounded to the nearest level."""
    return cv2.convertScaleAbs(np.clip(values, 0, 1), alpha=255.0).reshape(values.shape)


def blur_behind(picture: Picture, alpha: Pixels, strength: int) -> Picture:
    """Return ``picture`` (H, W, 3) out of focus, without the subject that ``alpha`` (H, W) marks.

    ``strength`` is the side, in pixels, of the box that is averaged, as in Open Model Zoo's ``--blur_bgr``; below 2
    nothing is blurred. The subject is first painted over with the background around it, so that its colours do not
    leak into the blur.
    """
    if strength < 2:
        return picture
    size = picture.shape[0], picture.shape[1]
    smaller = _smaller(size, -(-strength // _KERNEL))
    empty = _without_subject(picture, _background_weight(alpha), smaller)
    side = max(1, round(strength * smaller[1] / size[1]))
    return resize(cv2.blur(empty, (side, side)), size)


def _background_weight(alpha: Pixels) -> NDArray[np.uint8]:
    """Return how much each pixel tells about the background, 0 to 255."""
    if alpha.dtype == np.uint16:
        alpha = (alpha >> 8).astype(np.uint8)
    table = np.clip(255 - np.arange(256) / _SUBJECT, 0, 255).astype(np.uint8)
    weight = cv2.LUT(alpha, table)
    if not weight.any():
        weight[...] = 255  # nobody will see the background
    return weight


def _without_subject(picture: Picture, background: NDArray[np.uint8], size: Size) -> Picture:
    """Return ``picture`` at ``size``, the subject painted over with its surroundings."""
    known = _times(picture, background)
    coarse = _smaller((picture.shape[0], picture.shape[1]), _GUESSED)
    weight = resize(background, coarse).astype(np.float32) * np.float32(1 / 255)
    guess = cv2.convertScaleAbs(_spread(resize(known, coarse).astype(np.float32), weight))
    return cv2.add(resize(known, size), _times(resize(guess, size), cv2.bitwise_not(resize(background, size))))


def _times(picture: Picture, weight: NDArray[np.uint8]) -> Picture:
    return cv2.multiply(picture, cv2.merge([weight] * 3), scale=1 / 255)


def _spread(colours: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``colours / weight`` where there is weight, and a smooth continuation elsewhere.

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
