"""Parallax: what is left of a camera's movement where things lie at several distances, a few pixels at most."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Picture, Size
from omz.images.copies import Copies, Grey
from omz.images.exposure import brightness, exposure_gains, scale_channels
from omz.images.geometry import rescaled, resize, scaling

Bend: TypeAlias = NDArray[np.float32]
"""(h, w, 2), how far right and down from each pixel of a picture its place in the plate is, as shares of the longer
side; of a small copy of the picture."""

Layer = TypeVar("Layer", NDArray[np.uint8], NDArray[np.float32])

_SIDE = 640  # pixels of the longer side of the copies in which flow is found
_NARROWEST = 32  # pixels of the shorter one: flow is found in blocks, on two scales
_PARTS = 4  # pixels of those copies, each way, for one of the field
_MOST = 0.01  # share of the longer side: what parallax moves by a step of the camera; a subject moves farther
_RETURNS = 0.7  # pixels between a pixel and its end after the way there and back
_CLOSE = 24  # levels in which a pixel may differ once it has been moved, or it belongs to the subject
_TEXTURE = 3.0  # levels a pixel; where there is less, a match says little
_CALM = 9.0  # pixels: the field is smooth, and a subject takes that of its surroundings
_DOUBT = 0.02  # weight of no movement
_BETTER = 0.995  # of the difference may be left; noise alone leaves more than all
_FINE = 2560  # pixels of the longer side, up to which the finest detail is worth a cubic interpolation
_COARSE = 5120  # the same for any: beyond, movement itself, which is found in 1280, is not known to a pixel
_ROWS, _STEP = 64, 8  # rows that are moved at a time, for a processor's cache, and pixels between places to compute


def find_field(plate: Copies, picture: Copies, homography: NDArray[np.float64]) -> Bend | None:
    """Return how ``plate`` has to be bent after ``homography`` to fit ``picture``, of the same size.

    It is None where that does not pay. The field is optical flow (DIS: Kroeger and others, "Fast optical flow using
    dense inverse search", 2016), limited, smoothed, and trusted only where both ways agree.
    """
    size = picture.size(_SIDE)
    if min(size) < _NARROWEST:
        return None
    small = max(1, size[0] // _PARTS), max(1, size[1] // _PARTS)
    colours = _moved(plate.small, homography, picture)
    gains = exposure_gains(colours, picture.small)
    grey = cv2.convertScaleAbs(plate.grey(_SIDE), alpha=brightness(gains))
    before, new = _moved(grey, homography, picture), picture.grey(_SIDE)
    flow, is_likely = _flow(before, new, small)
    is_trusted = is_likely & _is_close(scale_channels(colours, gains), picture.small, flow)
    weight = is_trusted * _texture(new, small)
    smooth = cv2.GaussianBlur(np.dstack([flow * weight[..., None], weight]), (0, 0), _CALM / _PARTS)
    field = smooth[..., :2] / (smooth[..., 2:] + np.float32(_DOUBT))
    if _difference(_moved(grey, homography, picture, field), new) > _BETTER * _difference(before, new):
        return None
    return field


def warp(plate: Picture, homography: NDArray[np.float64], field: Bend | None = None) -> Picture:
    """Return ``plate`` moved by ``homography``, then bent by ``field``; its edges repeat where it does not reach."""
    size: Size = (plate.shape[0], plate.shape[1])
    nodes, warped = _nodes(size, homography, field), np.empty_like(plate)
    for top in range(0, size[0], _ROWS):
        rows = nodes[top // _STEP : (top + _ROWS) // _STEP + 2]
        places = cv2.resize(rows, (rows.shape[1] * _STEP, rows.shape[0] * _STEP), interpolation=cv2.INTER_LINEAR)
        places = places[_STEP : _STEP + min(_ROWS, size[0] - top), _STEP : _STEP + size[1]]
        cv2.remap(plate, places, None, _interpolation(size), warped[top : top + _ROWS], cv2.BORDER_REPLICATE)
    return warped


def _interpolation(size: Size) -> int:
    """Return the interpolation that the movement of an image of a size is exact enough for."""
    if max(size) <= _FINE:
        return cv2.INTER_CUBIC
    return cv2.INTER_LINEAR if max(size) <= _COARSE else cv2.INTER_NEAREST


def _nodes(size: Size, homography: NDArray[np.float64], field: Bend | None) -> NDArray[np.float32]:
    """Return the places (x, y) in the plate of the middles of blocks of a picture, with a block more on each side."""
    y, x = (
        np.arange(-1, -(-side // _STEP) + 1, dtype=np.float32) * _STEP + np.float32((_STEP - 1) / 2) for side in size
    )
    places = np.stack(np.meshgrid(x, y), axis=2)
    if field is not None:
        whole = scaling(size, (field.shape[0], field.shape[1])).astype(np.float32)
        inside = places @ whole[:2, :2].T + whole[:2, 2]
        bent = cv2.remap(field, inside, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        places = places + bent * np.float32(max(size))
    return cv2.perspectiveTransform(places, np.linalg.inv(homography))


def _flow(old: Grey, new: Grey, small: Size) -> tuple[Bend, NDArray[np.bool_]]:
    """Return the flow from ``new`` to ``old`` as a field of ``small`` size, and where it is likely."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(1)
    search.setVariationalRefinementIterations(0)  # the field is smoothed anyway
    side = np.float32(max(new.shape))
    flow, back = (resize(search.calc(*each, None), small) / side for each in ((new, old), (old, new)))
    returned = flow + _bent(back, flow)
    length, _ = cv2.cartToPolar(flow[..., 0], flow[..., 1])
    off, _ = cv2.cartToPolar(returned[..., 0], returned[..., 1])
    return flow, (length < _MOST) & (off < _RETURNS / side)


def _texture(grey: Grey, small: Size) -> NDArray[np.float32]:
    """Return how much a match says, 0 to 1, at a ``small`` size."""
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *step, scale=1 / 8) for step in ((1, 0), (0, 1)))
    texture = cv2.blur(resize(across * across + down * down, small), (3, 3))
    return texture / (texture + np.float32(_TEXTURE**2))


def _is_close(plate: Picture, picture: Picture, field: Bend) -> NDArray[np.bool_]:
    """Return, at the size of the field, where the plate is like the picture once it is bent."""
    size = field.shape[0], field.shape[1]
    difference = cv2.absdiff(_bent(resize(plate, size), field), resize(picture, size))
    return cv2.inRange(difference, (0, 0, 0), (_CLOSE, _CLOSE, _CLOSE)) > 0


def _difference(plate: Grey, picture: Grey) -> float:
    """Return the mean difference, in levels, in which the subject counts for little."""
    return float(np.minimum(cv2.blur(cv2.absdiff(plate, picture), (3, 3)), _CLOSE).mean())


def _moved(plate: Picture, homography: NDArray[np.float64], picture: Copies, field: Bend | None = None) -> Picture:
    """Return a copy of a plate, in colour or grey, moved by a ``homography`` that is that of whole pictures."""
    scale = scaling(picture.picture.shape, (plate.shape[0], plate.shape[1]))
    return warp(plate, rescaled(homography, scale), field)


def _bent(image: Layer, field: Bend) -> Layer:
    """Return a picture, or another field, bent by ``field``."""
    size = image.shape[0], image.shape[1]
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    places = np.stack([x, y], axis=2) + resize(field, size) * np.float32(max(size))
    return cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
