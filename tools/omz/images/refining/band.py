"""The uncertain band of an alpha: hair and soft edges, solved for with picture and plate."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Field

Samples: TypeAlias = NDArray[np.float32]
"""(3, N), BGR, 0 to 1: the colours of N pixels."""

_TOLD_APART = (0.05, 0.28)  # distances of foreground and plate: one that tells nothing, and one that tells all
_EXPLAINED = 0.06  # distance from the line between foreground and plate at which a colour is explained by neither


def project(picture: Samples, plate: Samples, foreground: Samples, alpha: Field) -> Field:
    """Return ``alpha`` (N,) of pixels, by where their colours lie between those of plate and foreground.

    With I, B and F, the result is ``<I - B, F - B> / |F - B|**2``, where F and B can be told apart, and I lies near the
    line between them.
    """
    seen, way = picture - plate, foreground - plate
    squared = _dot(way, way)
    found = _dot(seen, way) / np.maximum(squared, np.float32(1e-4))
    found = np.clip(found, 0, 1)
    way *= found
    seen -= way
    near, far = _TOLD_APART
    trust = np.clip((np.sqrt(squared) - np.float32(near)) * np.float32(1 / (far - near)), 0, 1)
    trust *= np.exp(_dot(seen, seen) * np.float32(-1 / _EXPLAINED**2))
    return alpha + trust * (found - alpha)


def _dot(one: Samples, other: Samples) -> Field:
    dot: Field = (one * other).sum(axis=0)
    return dot
