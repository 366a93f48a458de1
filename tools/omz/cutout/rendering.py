"""Pictures made of matted frames: for files, for codecs, for a screen."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from omz.cutout.compare import comparison
from omz.cutout.names import What
from omz.errors import UsageError
from omz.images.arrays import Picture, Pixels, Size
from omz.images.compositing import cutout_levels, to_uint8
from omz.images.geometry import resize
from omz.images.transparency import GREY, before_white, compose
from omz.matting.frames import MattedFrame
from omz.video.formats import Format


def render(matted: MattedFrame, what: What) -> Pixels:
    """Return one result of a frame.

    ``alpha``: (H, W) in the depth of the matte. ``cutout``: (H, W, 4) BGRA in that depth, straight alpha.
    ``foreground`` and ``composite``: (H, W, 3) uint8 BGR, and so ``trimap``: red, green and blue are its classes. A
    composite before a target that is partly transparent is (H, W, 4) BGRA, too. ``comparison``: see
    :func:`omz.cutout.compare.comparison`.
    Raises :class:`UsageError` for a composite of a frame without a target.
    """
    if what == "alpha":
        return matted.alpha
    if what == "foreground":
        return matted.foreground
    if what == "cutout":
        return cutout_levels(matted.alpha, matted.foreground, matted.shadow)
    if what == "trimap" and matted.trimap is not None:
        return cv2.cvtColor(to_uint8(matted.trimap), cv2.COLOR_RGB2BGR)
    if what == "comparison":
        return comparison(matted)
    if matted.frame.target is None:
        raise UsageError("a composite needs something behind the subject; add --target")
    return compose(matted.alpha, matted.foreground, matted.frame.target, matted.shadow_on_target)


def is_seen_through(matted: MattedFrame, what: What) -> bool:
    """Tell whether a result is a composite before a target that is partly transparent."""
    return what == "composite" and matted.frame.target is not None and matted.frame.target.shape[2] == 4


def for_video(picture: Pixels, form: Format) -> Pixels:
    """Return a result with the channels of a format: three, or four with alpha; white is behind what is transparent.

    A folder of PNG files takes the grey of alpha as it is.
    """
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if form.container else picture
    if not form.has_alpha:
        return before_white(picture)
    if picture.shape[2] == 3:
        return cv2.merge([picture, np.full(picture.shape[:2], 255, np.uint8)])
    return picture


def on_screen(matted: MattedFrame, results: Mapping[What, Pixels], with_original: bool, size: Size | None) -> Picture:
    """Return (H, W, 3) uint8 BGR for a screen: the composite, or what else there is of a frame.

    With its original to the left it is twice as wide. ``size`` (height, width) is that of each; None keeps the frame's.
    """
    shown = _shown(matted, results)
    original = matted.frame.picture
    if size is not None:
        shown, original = resize(shown, size), resize(original, size)
    if with_original:
        return np.hstack([original, shown])
    return shown


def _shown(matted: MattedFrame, results: Mapping[What, Pixels]) -> Picture:
    if "composite" in results:
        return before_white(results["composite"], GREY)
    if list(results) == ["alpha"]:
        grey = cv2.convertScaleAbs(matted.alpha, alpha=255 / np.iinfo(matted.alpha.dtype).max)
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    return compose(matted.alpha, matted.foreground, np.full_like(matted.foreground, GREY), matted.shadow)
