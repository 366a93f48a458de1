"""Comparisons: an image, its alpha and its result side by side."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from omz.images.arrays import Picture, Pixels
from omz.images.compositing import blend, cutout_levels
from omz.images.depth import upper_eight
from omz.images.geometry import limit_side, resize
from omz.images.transparency import compose
from omz.matting.frames import MattedFrame

LONGEST_SIDE = 1920
"""Of each of the three, in pixels."""

_DARK, _LIGHT = np.uint8(102), np.uint8(153)  # both are far from the white of alpha
_SQUARE, _SQUARES = 8, 40  # pixels of a square at least, squares along an image at most
_ROWS = 256  # that are mixed at a time: they become float32
_FONT, _CAPITAL = cv2.FONT_HERSHEY_SIMPLEX, 22  # pixels of its capitals at scale 1
_TEXT, _LINES = 11, 36  # pixels of a capital at least; capitals along an image


def comparison(matted: MattedFrame) -> Picture:
    """Return image, alpha and result side by side, each below its label: (H, W, 3) uint8 BGR.

    Alpha is white before a checkerboard. The result is the subject before the target of the frame, or before a
    checkerboard without one. What is transparent shows the checkerboard, too.
    """
    size = limit_side(matted.alpha.shape, LONGEST_SIDE)
    panels = []
    for label, colours, opacity in _shown(matted):
        panel = resize(before_checkerboard(colours, opacity), size)
        panels.append(_labelled(panel, label))
    return np.hstack(panels)


def _shown(matted: MattedFrame) -> Iterator[tuple[str, Picture, Pixels | None]]:
    """Yield what is shown, one at a time: its label, its colours, and its alpha unless it is opaque."""
    frame, alpha, foreground = matted.frame, matted.alpha, matted.foreground
    yield "Image", frame.picture if frame.colours is None else frame.colours, frame.opacity
    yield "Alpha", np.broadcast_to(np.uint8(255), foreground.shape), alpha
    if frame.target is None:
        cut = upper_eight(cutout_levels(alpha, foreground, matted.shadow))
        yield "Cutout", cut[..., :3], cut[..., 3]
        return
    placed = compose(alpha, foreground, frame.target, matted.shadow_on_target)
    if placed.shape[2] == 4:
        yield "Composite", placed[..., :3], placed[..., 3]
    else:
        yield "Composite", placed, None


def before_checkerboard(picture: Picture, opacity: Pixels | None) -> Picture:
    """Return a picture, (H, W, 3) uint8 BGR, before a checkerboard; one whose ``opacity`` is None itself."""
    if opacity is None:
        return picture
    side = max(_SQUARE, max(opacity.shape) // _SQUARES)
    odd_rows, odd_columns = (np.arange(length) // side % 2 == 1 for length in opacity.shape)
    shown = np.empty(picture.shape, np.uint8)
    for top in range(0, len(shown), _ROWS):
        rows = np.s_[top : top + _ROWS]
        board = np.where(odd_rows[rows, None] ^ odd_columns, _DARK, _LIGHT)
        shown[rows] = blend(opacity[rows], np.ascontiguousarray(picture[rows]), cv2.merge([board] * 3))
    return shown


def _labelled(picture: Picture, label: str) -> Picture:
    """Return a picture on white, with room on all sides, below a label that may be wider."""
    capital = max(_TEXT, max(picture.shape[:2]) // _LINES)
    scale, thickness = capital / _CAPITAL, max(1, capital // 9)
    room = capital // 2
    top = capital + 3 * room  # with what reaches below the line
    width = max(picture.shape[1], cv2.getTextSize(label, _FONT, scale, thickness)[0][0])
    sheet = np.full((top + picture.shape[0] + room, width + 2 * room, 3), 255, np.uint8)
    cv2.putText(sheet, label, (room, room + capital), _FONT, scale, (32, 32, 32), thickness, cv2.LINE_AA)
    sheet[top : top + picture.shape[0], room : room + picture.shape[1]] = picture
    return sheet
