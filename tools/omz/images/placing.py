"""What a subject is placed before, at the size of its picture."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2

from omz.images.arrays import Picture, Size
from omz.images.compositing import cover
from omz.images.geometry import fit_inside, resize

Placing: TypeAlias = Literal["cover", "contain", "stretch", "tile"]
"""How a target of another size is made to fit."""


def place(target: Picture, size: Size, fit: Placing, fill: tuple[int, int, int] = (0, 0, 0)) -> Picture:
    """Return ``target`` at ``size`` (height, width).

    ``cover`` keeps its proportions and cuts off what is too much, at both sides alike; ``contain`` shows the whole of
    it in the middle, with bars of the BGR colour ``fill``; ``stretch`` does not keep its proportions; ``tile`` repeats
    it at its own size from the upper left corner. A target of a single pixel is a colour, and fills the size however
    it is to fit. One that has the size already is returned itself.
    """
    if target.shape[:2] == size:
        return target
    if target.shape[:2] == (1, 1):
        return cv2.copyMakeBorder(target, 0, size[0] - 1, 0, size[1] - 1, cv2.BORDER_REPLICATE)
    if fit == "cover":
        return cover(target, size)
    if fit == "stretch":
        return resize(target, size)
    return _contain(target, size, fill) if fit == "contain" else _tile(target, size)


def _contain(target: Picture, size: Size, fill: tuple[int, int, int]) -> Picture:
    height, width = fit_inside((target.shape[0], target.shape[1]), size).inner
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    below, right = size[0] - height - top, size[1] - width - left
    inner = resize(target, (height, width))
    return cv2.copyMakeBorder(inner, top, below, left, right, cv2.BORDER_CONSTANT, value=fill)


def _tile(target: Picture, size: Size) -> Picture:
    target = target[: size[0], : size[1]]
    below, right = size[0] - target.shape[0], size[1] - target.shape[1]
    return cv2.copyMakeBorder(target, 0, below, 0, right, cv2.BORDER_WRAP)
