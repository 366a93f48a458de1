"""Channel counts of networks of other widths."""

from __future__ import annotations

import math

_STEP = 4


def scaled(channels: int, width: float) -> int:
    """Return ``channels * width``, rounded up to a multiple of 4 (every published count is one).

    >>> scaled(32, 1.0), scaled(12, 0.4)
    (32, 8)
    """
    return math.ceil(channels * width / _STEP) * _STEP
