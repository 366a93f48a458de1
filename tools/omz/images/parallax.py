"""Parallax: what is left of a camera's movement where things lie at several distances, a few pixels at most."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Picture, Size
from omz.images.geometry import limit_side, resize, scaling

Field: TypeAlias = NDArray[np.float32]
"""(h, w, 2), how far right and down from each pixel of a picture its place in the plate is, as shares of the longer
side; of a small copy of the picture."""

_SIDE = 640  # pixels of the longer side of the copies in which the field is found
_MOST = 0.01  # share of the longer side: what parallax moves by a step of the camera; a subject moves farther
_RETURNS = 0.7  # pixels between a pixel and its end after the way there and back
_CLOSE = 24  # levels in which a pixel may differ once it has been moved, or it belongs to the subject
_TEXTURE = 6.0  # levels a pixel; where there is less, a match says little
_CALM = 9.0  # pixels: the field is smooth, and a subject takes that of its surroundings
_DOUBT = 0.02  # weight of no movement
_BETTER = 0.9  # of the difference may be left
_FINE = 2560  # pixels of the longer side, up to which the finest detail is worth a cubic interpolation
_ROWS = 512  # of an image are moved at a time, for maps take four times its memory


def find_field(plate: Picture, picture: Picture, homography: NDArray[np.float64]) -> Field | None:
    """Return how ``plate`` has to be bent after ``homography`` to fit ``picture``; None where that does not pay.

    Both are (H, W, 3) of one size and exposure. The field is optical flow (DIS: Kroeger and others, "Fast optical flow
    using dense inverse search", 2016), limited, smoothed, and trusted only where both ways agree.
    """
    size = limit_side(picture.shape, _SIDE)
    new, scale = resize(picture, size), scaling(picture.shape, size)
    old = warp(resize(plate, size), scale @ homography @ np.linalg.inv(scale))
    flow, weight = _trusted_flow(old, new)
    blurred = [cv2.GaussianBlur(layer, (0, 0), _CALM) for layer in (*cv2.split(flow * weight[..., None]), weight)]
    field = np.stack(blurred[:2], axis=2) / (blurred[2] + np.float32(_DOUBT))[..., None]
    if _difference(_bent(old, field), new) > _BETTER * _difference(old, new):
        return None
    return field / np.float32(max(size))


def warp(plate: Picture, homography: NDArray[np.float64], field: Field | None = None) -> Picture:
    """Return ``plate`` moved by ``homography``, then bent by ``field``; its edges repeat where it does not reach."""
    size: Size = (plate.shape[0], plate.shape[1])
    between = cv2.INTER_CUBIC if max(size) <= _FINE else cv2.INTER_LINEAR
    if field is None:
        return cv2.warpPerspective(plate, homography, size[::-1], flags=between, borderMode=cv2.BORDER_REPLICATE)
    warped, back = np.empty_like(plate), np.linalg.inv(homography)
    whole = scaling(size, (field.shape[0], field.shape[1]))
    for top in range(0, size[0], _ROWS):
        rows = min(_ROWS, size[0] - top)
        places = _grid(rows, size[1], top)
        inside = places @ whole[:2, :2].T.astype(np.float32) + whole[:2, 2].astype(np.float32)
        bent = cv2.remap(field, inside, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        there = cv2.perspectiveTransform(places + bent * np.float32(max(size)), back)
        warped[top : top + rows] = cv2.remap(plate, there, None, between, borderMode=cv2.BORDER_REPLICATE)
    return warped


def _trusted_flow(old: Picture, new: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the flow (h, w, 2) from ``new`` to ``old``, in pixels, and the weight (h, w) of each pixel."""
    greys = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (old, new)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow, back = search.calc(greys[1], greys[0], None), search.calc(greys[0], greys[1], None)
    there = _grid(*flow.shape[:2]) + flow
    returned = flow + cv2.remap(back, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    length, _ = cv2.cartToPolar(flow[..., 0], flow[..., 1])
    off, _ = cv2.cartToPolar(returned[..., 0], returned[..., 1])
    apart = cv2.blur(cv2.absdiff(_bent(old, flow), new), (5, 5)).max(axis=2)
    is_trusted = (length < _MOST * max(flow.shape)) & (off < _RETURNS) & (apart < _CLOSE)
    across, down = (cv2.Sobel(greys[1], cv2.CV_32F, *step, scale=1 / 8) for step in ((1, 0), (0, 1)))
    texture = cv2.blur(across * across + down * down, (9, 9))
    weight = is_trusted * texture / (texture + np.float32(_TEXTURE**2))
    return flow, weight.astype(np.float32)


def _bent(picture: Picture, flow: NDArray[np.float32]) -> Picture:
    places = _grid(*flow.shape[:2]) + flow
    return cv2.remap(picture, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _difference(old: Picture, new: Picture) -> float:
    """Return the mean difference, in levels, in which the subject counts for little."""
    return float(np.minimum(cv2.blur(cv2.absdiff(old, new), (3, 3)), _CLOSE).mean())


def _grid(rows: int, columns: int, top: int = 0) -> NDArray[np.float32]:
    """Return the places of pixels, x and y, (rows, columns, 2)."""
    y, x = np.mgrid[top : top + rows, :columns].astype(np.float32)
    return np.stack([x, y], axis=2)
