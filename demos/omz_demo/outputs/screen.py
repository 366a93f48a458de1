"""What is shown of a frame; files never have it."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from omz.images.arrays import Picture, Size
from omz.images.compositing import blend
from omz.images.files import Levels
from omz.images.geometry import resize
from omz_demo.frames import Cut
from omz_demo.outputs.names import What
from omz_demo.outputs.window import beside

_GREY = 128  # behind what is transparent


def on_screen(cut: Cut, results: Mapping[What, Levels], with_original: bool, size: Size | None) -> Picture:
    """Return (H, W, 3) uint8 BGR: the composite, or what else there is of a frame.

    With its original to the left it is twice as wide. ``size`` (height, width) is that of each.
    """
    picture: Picture
    if "composite" in results:
        picture = results["composite"]  # type: ignore[assignment]  # 8 bits are all that a composite has
    elif list(results) == ["alpha"]:
        picture = cv2.cvtColor(
            cv2.convertScaleAbs(cut.alpha, alpha=255 / np.iinfo(cut.alpha.dtype).max), cv2.COLOR_GRAY2BGR
        )
    else:
        picture = blend(cut.alpha, cut.foreground, np.full_like(cut.foreground, _GREY))
    shown = picture if size is None else resize(picture, size)
    if not with_original:
        return shown
    return beside(cut.frame.picture if size is None else resize(cut.frame.picture, size), shown)
