"""Shadows that a subject casts on its background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omz.images.arrays import Alpha, Colours, Field
from omz.images.refining.evidence import Noise, disc

_WINDOW = 9  # pixels
_DARKEST, _BRIGHTEST = 0.35, 1.05  # share of the plate's light that a shadow leaves; reflections add some
_NOISE, _FLOOR = 2.0, 0.01  # what the darkened plate may differ by: so many times the noise, and this
_SURE, _EDGE = 0.9, 3  # an alpha, and pixels inside its outline, where nothing is a shadow
_SMOOTH = 8.0  # pixels: shadows are soft


@dataclass(frozen=True)
class Shadow:
    """Where the background is darkened: ``share`` (H, W), 0 to 1, how surely; ``gain`` (H, W), the light left."""

    share: Field
    gain: Field


def find_shadow(picture: Colours, plate: Colours, alpha: Alpha, noise: Noise) -> Shadow:
    """Find where ``picture`` is ``plate`` (H, W, 3) with less light in all channels alike, outside the subject."""
    window = (_WINDOW, _WINDOW)
    crossed = cv2.blur(cv2.transform(picture * plate, np.ones((1, 3), np.float32)), window)
    squared = cv2.blur(cv2.transform(plate * plate, np.ones((1, 3), np.float32)), window)
    gain = (crossed + np.float32(1e-4)) / (squared + np.float32(1e-4))
    rest = picture - plate * gain[..., None]
    variance = cv2.blur(cv2.transform(rest * rest, np.full((1, 3), 1 / 3, np.float32)), window)
    error = np.sqrt(np.maximum(variance, 0))  # the blur's running sums may end just below 0
    share = np.clip(2 - error / np.float32(_NOISE * noise.mean() + _FLOOR), 0, 1)
    share *= (gain > _DARKEST) & (gain < 1)
    share *= cv2.erode((alpha > _SURE).astype(np.uint8), disc(_EDGE)) == 0
    share = cv2.GaussianBlur(share, (0, 0), 2)
    weight = share + np.float32(1e-3) * (alpha < 0.02)
    total = cv2.GaussianBlur(weight, (0, 0), _SMOOTH)
    smooth = cv2.GaussianBlur(gain * weight, (0, 0), _SMOOTH) / np.maximum(total, np.float32(1e-6))
    return Shadow(share, np.clip(smooth, _DARKEST, _BRIGHTEST))
