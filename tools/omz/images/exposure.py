"""Exposure: a plate made as bright and as warm as the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Picture
from omz.images.geometry import limit_side, resize

Gains = tuple[float, float, float]
SAME: Gains = (1.0, 1.0, 1.0)
"""Gains of a plate that is as bright as the picture."""

_NOTABLE = 0.05
_NOISE = 0.01  # a gain nearer to 1 is within the noise of cameras, and left alone
_SEEN = 320  # pixels of the longer side of the copies that are measured; fewer pixels have less noise
_DARK, _BRIGHT = 12, 243  # levels beyond which noise or clipping dominates a ratio
_SPREAD = 0.15  # logarithm of a ratio; pixels further from the commonest belong to the subject or its shadow
_STEP, _WIDTH = 0.01, 7  # of the histogram of logarithms, and bins in which pixels of one exposure fall
_MORE = 1.5  # times as many pixels as of the same exposure have to be of another one
_CLOSE, _LIKE = 10, 0.2  # levels between pixels that are alike, and their least share, or it is another scene
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


def brightness(gains: Gains) -> float:
    """Return by how much ``gains`` make a picture brighter, as BT.601 weighs blue, green and red."""
    blue, green, red = gains
    return 0.114 * blue + 0.587 * green + 0.299 * red


def match_exposure(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> Exposure:
    """Return ``plate`` scaled to the exposure of ``picture``, both (H, W, 3) and aligned.

    ``valid`` (H, W) marks the pixels that count, all by default. Gains are the median ratio of each channel, of the
    pixels near the commonest ratio, so that a subject has no effect, even one that covers more than half; they lie
    within 0.5 to 2. All are 1 if too few pixels are well exposed, if the gains are within the noise or do not make the
    plate like the picture, or if almost as many pixels are of the same exposure: then a subject of one colour before a
    wall may be what differs.
    """
    gains = matching_gains(plate, picture, valid)
    if gains == SAME:
        return Exposure(plate, SAME)
    return Exposure(scale_channels(plate, gains), gains)


def matching_gains(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> Gains:
    """Return the gains of :func:`match_exposure`."""
    small = limit_side(picture.shape, _SEEN)
    old, new = resize(plate, small), resize(picture, small)
    gains = exposure_gains(old, new, valid)
    if max(abs(gain - 1) for gain in gains) < _NOISE:
        return SAME
    before, after = (_share_close(each, new) for each in (old, scale_channels(old, gains)))
    return gains if after >= max(before, _LIKE) else SAME


def _share_close(plate: Picture, picture: Picture) -> float:
    """Return the share of pixels that hardly differ in any channel."""
    return float((cv2.absdiff(plate, picture).max(axis=2) <= _CLOSE).mean())


def exposure_gains(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> Gains:
    """Return the gains that are likely, whatever they are good for; see :func:`match_exposure`."""
    small = limit_side(picture.shape, _SEEN)
    old, new = resize(plate, small), resize(picture, small)
    counts = _everywhere((old >= _DARK) & (old <= _BRIGHT) & (new >= _DARK) & (new <= _BRIGHT))
    if valid is not None:
        counts &= resize(valid.astype(np.uint8) * np.uint8(255), small) == 255
    if counts.sum() < _ENOUGH:
        return SAME
    ratios = np.log(new[counts].astype(np.float32)) - np.log(old[counts].astype(np.float32))
    blue, green, red = np.clip(np.exp(_centre(ratios)), 1 / _LIMIT, _LIMIT).tolist()
    return (blue, green, red)


def _centre(ratios: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median of the rows of (N, 3) near the commonest, twice; 0 where that is as common."""
    light = ratios.mean(axis=1)
    middle = round(1 / _STEP)
    bins = np.clip(np.rint(light / _STEP).astype(np.intp) + middle, 0, 2 * middle)
    counts = np.convolve(np.bincount(bins, minlength=2 * middle + 1), np.ones(_WIDTH), "same")
    commonest = int(counts.argmax())
    is_apart = abs(commonest - middle) > _WIDTH
    if is_apart and counts[commonest] < _MORE * counts[middle]:
        commonest = middle
    centre = np.full(3, (commonest - middle) * _STEP, np.float32)
    for _ in range(3):
        near = _everywhere(np.abs(ratios - centre) < _SPREAD)
        if near.sum() < _ENOUGH:
            near = np.abs(light - centre.mean()) < _SPREAD
        if near.sum() < _ENOUGH:
            return np.zeros(3, np.float32)
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
