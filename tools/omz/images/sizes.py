"""Sizes as text: width x height."""

from __future__ import annotations

import re
from typing import Any

from numpy.typing import NDArray

from omz.errors import UsageError

_MOST_PIXELS = 50_000_000


def parse_size(text: str) -> tuple[int, int]:
    """Return (height, width) of a text such as 1280x720; raises :class:`UsageError`."""
    match = re.fullmatch(r"\s*([1-9]\d*)\s*[xX]\s*([1-9]\d*)\s*", text)
    if not match:
        raise UsageError(f"{text!r} is not a size; write width x height, such as 1280x720")
    width, height = int(match[1]), int(match[2])
    if width * height > _MOST_PIXELS:
        raise UsageError(f"{text} has more than {_MOST_PIXELS // 10**6} million pixels; ask for less")
    return height, width


def size_text(height: int, width: int) -> str:
    """Return a size as text, width first: ``1280x720``."""
    return f"{width}x{height}"


def picture_size(picture: NDArray[Any]) -> str:
    """Return the size of a picture, (H, W) or (H, W, channels), as text."""
    return size_text(*picture.shape[:2])
