"""Changes of the camera between plate and image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from omz.images.arrays import Colours, Field


@dataclass(frozen=True)
class Drift:
    """How the plate differs from the background behind the subject.

    ``shift`` (dx, dy) is in pixels, ``rotation`` in degrees, ``gain`` (B, G, R) a factor on the plate. ``noise`` is the
    standard deviation in image and plate, on a scale of 0 to 1. ``shadow`` is the share of light that the subject takes
    away, ``shadow_offset`` (dx, dy) pixels beside it; ``jpeg_quality`` applies to image and plate (0: not compressed).
    """

    shift: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 0.0
    shadow: float = 0.0
    shadow_offset: tuple[float, float] = (0.0, 0.0)
    jpeg_quality: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator, extent: int) -> Drift:
        """Draw a drift for an image whose longer side has ``extent`` pixels; about one in five is none."""
        if rng.random() < 0.2:
            return cls()
        pixels = rng.normal(0, 0.5 + extent / 1000, 2) if rng.random() < 0.6 else np.zeros(2)
        exposure = rng.normal(1, 0.05) if rng.random() < 0.6 else 1.0
        balance = rng.normal(1, 0.03, 3) if rng.random() < 0.4 else np.ones(3)
        blue, green, red = (exposure * balance).clip(0.75, 1.3).tolist()
        return cls(
            shift=(float(pixels[0]), float(pixels[1])),
            rotation=float(rng.normal(0, 0.15)) if rng.random() < 0.3 else 0.0,
            gain=(blue, green, red),
            noise=float(rng.uniform(0, 0.02)) if rng.random() < 0.7 else 0.0,
            shadow=float(rng.uniform(0.05, 0.5)) if rng.random() < 0.4 else 0.0,
            shadow_offset=(float(rng.normal(0, 0.06 * extent)), float(rng.normal(0, 0.04 * extent))),
            jpeg_quality=int(rng.integers(50, 96)) if rng.random() < 0.25 else 0,
        )

    def shadowed(self, background: Colours, alpha: Field) -> Colours:
        """Return the background of the image: darker where the subject takes light away."""
        if self.shadow == 0:
            return background
        height, width = alpha.shape
        small = cv2.resize(alpha, (max(8, width // 8), max(8, height // 8)), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.5), (width, height), interpolation=cv2.INTER_LINEAR)
        move = np.array([[1, 0, self.shadow_offset[0]], [0, 1, self.shadow_offset[1]]], np.float32)
        cast = cv2.warpAffine(soft, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return background * (1 - np.float32(self.shadow) * cast)[..., None]

    def plate(self, background: Colours) -> Colours:
        """Return the plate without noise: the background, moved and exposed a little differently."""
        moved = background
        if self.shift != (0.0, 0.0) or self.rotation:
            height, width = background.shape[:2]
            cos, sin = math.cos(math.radians(self.rotation)), math.sin(math.radians(self.rotation))
            cx, cy = width / 2, height / 2
            turn = np.array(
                [
                    [cos, -sin, cx - cos * cx + sin * cy + self.shift[0]],
                    [sin, cos, cy - sin * cx - cos * cy + self.shift[1]],
                ]
            )
            moved = cv2.warpAffine(background, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        return moved * np.array(self.gain, np.float32)

    def develop(self, light: Colours, rng: np.random.Generator) -> np.ndarray:
        """Return the uint8 image of ``light``, with sensor noise and compression."""
        if self.noise:
            # One channel to OpenCV, whose scalar deviation would apply only to the first of three.
            grain = np.empty((light.shape[0], light.shape[1] * light.shape[2]), np.int16)
            cv2.setRNGSeed(int(rng.integers(0, 2**31)))
            cv2.randn(grain, 0, self.noise * 255 * 16)
            light = light + grain.astype(np.float32).reshape(light.shape) * np.float32(1 / (255 * 16))
        picture = cv2.convertScaleAbs(np.maximum(light, 0), alpha=255.0)
        if self.jpeg_quality:
            _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])
            picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        return picture
