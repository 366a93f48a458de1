"""Exposure: a plate made as bright and as warm as the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Gains, Picture
from omz.images.geometry import limit_side, resize
from omz.images.highlights import restore_highlights

SAME: Gains = (1.0, 1.0, 1.0)
"""Gains of a plate that is as bright as the picture."""

_NOTABLE = 0.05
_NOISE = 0.01  # a gain nearer to 1 is within the noise of cameras, and left alone
_SEEN, _MEASURED = 320, 160  # pixels of the longer side of the copies that are compared, and that gains are taken of
_DARK, _BRIGHT = 12, 243  # levels beyond which noise or clipping dominates a ratio
_SPREAD = 0.15  # logarithm of a ratio; pixels further from the commonest belong to the subject or its shadow
_STEP, _WIDTH = 0.01, 7  # of the histogram of logarithms, and bins in which pixels of one exposure fall
_MORE = 1.5  # times as many pixels as of the same exposure have to be of another one
_CLOSE, _LIKE = 10, 0.2  # levels between pixels that are alike, and their least share, or it is another scene
_ENOUGH = 100  # pixels to take a median of
_LIMIT = 2.0  # a gain further from 1 means another scene
_FINE_STEP = 0.001  # of the histogram of logarithms that medians are taken of
_LOGARITHMS = np.log(np.maximum(np.arange(256), 1)).astype(np.float32)  # of levels


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
    wall may be what differs. Highlights that a longer exposure clipped are those of the picture, see
    :func:`restore_highlights`.
    """
    gains = matching_gains(plate, picture, valid)
    if gains == SAME:
        return Exposure(plate, SAME)
    return Exposure(restore_highlights(scale_channels(plate, gains), picture, gains), gains)


def matching_gains(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> Gains:
    """Return the gains of :func:`match_exposure`."""
    small = limit_side(picture.shape, _SEEN)
    old, new = resize(plate, small), resize(picture, small)
    gains = exposure_gains(old, new, valid)
    if max(abs(gain - 1) for gain in gains) < _NOISE:
        return SAME
    scaled = restore_highlights(scale_channels(old, gains), new, gains)
    before, after = (count_close(each, new) for each in (old, scaled))
    return gains if after >= max(before, _LIKE * small[0] * small[1]) else SAME


def close(plate: Picture, picture: Picture) -> NDArray[np.uint8]:
    """Return a mask (H, W), 0 or 255, of the pixels that differ by at most 10 levels in every channel."""
    return cv2.inRange(cv2.absdiff(plate, picture), (0, 0, 0), (_CLOSE, _CLOSE, _CLOSE))


def count_close(plate: Picture, picture: Picture) -> int:
    """Return how many pixels are :func:`close`."""
    return cv2.countNonZero(close(plate, picture))


def exposure_gains(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> Gains:
    """Return the gains that are likely, whatever they are good for; see :func:`match_exposure`."""
    small = limit_side(picture.shape, _MEASURED)
    old, new = resize(plate, small), resize(picture, small)
    dark, bright = (_DARK,) * 3, (_BRIGHT,) * 3
    counts = cv2.bitwise_and(cv2.inRange(old, dark, bright), cv2.inRange(new, dark, bright))
    if valid is not None:
        counts = cv2.bitwise_and(counts, cv2.inRange(resize(valid.astype(np.uint8) * np.uint8(255), small), 255, 255))
    if cv2.countNonZero(counts) < _ENOUGH:
        return SAME
    ratios = cv2.subtract(cv2.LUT(new, _LOGARITHMS), cv2.LUT(old, _LOGARITHMS))
    blue, green, red = np.clip(np.exp(_centre(ratios, counts)), 1 / _LIMIT, _LIMIT).tolist()
    return (blue, green, red)


def _centre(ratios: NDArray[np.float32], counts: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the median of the ratios (H, W, 3) that count near the commonest, twice; 0 where that is as common."""
    light = cv2.transform(ratios, np.full((1, 3), 1 / 3))
    middle = round(1 / _STEP)
    most = (middle + 0.5) * _STEP
    bins = cv2.calcHist([light], [0], counts, [2 * middle + 1], [-most, most]).ravel()
    common = np.convolve(bins, np.ones(_WIDTH), "same")
    commonest = int(common.argmax())
    is_apart = abs(commonest - middle) > _WIDTH
    if is_apart and common[commonest] < _MORE * common[middle]:
        commonest = middle
    centre = np.full(3, (commonest - middle) * _STEP)
    for _ in range(3):
        near = cv2.inRange(ratios, tuple(centre - _SPREAD), tuple(centre + _SPREAD))
        if cv2.countNonZero(cv2.bitwise_and(near, counts)) < _ENOUGH:
            near = cv2.inRange(light, centre.mean() - _SPREAD, centre.mean() + _SPREAD)
        near = cv2.bitwise_and(near, counts)
        if cv2.countNonZero(near) < _ENOUGH:
            return np.zeros(3)
        centre = np.array([_median(ratios, channel, near) for channel in range(3)])
    return centre


def _median(ratios: NDArray[np.float32], channel: int, mask: NDArray[np.uint8]) -> float:
    """Return the median of a channel where ``mask`` is set, which is somewhere, to 0.05 %."""
    bins = round(2 / _FINE_STEP) + 1
    most = (bins / 2) * _FINE_STEP
    counts = cv2.calcHist([ratios], [channel], mask, [bins], [-most, most]).ravel()
    below = np.cumsum(counts, dtype=np.float64)
    return float(np.searchsorted(below, below[-1] / 2) - bins // 2) * _FINE_STEP


def scale_channels(picture: Picture, gains: Gains) -> Picture:
    """Return ``picture`` times ``gains`` (blue, green, red), rounded and clipped; ties may go either way."""
    return cv2.transform(picture, np.diag(gains))
