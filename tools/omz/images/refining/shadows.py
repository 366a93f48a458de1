"""Shadows that a subject casts on its background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Colours, Field, Size
from omz.images.geometry import resize
from omz.images.refining.evidence import Noise, disc

_WINDOW = 9  # pixels
_DARKEST, _BRIGHTEST = 0.35, 1.05  # share of the plate's light that a shadow leaves; reflections add some
_NOISE, _FLOOR = 2.0, 0.01  # what the darkened plate may differ by: so many times the noise, and this
_SURE, _EDGE = 0.9, 3  # an alpha, and pixels inside its outline, where nothing is a shadow but a rim
_CLEARLY = 0.95  # share of the plate's light from which on nothing is clearly darkened
_RIM, _OF_SUBJECT = 1 / 20, 0.3  # depth of a rim, at most: of the longer side, and of the subject's largest depth
_NOTABLE = 0.001  # share of the image: a smaller rim harms nobody, and may be fur
_ACROSS = 0.1  # share of a middle line: across a limb it is half
_TOUCHING = 2.0  # pixels from the outline at which a rim begins
_SMOOTH = 8.0  # pixels: shadows are soft
_BESIDE = 16.0  # pixels: a shadow on the edge of a subject goes on so far outside
_ENOUGH = 2 / 3  # share of what is outside there that is shaded
_EMPTY = 0.1  # an alpha below which a pixel is outside
_PARTS = 4  # pixels, each way, for one of the copies in which that is measured


@dataclass(frozen=True)
class Shadow:
    """Where the background is darkened: ``share`` (H, W), 0 to 1, how surely; ``gain`` (H, W), the light left.

    ``rim`` (H, W), 0 to 1, is the part of it that a network takes for the rim of its subject.
    """

    share: Field
    gain: Field
    rim: Field


@dataclass(frozen=True)
class Light:
    """A plate with another light: ``gain``, by how much it is to be multiplied to look like the picture; (H, W) each.

    ``likeness``, 0 to 1, says how surely it looks like it then; ``strength`` is the mean of the plate's colours,
    squared and added up.
    """

    gain: Field
    likeness: Field
    strength: Field

    @cached_property
    def is_shaded(self) -> NDArray[np.bool_]:
        """Where the picture looks like the plate with clearly less light, (H, W)."""
        return (self.likeness > 0.5) & (self.gain > _DARKEST) & (self.gain < _CLEARLY)


def light_left(picture: Colours, plate: Colours, noise: Noise, side: int = _WINDOW) -> Light:
    """Return by how much ``plate`` (H, W, 3) is to be multiplied, in windows of a ``side``, to look like ``picture``.

    The gain is that of least squares, ``sum(I B) / sum(B**2)``.
    """
    window = (side, side)
    pairs = ((picture, plate), (plate, plate), (picture, picture))
    products = [cv2.transform(one * other, np.ones((1, 3), np.float32)) for one, other in pairs]
    crossed, squared = (cv2.blur(product, window) for product in products[:2])
    gain = (crossed + np.float32(1e-4)) / (squared + np.float32(1e-4))
    rest = (products[1] * gain - 2 * products[0]) * gain + products[2]  # the square of picture less gain times plate
    variance = cv2.blur(rest, window) * np.float32(1 / 3)
    error = np.sqrt(np.maximum(variance, 0))  # the blur's running sums may end just below 0
    likeness = np.clip(2 - error / np.float32(_NOISE * noise.mean() + _FLOOR), 0, 1)
    return Light(gain, likeness, squared)


def find_shadow(light: Light, alpha: Alpha, whole: Size) -> Shadow:
    """Find where a picture is its plate with less ``light`` in all channels alike, outside the subject of ``alpha``.

    On the edge of the subject there is a shadow where there is one beside: clothes may look like a darkened plate, too.
    ``whole`` is the size of the image, of which these may be a part.
    """
    gain, share = light.gain, light.likeness.copy()
    share *= (gain > _DARKEST) & (gain < 1)
    rim = _rim(light.is_shaded, alpha, whole)
    inside = cv2.erode((alpha > _SURE).astype(np.uint8), disc(_EDGE)) > 0
    share *= np.where(inside, rim, 1)
    share *= np.minimum(1, _weighted_mean(light.is_shaded, alpha < _EMPTY, _BESIDE) / np.float32(_ENOUGH))
    share = cv2.GaussianBlur(share, (0, 0), 2)
    weight = share + np.float32(1e-3) * (alpha < 0.02)
    smooth = np.clip(_weighted_mean(gain, weight, _SMOOTH), _DARKEST, _BRIGHTEST)
    return Shadow(share, smooth, cv2.GaussianBlur(rim, (0, 0), 2))


def _weighted_mean(field: Field | NDArray[np.bool_], weight: Field | NDArray[np.bool_], reach: float) -> Field:
    """Return the mean of ``field`` around each pixel, by ``weight``; measured in smaller copies, for it is smooth."""
    size = field.shape[0], field.shape[1]
    small = max(1, size[0] // _PARTS), max(1, size[1] // _PARTS)
    layers = (resize(layer.astype(np.float32), small) for layer in (field * weight, weight))
    weighted, total = (cv2.GaussianBlur(layer, (0, 0), reach / _PARTS) for layer in layers)
    return resize(weighted / np.maximum(total, np.float32(1e-6)), size)


def _rim(shaded: NDArray[np.bool_], alpha: Alpha, whole: Size) -> Field:
    """Return where the subject of ``alpha`` has a rim that is ``shaded`` background, (H, W), 0 or 1.

    A network takes the darkest part of a shadow for a part of the subject. Clothes of the plate's tint look shaded,
    too, but they reach further inside, or across a limb, over its middle line.
    """
    solid, notable = (alpha > 0.5).astype(np.uint8), _NOTABLE * math.prod(whole)
    if np.count_nonzero(solid & shaded) < notable:
        return np.zeros(alpha.shape, np.float32)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    most = min(max(whole) * _RIM, float(depth.max()) * _OF_SUBJECT)
    count, labels = cv2.connectedComponents(solid & shaded, connectivity=4)
    middle = cv2.dilate(depth, np.ones((3, 3), np.uint8)) - depth < 0.5
    places = labels > 0
    number, depths = labels[places], depth[places]
    nearest, deepest = np.full(count, np.inf), np.zeros(count)
    np.minimum.at(nearest, number, depths)
    np.maximum.at(deepest, number, depths)
    area, in_the_middle = np.bincount(number, None, count), np.bincount(number, middle[places], count)
    chosen = (nearest <= _TOUCHING) & (deepest <= most) & (area >= notable)
    chosen &= in_the_middle * deepest < _ACROSS * area
    rim: Field = chosen[labels].astype(np.float32)
    return rim
