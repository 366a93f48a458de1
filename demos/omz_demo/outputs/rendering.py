"""Cuts to the pictures that are asked for."""

from __future__ import annotations

import cv2

from omz.errors import UsageError
from omz.images.compositing import blend, cutout_levels, to_uint8
from omz.images.files import Levels
from omz_demo.frames import Cut
from omz_demo.outputs.names import What


def render(cut: Cut, what: What) -> Levels:
    """Return what is asked for of a cut.

    ``alpha``: (H, W) in the depth of the cut. ``cutout``: (H, W, 4) BGRA in that depth, straight alpha. ``foreground``
    and ``composite``: (H, W, 3) uint8 BGR, and so ``trimap``: red, green and blue are its classes. Raises
    :class:`UsageError` for a composite of a frame without a target.
    """
    if what == "alpha":
        return cut.alpha
    if what == "foreground":
        return cut.foreground
    if what == "cutout":
        return cutout_levels(cut.alpha, cut.foreground)
    if what == "trimap" and cut.trimap is not None:
        return cv2.cvtColor(to_uint8(cut.trimap), cv2.COLOR_RGB2BGR)
    if cut.frame.target is None:
        raise UsageError("a composite needs something behind the subject; add --target")
    return blend(cut.alpha, cut.foreground, cut.frame.target)
