"""Mattes to pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Colours, Picture, Size
from omz.images.files import Levels
from omz.images.geometry import resize


def cutout(alpha: Alpha, foreground: Colours) -> NDArray[np.uint8]:
    """Return the subject on transparency: (H, W, 4) uint8 BGRA, straight (not premultiplied) alpha."""
    return np.dstack([to_uint8(foreground), to_uint8(alpha)])


def composite(alpha: Alpha, foreground: Colours, target: Picture) -> Picture:
    """Return the subject before ``target``, of the same size: ``alpha * foreground + (1 - alpha) * target``."""
    weight = alpha[..., None]
    behind = target.astype(np.float32) * np.float32(1 / 255)
    return to_uint8(behind + weight * (foreground - behind))


def blend(alpha: Levels, foreground: Picture, target: Picture) -> Picture:
    """Return the subject before ``target``: ``alpha * foreground + (1 - alpha) * target``, rounded to the nearest.

    ``alpha`` is (H, W) uint8 or uint16 levels, the pictures are uint8 BGR of its size. Where alpha is 0 or full the
    result is the target or the foreground, exactly.
    """
    weight = alpha.astype(np.float32)
    return cv2.blendLinear(foreground, target, weight, np.iinfo(alpha.dtype).max - weight)  # divides by their sum


def cutout_levels(alpha: Levels, foreground: Picture) -> Levels:
    """Return the subject on transparency: (H, W, 4) BGRA in the depth of ``alpha``, straight (not premultiplied)."""
    colours = foreground if alpha.dtype == np.uint8 else foreground.astype(np.uint16) * np.uint16(257)
    return cv2.merge([colours, alpha])


def cover(target: Picture, size: Size) -> Picture:
    """Return ``target`` at ``size`` (height, width): scaled to cover it, proportions kept, the middle cut out."""
    scale = max(size[0] / target.shape[0], size[1] / target.shape[1])
    height, width = max(size[0], round(target.shape[0] * scale)), max(size[1], round(target.shape[1] * scale))
    scaled = resize(target, (height, width))
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return scaled[top : top + size[0], left : left + size[1]]


def to_uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return 0 to 1 as 0 to 255, clipped and rounded to the nearest level."""
    return cv2.convertScaleAbs(np.clip(values, 0, 1), alpha=255.0).reshape(values.shape)
