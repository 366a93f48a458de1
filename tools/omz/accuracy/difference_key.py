"""The matte that needs no network: whatever differs from the plate by more than a threshold. The baseline to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.metrics.differences import mad
from omz.images.arrays import Alpha, Picture

THRESHOLDS = (2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 50, 60, 70, 80)


def difference_key(picture: Picture, plate: Picture, threshold: int) -> Alpha:
    """Return 1 where any channel differs by more than ``threshold`` levels of 255, else 0: (H, W) float32."""
    return (_largest_difference(picture, plate) > threshold).astype(np.float32)


def best_difference_key(frames: Sequence[tuple[Picture, Picture, Alpha]]) -> tuple[int, float]:
    """Return the one threshold that serves all (picture, plate, true alpha) best, and its mean alpha MAD."""
    totals = dict.fromkeys(THRESHOLDS, 0.0)
    for picture, plate, truth in frames:
        for threshold in THRESHOLDS:
            totals[threshold] += 1e3 * mad(difference_key(picture, plate, threshold), truth)
    best = min(totals, key=totals.__getitem__)
    return best, totals[best] / len(frames)


def _largest_difference(picture: Picture, plate: Picture) -> NDArray[np.int16]:
    difference: NDArray[np.int16] = np.abs(picture.astype(np.int16) - plate).max(2)
    return difference
