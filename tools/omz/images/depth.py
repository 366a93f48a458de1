"""Levels of 8, 16, or of some bits in 16."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from omz.images.arrays import Pixels


def upper_eight(levels: Pixels) -> NDArray[np.uint8]:
    """Return levels of 8 bits: of 16 bits the upper 8 stay."""
    if levels.dtype == np.uint16:
        return (levels >> np.uint16(8)).astype(np.uint8)
    return levels.astype(np.uint8, copy=False)


def opacity_as(opacity: Pixels, dtype: DTypeLike) -> NDArray[Any]:
    """Return alpha as uint8, uint16, or float32 from 0 to 1; never more than it was."""
    if np.dtype(dtype) == opacity.dtype:
        return opacity
    if np.dtype(dtype) == np.uint8:
        return (opacity // np.uint16(257)).astype(np.uint8)
    if np.dtype(dtype) == np.uint16:
        return opacity.astype(np.uint16) * np.uint16(257)
    return opacity.astype(np.float32) / np.float32(np.iinfo(opacity.dtype).max)


def full_range(levels: Pixels, bits: int) -> Pixels:
    """Return levels of so many bits, 9 to 15, as those of 16: the largest becomes 65535."""
    return levels << np.uint16(16 - bits) | levels >> np.uint16(2 * bits - 16)


def is_unscaled(levels: Pixels, bits: int) -> bool:
    """Tell whether levels of 16 bits are those of fewer, which were not brought to the full range as PNG asks."""
    return not levels.max() >> bits and bool((levels & np.uint16((1 << (16 - bits)) - 1)).any())
