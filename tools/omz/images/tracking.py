"""Small movements between a plate and a picture, found in a few milliseconds by points that are followed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.copies import LARGE, Copies, Points
from omz.images.geometry import rescaled, scaling

_SIDE, _POINTS = 640, 160  # pixels of the longer side of the copies in which points are followed, and points
_EXACT_SIDE, _EXACT_POINTS = LARGE, 300  # the same where it has to be exact
_APART = 40  # how many points fit into the longer side
_WINDOW, _LEVELS = (21, 21), 1
_TOLERANCE = 0.3  # pixels of the copies that a point may be off
_LEAST, _LEAST_SHARE = 12, 0.3  # points that have to agree, also of those that were followed
_MANY = 80  # points that say more than a shift, a turn and a zoom; fewer fit anything
_STILL = 0.1  # pixels of the copies, 0.3 at 1080p: what the noise of points makes of a camera that stands still


@dataclass(frozen=True)
class Tracked:
    """``homography`` (3, 3) takes pixels of the plate to those of the picture.

    ``shift`` is by how many pixels of the picture that moves points on average, beyond what was expected; it
    ``is_still`` if that is no more than their noise.
    """

    homography: NDArray[np.float64]
    shift: float
    is_still: bool


def track(
    plate: Copies, picture: Copies, expected: NDArray[np.float64] | None = None, exact: bool = False
) -> Tracked | None:
    """Return how a plate has moved, near the ``expected`` homography; None where too few points agree.

    Both are of one size. It sees a shift, a turn and a zoom; if ``exact``, any homography of many points, in larger
    copies and three times the time.
    """
    side, most = (_EXACT_SIDE, _EXACT_POINTS) if exact else (_SIDE, _POINTS)
    size = picture.size(side)
    corners, scale = plate.corners(side, most, max(size) / _APART), scaling(picture.picture.shape, size)
    if len(corners) < _LEAST:
        return None
    start = np.eye(3) if expected is None else rescaled(expected, scale)
    before = cv2.perspectiveTransform(corners[:, None], start)
    after, found, _ = cv2.calcOpticalFlowPyrLK(
        plate.detail(side), picture.detail(side), corners[:, None], before.copy(), winSize=_WINDOW, maxLevel=_LEVELS,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    is_found = found.ravel().astype(bool)
    if is_found.sum() < _LEAST:
        return None
    step, mask = _fit(before[is_found], after[is_found], exact)
    if step is None or mask.sum() < max(_LEAST, _LEAST_SHARE * is_found.sum()):
        return None
    points = before[is_found][mask.ravel() > 0]
    shift = float(np.linalg.norm(cv2.perspectiveTransform(points, step) - points, axis=2).mean())
    whole = np.linalg.inv(scale) @ step @ start @ scale
    return Tracked(whole / whole[2, 2], shift / float(scale[0, 0]), shift <= _STILL)


def _fit(before: Points, after: Points, exact: bool) -> tuple[NDArray[np.float64] | None, NDArray[np.uint8]]:
    """Return the homography from points to points, and which agree with it."""
    if exact and len(before) >= _MANY:
        found, mask = cv2.findHomography(before, after, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=1000, confidence=0.999)
        if found is None or mask.sum() < _LEAST:
            return None, mask
        agree = mask.ravel() > 0
        best, _ = cv2.findHomography(before[agree], after[agree])  # RANSAC's own may be that of a few points
        return best, mask
    turned, mask = cv2.estimateAffinePartial2D(before, after, ransacReprojThreshold=_TOLERANCE)
    if turned is None:
        return None, mask
    return np.vstack([turned, [0, 0, 1]]), mask
