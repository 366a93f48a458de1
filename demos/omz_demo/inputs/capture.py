"""Plates from what moves: captured before a camera, or taken from a video."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import VideoError
from omz.images.arrays import Picture
from omz.images.files import write_picture
from omz_demo.frames import Frame

COUNTDOWN = 5.0
"""Seconds to step out of the picture."""
STILLS = 15
"""Pictures that make a plate."""

_ATTEMPTS = 10
_SMALL = (54, 96)  # rows, columns that motion is measured on: noise of a camera averages out
_MOVING_SHARE = 0.002  # of the picture: about a hand
_MOVING_LEVELS = 14.0  # noise of 10 levels makes up to 11, a hand that moves at least 20; see the tests
_SAMPLES = 25
_ROWS = 32  # that a median is taken of at a time, so that few are kept as float64


class Live(Protocol):
    """What :class:`omz_demo.inputs.camera.LiveSource` is to a capture."""

    def __iter__(self) -> Iterator[Frame]: ...
    def __next__(self) -> Frame: ...

    def lock(self) -> None:
        """Keep exposure, white balance and focus as they are."""


def median_plate(pictures: Sequence[Picture]) -> Picture:
    """Return, pixel by pixel and channel by channel, the median over ``pictures``, all of one size.

    Of an even number, the mean of the two in the middle, rounded up.
    """
    plate = np.empty_like(pictures[0])
    for top in range(0, plate.shape[0], _ROWS):
        plate[top : top + _ROWS] = np.median([picture[top : top + _ROWS] for picture in pictures], axis=0) + 0.5
    return plate


def motion(pictures: Sequence[Picture]) -> float:
    """Return how far, in levels 0 to 255, pixels change over ``pictures``: all but the share of a hand change less.

    Measured on means of blocks, so that noise hardly counts; light that changes does.
    """
    small = np.stack([cv2.resize(picture, _SMALL[::-1], interpolation=cv2.INTER_AREA) for picture in pictures])
    change: NDArray[np.uint8] = np.ptp(small, axis=0).max(axis=-1)
    return float(np.quantile(change, 1 - _MOVING_SHARE))


def is_still(pictures: Sequence[Picture]) -> bool:
    """Tell whether nothing moves in ``pictures``."""
    return motion(pictures) < _MOVING_LEVELS


def capture_plate(
    source: Live,
    show: Callable[[Picture, str], bool],
    path: Path | None = None,
    countdown: float = COUNTDOWN,
    clock: Callable[[], float] = time.monotonic,
) -> Picture | None:
    """Return the scene without its subject, once ``countdown`` seconds have gone by and nothing moves; write it, too.

    ``show`` is given each picture, with a line for the user, and returns whether to go on; else the result is None.
    Exposure, white balance and focus are kept from the end of the countdown on, where the driver lets them be. Raises
    :class:`VideoError` where the scene does not come to rest or the source ends.
    """
    ends = clock() + countdown
    while (left := ends - clock()) > 0:
        if not show(_next(source).picture, f"plate in {left:.0f} s: step out of the picture"):
            return None
    source.lock()
    for _ in range(_ATTEMPTS):
        pictures: list[Picture] = []
        while len(pictures) < STILLS:
            pictures.append(_next(source).picture)
            if not show(pictures[-1], "taking the plate: nothing may move"):
                return None
        if is_still(pictures):
            plate = median_plate(pictures)
            if path is not None:
                write_picture(path, plate)
            return plate
    raise VideoError(
        f"no plate: something moved in each of {_ATTEMPTS} tries; leave the picture, and touch neither camera nor light"
    )


def plate_of(frames: Iterable[Picture], how: Literal["first", "median"]) -> Picture:
    """Return the first picture of a clip, or the median of some that are spread over all of it.

    Raises :class:`VideoError` where there is none.
    """
    pictures = list(islice(frames, 1)) if how == "first" else spread(frames, _SAMPLES)
    if not pictures:
        raise VideoError("the video for the plate has no frames; use another")
    return median_plate(pictures)


def spread(frames: Iterable[Picture], most: int) -> list[Picture]:
    """Return at most ``most`` pictures, evenly spread over ``frames``, of which nobody knows the number beforehand.

    At least half of ``most`` where there are as many. Whenever there are too many, every second is dropped.
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


def _next(source: Live) -> Frame:
    frame = next(source, None)
    if frame is None:
        raise VideoError("no plate: the source ended before it could be taken")
    return frame
