"""Resizing: pictures to the size of a network's input, and results back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Size

Array = TypeVar("Array", bound=NDArray[Any])

_LARGE = 900_000  # pixels


def resize(image: Array, size: Size, interpolation: int | None = None) -> Array:
    """Resize (H, W) or (H, W, C) to ``size`` (height, width).

    ``interpolation`` is a flag of OpenCV; by default area to shrink, linear to grow.
    """
    if image.shape[:2] == size:
        return image
    if interpolation is None:
        shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
        return _shrunk(image, size) if shrinks else cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, size[::-1], interpolation=interpolation)


def _shrunk(image: Array, size: Size) -> Array:
    """Return ``image`` shrunk to ``size`` by the mean of areas.

    OpenCV halves ten times as fast as it shrinks by other factors, so a large image is halved first. From three pixels
    to two, as from 1080 lines to 720, lines between neighbours are four times as fast: their weights, 3/4 and 1/4, are
    nearly those of areas, 2/3 and 1/3.
    """
    height, width = image.shape[0], image.shape[1]
    if height * width < _LARGE:
        return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    if height % 2 == width % 2 == 0 and height >= 2 * size[0] and width >= 2 * size[1]:
        return resize(cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA), size)
    is_three_to_two = 2 * height == 3 * size[0] and 2 * width == 3 * size[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR if is_three_to_two else cv2.INTER_AREA)


def limit_side(shape: tuple[int, ...], side: int) -> Size:
    """Return the size of an image of ``shape`` once its longer side is at most ``side`` pixels."""
    scale = min(1.0, side / max(shape[:2]))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def scaling(shape: tuple[int, ...], size: Size) -> NDArray[np.float64]:
    """Return the homography (3, 3) from an image of ``shape`` to its copy of ``size``, by the centres of pixels."""
    x, y = size[1] / shape[1], size[0] / shape[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def rescaled(homography: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ``homography`` (3, 3) of two images as that of their copies, by their :func:`scaling`."""
    return scale @ homography @ np.linalg.inv(scale)


@dataclass(frozen=True)
class Fit:
    """Placement of a picture of size ``original`` in a network's input of size ``padded``.

    The picture, resized to ``inner``, fills the upper left corner; its edge pixels repeat to the right and below. All
    sizes are (height, width). ``interpolation`` is that of :func:`resize`, both ways.
    """

    original: Size
    inner: Size
    padded: Size
    interpolation: int | None = None

    @property
    def is_resized(self) -> bool:
        """Whether the network sees the picture at another size."""
        return self.inner != self.original

    def apply(self, image: Array) -> Array:
        """Return ``image``, of size ``original``, as input for the network."""
        inner = resize(image, self.inner, self.interpolation)
        if self.inner == self.padded:
            return inner
        below, right = self.padded[0] - self.inner[0], self.padded[1] - self.inner[1]
        return cv2.copyMakeBorder(inner, 0, below, 0, right, cv2.BORDER_REPLICATE)

    def undo(self, result: Array) -> Array:
        """Return the part of ``result``, of size ``padded``, that the picture covers, at size ``original``."""
        return resize(self.inside(result), self.original, self.interpolation)

    def inside(self, result: Array) -> Array:
        """Return the part of ``result``, of size ``padded``, that the picture covers, at size ``inner``."""
        covered: Any = result[: self.inner[0], : self.inner[1]]
        return covered


def fit_padded(original: Size, multiple: int, most: int, side: int | None = None, growth: float = 1.0) -> Fit:
    """Fit a picture into the next size that is a ``multiple``: at its own size, unless that is too large.

    It has at most ``most`` pixels then. With a ``side``, its longer side has so many pixels; a smaller picture is
    enlarged to that, at most ``growth`` times.
    """
    inner = original
    if side is not None:
        scale = min(growth, side / max(original))
        inner = max(1, round(original[0] * scale)), max(1, round(original[1] * scale))
    if inner[0] * inner[1] > most:
        scale = (most / (inner[0] * inner[1])) ** 0.5
        inner = max(1, int(inner[0] * scale)), max(1, int(inner[1] * scale))
    return Fit(original, inner, _next_multiple(inner, multiple))


def fit_inside(original: Size, available: Size, multiple: int = 1) -> Fit:
    """Fit a picture into the fixed size ``available``, as large as its proportions allow.

    What the network gets is that size, padded to the next ``multiple``.
    """
    scale = min(available[0] / original[0], available[1] / original[1])
    height = min(available[0], max(1, round(original[0] * scale)))
    width = min(available[1], max(1, round(original[1] * scale)))
    return Fit(original, (height, width), _next_multiple(available, multiple))


def _next_multiple(size: Size, multiple: int) -> Size:
    return size[0] + -size[0] % multiple, size[1] + -size[1] % multiple


def fit_stretched(original: Size, available: Size) -> Fit:
    """Fit a picture into the fixed size ``available`` as a whole, by cubic interpolation; proportions are not kept."""
    return Fit(original, available, available, cv2.INTER_CUBIC)
