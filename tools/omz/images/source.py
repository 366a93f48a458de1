"""Images as they came, with their transparency and metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from omz.images.arrays import Picture, Pixels
from omz.images.depth import upper_eight
from omz.images.encoding import Metadata


@dataclass(frozen=True)
class SourceImage:
    """An image as it came, upright: ``picture`` (H, W, 3) uint8 BGR has its own colours, also where it is transparent.

    ``opacity`` is its alpha, (H, W) uint8 or uint16; None where all is opaque. ``notes`` are for the user, a line each.
    """

    picture: Picture
    opacity: Pixels | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()


def image_of(levels: Pixels) -> SourceImage:
    """Return the colours of 8 bits and the alpha of pixels of any depth and channels."""
    opacity: Any = None
    if levels.ndim == 3 and levels.shape[2] == 4:
        opacity = np.ascontiguousarray(levels[..., 3])
        if opacity.min() == np.iinfo(opacity.dtype).max:
            opacity = None
        levels = levels[..., :3]
    colours = np.ascontiguousarray(upper_eight(levels))
    if colours.ndim == 2:
        colours = cv2.cvtColor(colours, cv2.COLOR_GRAY2BGR)
    return SourceImage(colours, opacity)


def turned(levels: Pixels, orientation: int) -> Pixels:
    """Return an image turned as EXIF says: the orientations 2 to 8 of its tag 274."""
    if orientation in (5, 7):
        levels, orientation = cv2.transpose(levels), {5: 1, 7: 3}[orientation]
    if orientation == 2:
        return cv2.flip(levels, 1)
    if orientation == 4:
        return cv2.flip(levels, 0)
    ways = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
    if orientation in ways:
        return cv2.rotate(levels, ways[orientation])
    return levels
