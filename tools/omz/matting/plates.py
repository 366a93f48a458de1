"""Sources of plates, and plates that fit their images: resized, aligned, their exposure matched."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import cv2
import numpy as np

from omz.errors import ImageError, VideoError
from omz.images.alignment import Alignment, align
from omz.images.arrays import Picture, Pixels
from omz.images.depth import opacity_as
from omz.images.exposure import match_exposure
from omz.images.files import read_image
from omz.images.geometry import resize
from omz.images.sizes import picture_size
from omz.images.transparency import without_gaps

if TYPE_CHECKING:
    from omz.video.reading import VideoFrame

Aligning: TypeAlias = Literal["off", "auto", "frame"]
"""Never; once for a video, whose camera stands still; or for every frame."""


class PlateSource(Protocol):
    """A source of plates."""

    def at(self, index: int, name: str) -> Picture:
        """Return the plate of a frame, by its index in a video or the name of its image.

        It is (H, W, 3) BGR, or where it is partly transparent (H, W, 4) BGRA.
        Raises :class:`omz.errors.OmzError` if there is none.
        """


def read_plate(path: Path, max_pixels: int | None = None) -> Picture:
    """Read a plate: (H, W, 3) BGR, or (H, W, 4) BGRA of one that is partly transparent. Raises :class:`ImageError`."""
    image = read_image(path, None, max_pixels)
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


@dataclass(frozen=True)
class PlateOptions:
    """Whether plates are aligned to their images, and their exposure is matched."""

    align: Aligning = "off"
    match_exposure: bool = False


@dataclass(frozen=True)
class Fitted:
    """A plate that fits its image, and notes about it, a line each.

    ``problem`` is the note that says why it could not be aligned, else empty.
    """

    plate: Picture
    notes: tuple[str, ...] = ()
    problem: str = ""


class Plates:
    """Plates that fit their images.

    With a ``fixed`` camera, a single plate is fitted once. Safe to call from several threads if the source is.
    """

    def __init__(self, source: PlateSource, options: PlateOptions, fixed: bool) -> None:
        self._source, self._options = source, options
        self._fits_once = fixed and isinstance(source, OnePlate) and options.align != "frame"
        self._resized: tuple[Picture, Picture] | None = None
        self._settled: Fitted | None = None

    def at(self, index: int, name: str, picture: Picture) -> Fitted:
        """Return the plate of a frame, of the size of its ``picture``.

        Raises :class:`omz.errors.OmzError` if there is none.
        """
        if self._settled is not None and self._settled.plate.shape == picture.shape:
            return Fitted(self._settled.plate)
        raw = self._source.at(index, name)
        notes = []
        if raw.shape[2] == 4:
            raw = without_gaps(raw)
            notes.append("the plate is partly transparent; its own colours are taken, and grey where it has none")
        plate = self._at_size(raw, picture)
        if plate is not raw:
            notes.append(f"the plate is {picture_size(raw)}, resized to the image's {picture_size(picture)}")
        fitted = _fitted(plate, picture, self._options, notes)
        if self._fits_once:
            self._settled = fitted
        return fitted

    def _at_size(self, raw: Picture, picture: Picture) -> Picture:
        if raw.shape == picture.shape:
            return raw
        kept = self._resized
        if kept is None or kept[0] is not raw or kept[1].shape != picture.shape:
            kept = self._resized = raw, resize(raw, (picture.shape[0], picture.shape[1]))
        return kept[1]


def _fitted(plate: Picture, picture: Picture, options: PlateOptions, notes: list[str]) -> Fitted:
    covered, problem = None, ""
    if options.align != "off":
        alignment = align(plate, picture)
        plate, covered = alignment.plate, alignment.covered
        notes.append(_alignment_note(alignment))
        if not alignment.aligned:
            problem = notes[-1]
    if options.match_exposure:
        exposure = match_exposure(plate, picture, covered)
        plate = exposure.plate
        if exposure.is_off:
            gains = ", ".join(map("{:.2f}".format, exposure.gains))
            notes.append(f"the exposure of the plate is matched: blue, green, red times {gains}")
    return Fitted(plate, tuple(notes), problem)


def _alignment_note(alignment: Alignment) -> str:
    if not alignment.aligned:
        return f"the plate is used as it is, not aligned: {alignment.reason}"
    return (
        f"the plate is aligned: its corners moved by {alignment.shift:.1f} pixels; {alignment.inliers} of "
        f"{alignment.matches} points agree, {alignment.residual:.2f} pixels off"
    )
