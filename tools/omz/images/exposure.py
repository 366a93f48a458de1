"""Exposure: a plate made as bright and as warm as the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Picture
from omz.images.geometry import limit_side, resize

Gains = tuple[float, float, float]

_NOTABLE = 0.05
_SEEN = 320  # pixels of the longer side of the copies that are measured; fewer pixels have less noise
_DARK, _BRIGHT = 12, 243  # levels beyond which noise or clipping dominates a ratio
_SPREAD = 0.15  # logarithm of a ratio; pixels further from the median belong to the subject or its shadow
_ENOUGH = 100  # pixels to take a median of
_LIMIT = 2.0  # a gain further from 1 means another scene


@dataclass(frozen=True)
class Exposure:
    """A plate with the exposure of the picture: the old one times ``gains`` (blue, green, red)."""

    plate: Picture
    gains: Gains

    @property
    def is_off(self) -> bool:
        """Whether a channel of the old plate differs by more than 5 %, which can harm the matte."""
        return max(self.gains) > 1 + _NOTABLE or min(self.gains) < 1 - _NOTABLE


def match_exposure(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> Exposure:
    """Return ``plate`` scaled to the exposure of ``picture``, both (H, W, 3) and aligned.

    ``valid`` (H, W) marks the pixels that count, all by default. Gains are the median ratio of each channel, then of
    the pixels near that median, so that a subject that covers a third has no effect; they lie within 0.5 to 2, and are
    1 if too few pixels are well exposed.
    """
    gains = exposure_gains(plate, picture, valid)
    return Exposure(scale_channels(plate, gains), gains)


def exposure_gains(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> Gains:
    """Return the gains of :func:`match_exposure`."""
    small = limit_side(picture.shape, _SEEN)
    old, new = resize(plate, small), resize(picture, small)
    counts = _everywhere((old >= _DARK) & (old <= _BRIGHT) & (new >= _DARK) & (new <= _BRIGHT))
    if valid is not None:
        counts &= resize(valid.astype(np.uint8) * np.uint8(255), small) == 255
    if counts.sum() < _ENOUGH:
        return (1.0, 1.0, 1.0)
    ratios = np.log(new[counts].astype(np.float32)) - np.log(old[counts].astype(np.float32))
    blue, green, red = np.clip(np.exp(_centre(ratios)), 1 / _LIMIT, _LIMIT).tolist()
    return (blue, green, red)


def _centre(ratios: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median of (N, 3), then twice that of the rows near it."""
    centre = _median(ratios)
    for _ in range(2):
        near = _everywhere(np.abs(ratios - centre) < _SPREAD)
        if near.sum() >= _ENOUGH:
            centre = _median(ratios[near])
    return centre


def _median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median of each column of (N, 3), N > 0, without numpy.ma, which np.median takes 20 ms to load."""
    half = len(values) // 2
    if len(values) % 2:
        middle = np.partition(values, half, axis=0)[half : half + 1]
    else:
        middle = np.partition(values, (half - 1, half), axis=0)[half - 1 : half + 1]
    return middle.mean(axis=0)


def _everywhere(holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what holds in all three channels, the last axis, along which NumPy's own reduction is slow."""
    blue_green: NDArray[np.bool_] = holds[..., 0] & holds[..., 1]
    return blue_green & holds[..., 2]


def scale_channels(picture: Picture, gains: Gains) -> Picture:
    """Return ``picture`` times ``gains`` (blue, green, red), rounded and clipped."""
    levels = np.arange(256)[:, None] * np.array(gains)
    return cv2.LUT(picture, np.rint(np.clip(levels, 0, 255)).astype(np.uint8)[:, None])
