"""Placement of a new background, at the size of the picture."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2

from omz.images.arrays import Picture, Size
from omz.images.compositing import cover
from omz.images.geometry import fit_inside, resize

Placing: TypeAlias = Literal["cover", "contain", "stretch", "tile"]
"""How to fit a target of another size."""


_BLACK = (0, 0, 0, 255)


def place(target: Picture, size: Size, fit: Placing) -> Picture:
    """Return ``target``, (H, W, 3), or (H, W, 4) premultiplied, at ``size`` (height, width).

    ``cover`` keeps its proportions and crops both sides alike; ``contain`` shows the whole of it in the middle, between
    black bars; ``stretch`` does not keep its proportions; ``tile`` repeats it at its own size from the upper left
    corner. A target of a single pixel is a colour, and always fills the size. A target that fits is returned itself.
    """
    if target.shape[:2] == size:
        return target
    if target.shape[:2] == (1, 1):
        return cv2.copyMakeBorder(target, 0, size[0] - 1, 0, size[1] - 1, cv2.BORDER_REPLICATE)
    if fit == "cover":
        return cover(target, size)
    if fit == "stretch":
        return resize(target, size)
    if fit == "contain":
        return _contain(target, size)
    return _tile(target, size)


def _contain(target: Picture, size: Size) -> Picture:
    height, width = fit_inside((target.shape[0], target.shape[1]), size).inner
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    below, right = size[0] - height - top, size[1] - width - left
    inner = resize(target, (height, width))
    return cv2.copyMakeBorder(inner, top, below, left, right, cv2.BORDER_CONSTANT, value=_BLACK)


def _tile(target: Picture, size: Size) -> Picture:
    target = target[: size[0], : size[1]]
    below, right = size[0] - target.shape[0], size[1] - target.shape[1]
    return cv2.copyMakeBorder(target, 0, below, 0, right, cv2.BORDER_WRAP)
