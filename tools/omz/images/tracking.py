"""Small movements between a plate and a picture, found in a few milliseconds by points that are followed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Picture
from omz.images.geometry import limit_side, resize, scaling

_SIDE, _POINTS = 640, 160  # pixels of the longer side of the copies in which points are followed, and points
_EXACT_SIDE, _EXACT_POINTS = 1280, 300  # the same where it has to be exact
_QUALITY, _APART = 0.01, 40  # how faint points are against the best, how many fit into the longer side
_WINDOW, _LEVELS = (21, 21), 1
_COARSE = 17  # pixels; what is coarser, such as light that has changed, says nothing of movement
_TOLERANCE = 0.3  # pixels of the copies that a point may be off
_LEAST, _LEAST_SHARE = 12, 0.3  # points that have to agree, also of those that were followed
_MANY = 80  # points that say more than a shift, a turn and a zoom; fewer fit anything
_STILL = 0.07  # pixels of the copies, 0.2 at 1080p: what the noise of points makes of a camera that stands still


@dataclass(frozen=True)
class Tracked:
    """``homography`` (3, 3) takes pixels of the plate to those of the picture.

    ``shift`` is by how many pixels of the picture that moves points on average, beyond what was expected; it
    ``is_still`` if that is no more than their noise.
    """

    homography: NDArray[np.float64]
    shift: float
    is_still: bool


class PlateTracker:
    """Follower of a plate's points into pictures of its size; what is needed of the plate is made once.

    It sees a shift, a turn and a zoom; if ``exact``, any homography of many points, in larger copies and three times
    the time.
    """

    def __init__(self, plate: Picture, exact: bool = False) -> None:
        self._is_exact = exact
        self._size = limit_side(plate.shape, _EXACT_SIDE if exact else _SIDE)
        self._scale = scaling(plate.shape, self._size)
        grey = self._grey(plate)
        self._detail = _detail(grey)
        points = _EXACT_POINTS if exact else _POINTS
        corners = cv2.goodFeaturesToTrack(grey, points, _QUALITY, max(self._size) / _APART, blockSize=7)
        self._corners = np.empty((0, 1, 2), np.float32) if corners is None else corners

    def __call__(self, picture: Picture, expected: NDArray[np.float64] | None = None) -> Tracked | None:
        """Return how the plate has moved, near the ``expected`` homography; None where too few points agree."""
        if len(self._corners) < _LEAST:
            return None
        start = np.eye(3)
        if expected is not None:
            start = self._scale @ expected @ np.linalg.inv(self._scale)
        before = cv2.perspectiveTransform(self._corners, start)
        after, found, _ = cv2.calcOpticalFlowPyrLK(
            self._detail, _detail(self._grey(picture)), self._corners, before.copy(), winSize=_WINDOW,
            maxLevel=_LEVELS, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )  # fmt: skip
        is_found = found.ravel().astype(bool)
        if is_found.sum() < _LEAST:
            return None
        step, mask = self._fit(before[is_found], after[is_found])
        if step is None or mask.sum() < max(_LEAST, _LEAST_SHARE * is_found.sum()):
            return None
        points = before[is_found][mask.ravel() > 0]
        shift = float(np.linalg.norm(cv2.perspectiveTransform(points, step) - points, axis=2).mean())
        whole = np.linalg.inv(self._scale) @ step @ start @ self._scale
        return Tracked(whole / whole[2, 2], shift / float(self._scale[0, 0]), shift <= _STILL)

    def _fit(
        self, before: NDArray[np.float32], after: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.uint8]]:
        """Return the homography from points to points, and which agree with it."""
        if self._is_exact and len(before) >= _MANY:
            return cv2.findHomography(before, after, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=1000, confidence=0.999)
        turned, mask = cv2.estimateAffinePartial2D(before, after, ransacReprojThreshold=_TOLERANCE)
        if turned is None:
            return None, mask
        return np.vstack([turned, [0, 0, 1]]), mask

    def _grey(self, picture: Picture) -> NDArray[np.uint8]:
        return resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), self._size)


def _detail(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``grey`` without what is coarse, around 128, and without the finest noise."""
    return cv2.addWeighted(cv2.GaussianBlur(grey, (0, 0), 0.8), 1, cv2.blur(grey, (_COARSE, _COARSE)), -1, 128)
