"""Small copies of a picture, and its points, for measurements; each is made once, when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import accumulate
from typing import Any, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Picture, Size
from omz.images.geometry import limit_side, resize

Grey: TypeAlias = NDArray[np.uint8]
Points: TypeAlias = NDArray[np.float32]
"""(N, 2), x and y in pixels."""
Features: TypeAlias = tuple[Points, NDArray[np.float32]]

Made = TypeVar("Made")

LARGE = 1280
"""Pixels of the longer side of the largest copies."""
SIFT_SIDE = 640
"""Pixels of the longer side of the copy in which features lie."""
_SMALL = 320
_COARSE = 17  # pixels; what is coarser, such as light that has changed, says nothing of movement
_QUALITY = 0.01  # of a corner, against the best
_FEATURES = 1500


class Copies:
    """Copies of a ``picture``, (H, W, 3) uint8 BGR, that stays as it is.

    A ``side`` is the pixels of the longer side, if the picture is larger. Any thread may ask; what two make at a time
    is the same.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self._made: dict[Hashable, Any] = {}

    def size(self, side: int) -> Size:
        """Return the size (height, width) of a copy."""
        return limit_side(self.picture.shape, side)

    @property
    def small(self) -> Picture:
        """The copy of 320 pixels, in colour."""
        return self._once("small", lambda: resize(self._base, self.size(_SMALL)))

    def sized(self, size: Size) -> Picture:
        """Return a copy of ``size`` (height, width), in colour; the picture itself at its own."""
        if self.picture.shape[:2] == size:
            return self.picture
        return self._once(("sized", size), lambda: resize(self.picture, size))

    def grey(self, side: int) -> Grey:
        """Return a copy in grey."""
        return self._once(("grey", side), lambda: resize(_grey(self._base), self.size(side)))

    @property
    def _base(self) -> Picture:
        """What copies are made of: the picture, or if that is much larger than they are, the largest copy."""
        if max(self.picture.shape) <= 2 * LARGE:
            return self.picture
        return self._once("base", lambda: resize(self.picture, self.size(LARGE)))

    def calmed(self, side: int) -> Grey:
        """Return a copy in grey without the finest noise, which differs between two pictures."""
        return self._once(("calmed", side), lambda: cv2.GaussianBlur(self.grey(side), (0, 0), 1.0))

    def detail(self, side: int) -> Grey:
        """Return a copy in grey without what is coarse, around 128, and without the finest noise."""
        return self._once(("detail", side), lambda: _detail(self.grey(side)))

    def corners(self, side: int, most: int, apart: float) -> Points:
        """Return up to ``most`` corners in a copy, ``apart`` pixels from each other, the best ones first."""
        return self._once(("corners", side, most, apart), lambda: _corners(self.grey(side), most, apart))

    @property
    def features(self) -> Features:
        """SIFT features of a copy: places, and their descriptors (N, 128)."""
        return self._once("features", lambda: _features(self.grey(SIFT_SIDE)))

    def _once(self, name: Hashable, make: Callable[[], Made]) -> Made:
        made: Made | None = self._made.get(name)
        if made is None:
            made = self._made[name] = make()
        return made


class PreparedPlates:
    """Copies of the plates that were used last, by their pixels; any number of threads may ask, also after a fork.

    A few are kept, and none that is very large, whose copies are little work beside the rest.
    """

    _MOST, _BYTES = 4, 96 << 20  # plates, and bytes of them all

    def __init__(self) -> None:
        self._kept: tuple[Copies, ...] = ()

    def __call__(self, plate: Picture) -> Copies:
        """Return the copies of a plate, (H, W, 3) uint8 BGR, which may change afterwards."""
        kept = self._kept
        for each in kept:
            if each.picture.shape == plate.shape and not cv2.norm(each.picture, plate, cv2.NORM_INF):
                if each is not kept[0]:
                    self._keep((each, *(other for other in kept if other is not each)))
                return each
        if plate.nbytes > self._BYTES:
            return Copies(plate)
        made = Copies(plate.copy())
        self._keep((made, *kept))
        return made

    def _keep(self, plates: tuple[Copies, ...]) -> None:
        """Keep the first of ``plates``; of two threads at a time, what one keeps the other may drop."""
        total = accumulate(each.picture.nbytes for each in plates)
        fitting = sum(size <= self._BYTES for size in total)
        self._kept = plates[: min(fitting, self._MOST)]


def _grey(picture: Picture) -> Grey:
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


def _detail(grey: Grey) -> Grey:
    return cv2.addWeighted(cv2.GaussianBlur(grey, (0, 0), 0.8), 1, cv2.blur(grey, (_COARSE, _COARSE)), -1, 128)


def _corners(grey: Grey, most: int, apart: float) -> Points:
    corners = cv2.goodFeaturesToTrack(grey, most, _QUALITY, apart, blockSize=7)
    if corners is None:
        return np.empty((0, 2), np.float32)
    return corners.reshape(-1, 2)


def _features(grey: Grey) -> Features:
    sift = cv2.SIFT.create(nfeatures=_FEATURES, contrastThreshold=0.01)
    points, descriptors = sift.detectAndCompute(grey, None)
    return np.array([point.pt for point in points], np.float32).reshape(-1, 2), descriptors
