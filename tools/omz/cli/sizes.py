"""Sizes as people write them."""

from __future__ import annotations

import re

from omz.errors import UsageError

_MOST_PIXELS = 50_000_000


def parse_size(text: str) -> tuple[int, int]:
    """Return (height, width) of a size written width x height, such as 1280x720."""
    match = re.fullmatch(r"\s*([1-9]\d*)\s*[xX]\s*([1-9]\d*)\s*", text)
    if not match:
        raise UsageError(f"{text!r} is no size; write width x height, such as 1280x720")
    width, height = int(match[1]), int(match[2])
    if width * height > _MOST_PIXELS:
        raise UsageError(f"{text} has more than {_MOST_PIXELS // 10**6} million pixels; ask for less")
    return height, width
