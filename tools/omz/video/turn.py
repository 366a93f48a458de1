"""Turns and mirrors to apply before a picture is shown, as cameras note in their files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from omz.images.arrays import Size

Array = TypeVar("Array", NDArray[np.uint8], NDArray[np.uint16])


@dataclass(frozen=True)
class Turn:
    """First rows and columns change places, if at all; then columns, then rows are reversed."""

    transposed: bool = False
    columns_reversed: bool = False
    rows_reversed: bool = False

    def apply(self, picture: Array) -> Array:
        """Return ``picture``, (H, W) or (H, W, C), upright."""
        if self == Turn():
            return picture
        if self.transposed:
            picture = picture.swapaxes(0, 1)
        if self.columns_reversed:
            picture = picture[:, ::-1]
        if self.rows_reversed:
            picture = picture[::-1]
        return np.ascontiguousarray(picture)

    def size(self, size: Size) -> Size:
        """Return the upright size (height, width) of a picture of ``size``."""
        return size[::-1] if self.transposed else size

    @property
    def degrees(self) -> int:
        """The clockwise turn, applied after a mirror from left to right, if any."""
        return 90 * self.transposed + 180 * self.rows_reversed


def turn_of(frame: VideoFrame) -> Turn:
    """Return the turn of a frame's display matrix, rounded to the nearest quarter.

    The matrix is that of ISO/IEC 14496-12, 8.3.2: column x and row y are shown at (a x + c y, b x + d y), with a, b, c,
    d at its places 0, 1, 3, 4.
    """
    noted = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(noted, SideData):
        return Turn()
    a, b, _, c, d = struct.unpack_from("=5i", bytes(noted))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(False, a < 0, d < 0)
    return Turn(True, c < 0, b < 0)
