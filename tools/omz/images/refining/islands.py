"""Islands: small parts of an alpha far from the subject, where the picture shows nothing but the plate."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Field
from omz.images.refining.evidence import disc

_SEEN = 0.05  # an alpha from which on a pixel belongs to something
_SMALL = 0.02  # of the largest part: what is larger may be another person
_FAR = 1 / 40  # of the longer side: what is nearer may be hair, or a hand
_DIFFERS = 3.0  # times the noise, from which on a pixel does not look like the plate
_MOSTLY = 0.1  # share of an island that may do so: a thing shows itself
_AROUND = 3  # pixels around an island that go with it


def find_islands(alpha: Alpha, difference: Field, side: int) -> tuple[int, NDArray[np.bool_]]:
    """Return the number of islands in ``alpha`` (H, W), and where they are, by the ``difference`` from the plate.

    The difference is in multiples of the noise. An island is small against the subject, far from it and from anything
    else that is large, and differs from the plate by no more than noise. A ball in the air differs more: it stays.
    ``side`` is the longer side of the image, of which these may be a part.
    """
    count, labels = cv2.connectedComponents((alpha > _SEEN).astype(np.uint8), connectivity=8)
    there = np.flatnonzero(labels)
    numbers = labels.take(there)
    weight = np.bincount(numbers, alpha.take(there), count)
    chosen = (weight > 0) & (weight < _SMALL * weight.max())
    if not chosen.any():
        return 0, np.zeros(alpha.shape, np.bool_)
    is_large = weight >= _SMALL * weight.max()
    near = cv2.dilate(is_large[labels].astype(np.uint8), disc(max(1, round(side * _FAR)))) > 0
    chosen[numbers[near.take(there)]] = False
    differing = np.bincount(numbers[difference.take(there) > _DIFFERS], minlength=count)
    chosen &= differing <= _MOSTLY * np.bincount(numbers, minlength=count)
    where = cv2.dilate(chosen[labels].astype(np.uint8), disc(_AROUND)) > 0
    return int(chosen.sum()), where
