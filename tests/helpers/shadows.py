"""A subject that casts a soft shadow before a plate, with exact alpha, colours and shadow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIZE = 270, 480


@dataclass(frozen=True)
class Shadowed:
    """``picture`` and ``plate`` as a camera gives them; ``alpha`` and ``shadow``, 0 to 1, ``colours``, 0 to 255."""

    picture: np.ndarray
    plate: np.ndarray
    colours: np.ndarray
    alpha: np.ndarray
    shadow: np.ndarray

    def over(self, target: np.ndarray) -> np.ndarray:
        """The same scene before another target, in double precision: the light that is left of it, then the subject."""
        lit = target.astype(np.float64) * (1 - self.shadow[..., None].astype(np.float64))
        return lit + self.alpha[..., None] * (self.colours.astype(np.float64) - lit)


def shadowed(
    strength: float = 0.4,
    offset: tuple[int, int] = (-30, 18),
    centre: tuple[int, int] = (140, 245),
    size: tuple[int, int] = SIZE,
    seed: int = 0,
) -> Shadowed:
    """Make a bright disc in the middle of ``size``, whose shadow lies ``offset`` rows and columns beside it."""
    rng = np.random.default_rng(seed)
    scale = size[0] / SIZE[0]
    y, x = np.mgrid[: size[0], : size[1]]

    def disc(row: float, column: float, radius: float) -> np.ndarray:
        distance = np.hypot(y - row * scale, x - column * scale)
        return np.clip((radius * scale - distance) / 2 + 0.5, 0, 1).astype(np.float32)

    alpha = disc(*centre, 65)
    cast = disc(centre[0] + offset[0], centre[1] + offset[1], 65)
    shadow = np.float32(strength) * cv2.GaussianBlur(cast, (0, 0), 9 * scale)
    background = _texture(rng, size, 70, 190)
    colours = _texture(rng, size, 40, 250)
    colours[..., 1] *= 0.3  # magenta, which the plate has not
    lit = background * (1 - shadow[..., None])
    image = lit + alpha[..., None] * (colours - lit)
    return Shadowed(_shot(image, rng), _shot(background, rng), colours, alpha, shadow)


def _texture(rng: np.random.Generator, size: tuple[int, int], low: float, high: float) -> np.ndarray:
    grey = rng.uniform(low, high, (size[0] // 30, size[1] // 30, 1))
    coarse = (grey + rng.uniform(-20, 20, (*grey.shape[:2], 3))).astype(np.float32)
    return np.clip(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_LINEAR), 0, 255)


def _shot(levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.rint(levels + rng.normal(0, 1.5, levels.shape)), 0, 255).astype(np.uint8)
