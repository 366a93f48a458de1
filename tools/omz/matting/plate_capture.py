"""Plates captured from a camera, or taken from a video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import VideoError
from omz.images.arrays import Picture
from omz.images.files import write_picture
from omz.video.reading import VideoFrame

SHOTS = 15
"""Frames that make a plate."""

_COUNTDOWN = 5.0  # seconds to step out of the picture
_ATTEMPTS = 10
_SMALL = (96, 54)  # width, height at which motion is measured: noise of a camera averages out
_MOVING_SHARE = 0.002  # of the frame: about a hand
_MOVING_LEVELS = 14.0  # noise of 10 levels makes up to 11, a hand that moves at least 20; see the tests
_SAMPLES = 25
_ROWS = 32  # of a median at a time: they become float64


class Live(Protocol):
    """A camera: as much of :class:`omz.video.camera.LiveSource` as a capture needs."""

    def __iter__(self) -> Iterator[VideoFrame]: ...
    def __next__(self) -> VideoFrame: ...

    def lock(self) -> None:
        """Keep exposure, white balance and focus as they are."""


def median_plate(pictures: Sequence[Picture]) -> Picture:
    """Return the median of each pixel and channel over ``pictures``, all of one size.

    Of an even number, it is the mean of the two in the middle, rounded up.
    """
    plate = np.empty_like(pictures[0])
    for top in range(0, plate.shape[0], _ROWS):
        rows = np.s_[top : top + _ROWS]
        plate[rows] = np.median([picture[rows] for picture in pictures], axis=0) + 0.5
    return plate


def is_still(pictures: Sequence[Picture]) -> bool:
    """Tell whether nothing as large as a hand moves in ``pictures``.

    Their change is measured on means of blocks, so that noise hardly counts; light that changes does.
    """
    small = [cv2.resize(picture, _SMALL, interpolation=cv2.INTER_AREA) for picture in pictures]
    change: NDArray[np.uint8] = np.ptp(np.stack(small), axis=0).max(axis=-1)
    return bool(np.quantile(change, 1 - _MOVING_SHARE) < _MOVING_LEVELS)


def capture_plate(source: Live, show: Callable[[Picture, str], bool], path: Path | None = None) -> Picture | None:
    """Return the scene without its subject, after a countdown and once nothing moves; write it to ``path``, too.

    ``show`` takes each frame and a line for the user, and returns whether to go on; if not, the result is None.
    Exposure, white balance and focus stay as they are at the end of the countdown, if the driver can hold them. Raises
    :class:`VideoError` if the scene does not come to rest or the source ends.
    """
    ends = monotonic() + _COUNTDOWN
    while (left := ends - monotonic()) > 0:
        if not show(_next(source).picture, f"plate in {left:.0f} s: step out of the view"):
            return None
    source.lock()
    for _ in range(_ATTEMPTS):
        pictures: list[Picture] = []
        while len(pictures) < SHOTS:
            pictures.append(_next(source).picture)
            if not show(pictures[-1], "taking the plate: nothing may move"):
                return None
        if is_still(pictures):
            plate = median_plate(pictures)
            if path is not None:
                write_picture(path, plate)
            return plate
    raise VideoError(
        f"no plate: something moved in each of {_ATTEMPTS} tries; leave the view, and touch neither camera nor light"
    )


def plate_of(frames: Iterable[Picture], how: Literal["first", "median"]) -> Picture:
    """Return the first frame of a video, or the median of some that are spread over all of it.

    Raises :class:`VideoError` if it has none.
    """
    if how == "first":
        pictures = list(islice(frames, 1))
    else:
        pictures = spread(frames, _SAMPLES)
    if not pictures:
        raise VideoError("the video for the plate has no frames; use another")
    return median_plate(pictures)


def spread(frames: Iterable[Picture], most: int) -> list[Picture]:
    """Return at most ``most`` of ``frames``, evenly spread over all of them, whose number is not known beforehand.

    At least half of ``most`` are kept, if there are as many: whenever there are too many, every second is dropped.
    """
    kept: list[Picture] = []
    step = 1
    for index, picture in enumerate(frames):
        if index % step:
            continue
        if len(kept) == most:
            kept, step = kept[::2], 2 * step
            if index % step:
                continue
        kept.append(picture)
    return kept


def _next(source: Live) -> VideoFrame:
    frame = next(source, None)
    if frame is None:
        raise VideoError("no plate: the source ended before it could be taken")
    return frame
