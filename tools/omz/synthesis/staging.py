"""Subjects set before a plate: where they stand, and what they and their surroundings do to each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from omz.images.arrays import Alpha, Colours, Picture, Size
from omz.synthesis.layer import Layer

_UNIT = np.float32(1 / 255)
_EIGHTH = 8  # shadows and local colours change slowly


@dataclass(frozen=True)
class Subject:
    """What stands in an image: ``alpha`` (H, W) and ``colour`` (H, W, 3) BGR, both float32, 0 to 1."""

    alpha: Alpha
    colour: Colours

    def over(self, other: Subject) -> Subject:
        """Return both, this one in front."""
        behind = other.alpha * (1 - self.alpha)
        alpha = self.alpha + behind
        share = np.where(alpha > 1e-4, self.alpha / np.maximum(alpha, 1e-4), 1)[..., None]
        return Subject(alpha, other.colour + share * (self.colour - other.colour))


def placed(layer: Layer, rng: np.random.Generator, size: Size, height: float) -> Subject:
    """Return a layer in an image of ``size``, ``height`` of it high; what is cut reaches the lower edge."""
    scale = height * size[0] / layer.alpha.shape[0]
    tall, wide = max(8, round(layer.alpha.shape[0] * scale)), max(8, round(layer.alpha.shape[1] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    parts = [cv2.resize(each, (wide, tall), interpolation=how) for each in (layer.colour, layer.alpha)]
    if rng.random() < 0.5:
        parts = [cv2.flip(each, 1) for each in parts]
    if not layer.cut and rng.random() < 0.5:
        turn = cv2.getRotationMatrix2D((wide / 2, tall / 2), float(rng.normal(0, 8)), 1)
        parts = [
            cv2.warpAffine(parts[0], turn, (wide, tall), borderMode=cv2.BORDER_REPLICATE),
            cv2.warpAffine(parts[1], turn, (wide, tall), borderValue=0),
        ]
    left = round(float(rng.normal(0.5, 0.2)) * size[1] - wide / 2)
    top = size[0] - tall + round(float(rng.uniform(0, 0.12)) * tall)
    if not layer.cut:
        top = round(float(rng.uniform(-0.1, 1.0)) * max(size[0] - tall, 0.1 * size[0]))
    return _framed(parts[0], parts[1], size, top, left)


def _framed(colour: Picture, alpha: np.ndarray, size: Size, top: int, left: int) -> Subject:
    """Return a part of an image at a place; its colours go on around it."""
    tall, wide = alpha.shape
    top, left = min(max(top, 1 - tall), size[0] - 1), min(max(left, 1 - wide), size[1] - 1)
    rows = slice(max(0, -top), min(tall, size[0] - top))
    columns = slice(max(0, -left), min(wide, size[1] - left))
    below, right = size[0] - top - rows.stop, size[1] - left - columns.stop
    around = max(0, top), below, max(0, left), right
    colours = cv2.copyMakeBorder(colour[rows, columns], *around, cv2.BORDER_REPLICATE)
    levels = cv2.copyMakeBorder(alpha[rows, columns], *around, cv2.BORDER_CONSTANT, value=0)
    return Subject(levels.astype(np.float32) * _UNIT, colours.astype(np.float32) * _UNIT)


def blurred(field: np.ndarray, sigma: float) -> np.ndarray:
    """Return a wide Gaussian blur, computed on an eighth of the resolution."""
    height, width = field.shape[:2]
    small = cv2.resize(field, (max(4, width // _EIGHTH), max(4, height // _EIGHTH)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), max(sigma / _EIGHTH, 0.6))
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)


def camouflaged(subject: Subject, plate: Colours, share: float, patches: np.ndarray) -> Subject:
    """Return a subject that takes the plate's local colour where ``patches`` (H, W) are 1, and keeps its own detail."""
    reach = 0.03 * plate.shape[0]
    local = blurred(subject.colour, reach)
    towards = blurred(plate, reach) - local
    colour = subject.colour + (share * patches)[..., None] * towards
    return Subject(subject.alpha, np.clip(colour, 0, 1).astype(np.float32))


def towards_skin(plate: Colours, subject: Subject, rng: np.random.Generator) -> Colours:
    """Return a plate whose mean is the colour of some point in the upper half of a subject: a wall like skin."""
    rows, columns = np.nonzero(subject.alpha[::8, ::8] > 0.95)
    upper = rows <= np.median(rows) if len(rows) else rows
    rows, columns = rows[upper], columns[upper]
    if not len(rows):
        return plate
    pick = int(rng.integers(len(rows)))
    y, x = 8 * rows[pick], 8 * columns[pick]
    colour = subject.colour[y : y + 8, x : x + 8].mean(axis=(0, 1))
    contrast = np.float32(rng.uniform(0.2, 0.8))
    return np.clip(colour + contrast * (plate - plate.mean(axis=(0, 1))), 0, 1).astype(np.float32)


@dataclass(frozen=True)
class Shadow:
    """A shadow on what is behind: ``strength`` 0 to 1, ``offset`` (x, y) and ``blur`` as shares of the height."""

    strength: float
    offset: tuple[float, float]
    blur: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Shadow:
        """Draw a cast shadow, or one of contact close to the subject."""
        if rng.random() < 0.3:
            return cls(float(rng.uniform(0.1, 0.6)), (float(rng.normal(0, 0.01)), 0.01), float(rng.uniform(0.01, 0.03)))
        offset = float(rng.normal(0, 0.1)), float(rng.normal(0.03, 0.05))
        return cls(float(rng.uniform(0.05, 0.6)), offset, float(rng.uniform(0.01, 0.08)))

    def factor(self, alpha: Alpha) -> Alpha:
        """Return what is left of the light behind a subject."""
        height, width = alpha.shape
        move = np.array([[1, 0, self.offset[0] * height], [0, 1, self.offset[1] * height]], np.float32)
        cast = cv2.warpAffine(alpha, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return 1 - np.float32(self.strength) * blurred(cast, self.blur * height)


def moved(subject: Subject, length: float, angle: float) -> Subject:
    """Return a subject that moves by ``length`` pixels during the exposure; alpha and light move together."""
    reach = max(3, int(length) | 1)
    line = np.zeros((reach, reach), np.float32)
    half = reach // 2
    step = np.array([math.cos(angle), math.sin(angle)]) * half
    cv2.line(line, (half - step).round().astype(int).tolist(), (half + step).round().astype(int).tolist(), 1.0)
    line /= line.sum()
    alpha = np.clip(cv2.filter2D(subject.alpha, -1, line), 0, 1)
    light = cv2.filter2D(subject.colour * subject.alpha[..., None], -1, line)
    seen = alpha[..., None]
    colour = np.where(seen > 1e-2, light / np.maximum(seen, 1e-2), subject.colour)
    return Subject(alpha, np.clip(colour, 0, 1).astype(np.float32))
