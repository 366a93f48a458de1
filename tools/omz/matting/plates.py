"""Sources of plates."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from omz.errors import ImageError, VideoError
from omz.images.arrays import Picture, Pixels
from omz.images.depth import opacity_as
from omz.images.files import read_image

if TYPE_CHECKING:
    from omz.video.reading import VideoFrame


class PlateSource(Protocol):
    """A source of plates."""

    def at(self, index: int, name: str) -> Picture:
        """Return the plate of a frame, by its index in a video or the name of its image.

        It is (H, W, 3) BGR, or where it is partly transparent (H, W, 4) BGRA.
        Raises :class:`omz.errors.OmzError` if there is none.
        """


def read_plate(path: Path, max_pixels: int | None = None, content: bytes | None = None) -> Picture:
    """Read a plate: (H, W, 3) BGR, or (H, W, 4) BGRA of one that is partly transparent.

    ``content`` replaces that of the file. Raises :class:`ImageError`.
    """
    try:
        image = read_image(path, content, max_pixels)
    except ImageError as error:
        raise type(error)(f"the plate: {error}") from error
    return _with_alpha(image.picture, image.opacity)


def _with_alpha(picture: Picture, opacity: Pixels | None) -> Picture:
    if opacity is None:
        return picture
    return cv2.merge([picture, opacity_as(opacity, np.uint8)])


class OnePlate:
    """One plate for all frames."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        return self._picture


class PlatesByName:
    """A plate for each image: the file of the same name in a folder, whatever the suffix."""

    def __init__(self, folder: Path, plates: Mapping[str, Path], max_pixels: int | None = None) -> None:
        self._folder, self._plates, self._max_pixels = folder, plates, max_pixels

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        below = PurePosixPath(name)
        path = self._plates.get(str(below.with_suffix(""))) or self._plates.get(below.stem)
        if path is None:
            raise ImageError(f"there is no plate for {name} in {self._folder}; name it like the image")
        return read_plate(path, self._max_pixels)


class PlatesInTurn:
    """A plate for each frame: the images of a folder in turn; the last serves all frames after it."""

    def __init__(self, paths: Sequence[Path], max_pixels: int | None = None) -> None:
        self._paths, self._max_pixels = paths, max_pixels

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        return read_plate(self._paths[min(index, len(self._paths) - 1)], self._max_pixels)


class PlateVideo:
    """A plate for each frame: the frames of a video, asked for in order; the last serves all frames after it."""

    def __init__(self, path: Path) -> None:
        from omz.video.reading import read

        self._path = path
        self._frames: Generator[VideoFrame, None, None] = read(path)
        self._last: VideoFrame | None = None

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        from omz.video.reading import IncompleteError

        while self._last is None or self._last.index < index:
            try:
                self._last = next(self._frames)
            except (StopIteration, IncompleteError):  # an incomplete video ends where it ends
                break
        if self._last is None:
            raise VideoError(f"{self._path} has no frames; use another video for the plate")
        return _with_alpha(self._last.picture, self._last.opacity)
