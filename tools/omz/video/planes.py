"""Planes of frames as arrays, without copies."""

from __future__ import annotations

import av
import numpy as np

from omz.images.arrays import Pixels


def plane_levels(frame: av.VideoFrame, index: int) -> Pixels:
    """Return a plane of a frame, not subsampled, as (H, W) uint8, or uint16 for deeper ones; it is not copied."""
    plane = frame.planes[index]
    buffer = memoryview(plane)
    levels: Pixels = np.frombuffer(buffer, np.uint8)
    if frame.format.components[index].bits > 8:
        levels = np.frombuffer(buffer, np.uint16)
    return levels.reshape(-1, plane.line_size // levels.itemsize)[: frame.height, : frame.width]
