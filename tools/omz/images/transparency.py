"""Transparency of what comes in: what a network sees there, and what becomes of its results."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Colours, Picture, Pixels
from omz.images.compositing import blend, in_shadow, to_uint8
from omz.images.depth import opacity_as

GREY = 128
"""Level of what stands behind a transparent image without a plate: neither a dark nor a light subject melts into it."""

Levels = TypeVar("Levels", Pixels, NDArray[np.float32])
Foreground = TypeVar("Foreground", Picture, Colours)


def over(picture: Picture, opacity: Pixels | None, behind: Picture | None = None) -> Picture:
    """Return what a network is to see of an image: before ``behind``, the plate, or else before grey.

    Where it is transparent nothing differs from the plate then. An image whose ``opacity`` is None is returned itself.
    """
    if opacity is None:
        return picture
    if behind is None:
        behind = np.full_like(picture, GREY)
    return blend(opacity, picture, behind)


def without_gaps(plate: Picture) -> Picture:
    """Return a plate, (H, W, 4) BGRA, with its own colours, and grey where nothing is seen; an opaque one itself."""
    if plate.shape[2] == 3:
        return plate
    colours = np.ascontiguousarray(plate[..., :3])
    colours[plate[..., 3] == 0] = GREY
    return colours


def keep_transparency(
    alpha: Levels, foreground: Foreground, opacity: Pixels | None, picture: Picture
) -> tuple[Levels, Foreground]:
    """Return alpha and foreground within an image's own transparency.

    Alpha is at most the ``opacity`` of the image, in any depth. Where the image is half transparent and the network
    takes all of it for the subject, its colours in ``picture`` are the foreground: what the network saw was a mixture
    with something that is not in the image.
    """
    if opacity is None:
        return alpha, foreground
    levels: NDArray[Any] = alpha
    if alpha.dtype == np.float32:
        levels = to_uint8(levels)  # so that floats keep the colours that 8 bits keep
    takes_all = levels >= opacity_as(opacity, levels.dtype)
    is_own = (opacity_as(opacity, alpha.dtype) > 0) & (opacity < np.iinfo(opacity.dtype).max) & takes_all
    own = picture if foreground.dtype == np.uint8 else picture / np.float32(255)
    kept = np.where(is_own[..., None], own, foreground).astype(foreground.dtype, copy=False)
    return opacity_within(alpha, opacity), kept


def opacity_within(alpha: Levels, opacity: Pixels | None) -> Levels:
    """Return ``alpha``, at most the ``opacity`` of its image, which may have another depth."""
    if opacity is None:
        return alpha
    return np.minimum(alpha, opacity_as(opacity, alpha.dtype))


def shadow_within(shadow: Alpha, alpha: Alpha, limit: Alpha) -> Alpha:
    """Return a ``shadow`` (H, W) that, under a subject of ``alpha``, hides no more than a ``limit``, 0 to 1 each.

    With alpha a and limit l, it is at most ``(l - a) / (1 - a)``.
    """
    return np.minimum(shadow, np.maximum(limit - alpha, 0) / np.maximum(1 - alpha, np.float32(1e-6)))


def shadow_levels_within(shadow: Pixels, alpha: Pixels, opacity: Pixels | None) -> Pixels:
    """Return :func:`shadow_within` in levels of ``alpha``, for the ``opacity`` of an image, in any depth."""
    if opacity is None:
        return shadow
    limit = opacity_as(opacity, alpha.dtype)
    planes = [opacity_as(each, np.float32) for each in (shadow, alpha, limit)]
    return np.rint(shadow_within(*planes) * np.float32(np.iinfo(alpha.dtype).max)).astype(alpha.dtype)


def premultiplied(picture: Picture, opacity: Pixels | None) -> Picture:
    """Return (H, W, 4) uint8 BGRA, premultiplied with its alpha, which can be resized; an opaque image itself."""
    if opacity is None:
        return picture
    alpha = opacity_as(opacity, np.uint8)
    return cv2.merge([blend(alpha, picture, np.zeros_like(picture)), alpha])


def compose(alpha: Pixels, foreground: Picture, target: Picture, shadow: Pixels | None = None) -> Picture:
    """Return the subject before a ``target``; as BGRA if that is partly transparent, (H, W, 4) premultiplied.

    A ``shadow`` (H, W) falls on the target: ``alpha * foreground + (1 - alpha) * (1 - shadow) * target``.
    """
    target = in_shadow(target, shadow)
    if target.shape[2] == 4:
        return composite_before(alpha, foreground, target)
    return blend(alpha, foreground, target)


def composite_before(alpha: Pixels, foreground: Picture, target: Picture) -> Picture:
    """Return the subject before a transparent ``target``, (H, W, 4) premultiplied, as (H, W, 4) uint8 straight BGRA."""
    share = opacity_as(alpha, np.float32)[..., None]
    subject = cv2.merge([foreground, np.full_like(alpha, 255, np.uint8)])
    mixed = target + share * (subject - target.astype(np.float32))
    mixed[..., :3] *= 255 / np.maximum(mixed[..., 3:], 1e-6)
    return cv2.convertScaleAbs(mixed)


def before_white(picture: Pixels, level: int = 255) -> Picture:
    """Return (H, W, 4) uint8 straight BGRA before white, or another grey, and any other picture itself."""
    if picture.ndim == 2 or picture.shape[2] == 3:
        return picture  # type: ignore[return-value]
    *colours, alpha = cv2.split(picture)
    merged = cv2.merge(colours)
    return blend(alpha, merged, np.full_like(merged, level))
