"""The uncertain band of an alpha: hair and soft edges, solved for with picture and plate."""

from __future__ import annotations

import numpy as np

from omz.images.arrays import Colours, Field, Picture

_LEVEL = np.float32(1 / 255)
_TOLD_APART = (0.08, 0.28)  # distances of foreground and plate: one that tells nothing, and one that tells all
_EXPLAINED = 0.15  # distance from the line between foreground and plate at which a colour is explained by neither


def project(picture: Picture, plate: Colours, foreground: Colours, alpha: Field) -> Field:
    """Return ``alpha`` (N,) of pixels, by where their colours lie between those of plate and foreground.

    ``picture`` is (N, 3) uint8, ``plate`` and ``foreground`` are (N, 3), 0 to 1. With I, B and F, the result is
    ``<I - B, F - B> / |F - B|**2``, where F and B can be told apart, and I lies near the line between them.
    """
    seen = picture * _LEVEL - plate
    way = foreground - plate
    squared = np.einsum("ij,ij->i", way, way)
    found = np.einsum("ij,ij->i", seen, way) / np.maximum(squared, np.float32(1e-4))
    found = np.clip(found, 0, 1)
    rest = seen - way * found[:, None]
    near, far = _TOLD_APART
    trust = np.clip((np.sqrt(squared) - np.float32(near)) * np.float32(1 / (far - near)), 0, 1)
    trust *= np.exp(np.einsum("ij,ij->i", rest, rest) * np.float32(-1 / _EXPLAINED**2))
    return alpha + trust * (found - alpha)
