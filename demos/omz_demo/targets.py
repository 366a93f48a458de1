"""What the subject is placed before: a colour or a picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import ImageColor

from omz.errors import UsageError
from omz.images.arrays import Picture, Size
from omz.images.compositing import cover
from omz.images.files import read_picture


def load_target(text: str) -> Picture:
    """Return the target as a picture; a colour, by CSS name or as #RRGGBB, becomes a single pixel.

    Raises :class:`UsageError` where ``text`` is neither a file nor a colour, and :class:`omz.errors.ImageError` for
    a file that is no picture.
    """
    file = target_file(text)
    if file:
        return read_picture(file)
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
        return np.array([[[blue, green, red]]], np.uint8)
    except (ValueError, OverflowError):
        shown = text if len(text) < 80 else f"{text[:80]}..."
        raise UsageError(f"--target {shown}: there is no such file or colour; write green or #78ff9b") from None


def target_file(text: str | None) -> Path | None:
    """Return the file that a target names, None where it is a colour."""
    return Path(text) if text and os.path.exists(text) else None


def fill(target: Picture, size: Size) -> Picture:
    """Return the target at ``size`` (height, width), cut to its proportions."""
    return np.broadcast_to(target, (*size, 3)) if target.shape[:2] == (1, 1) else cover(target, size)
