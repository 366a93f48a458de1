"""The plate of each frame: where it comes from, and what is done to it so that it fits."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol, TypeAlias

from omz.errors import ImageError, VideoError
from omz.images.alignment import Alignment, align
from omz.images.arrays import Picture
from omz.images.exposure import match_exposure
from omz.images.files import read_picture
from omz.images.geometry import resize
from omz_demo.video.reading import IncompleteError, VideoFrame, read

Aligning: TypeAlias = Literal["off", "auto", "frame"]
"""Not at all; once for a video, whose camera stands still; or for every frame."""


class PlateSource(Protocol):
    """Where plates come from."""

    def at(self, index: int, name: str) -> Picture:
        """Return the plate of a frame, by its index in a video or the name of its picture.

        Raises :class:`omz.errors.OmzError` where there is none.
        """


class OnePlate:
    """One plate for all."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        return self._picture


class PlatesByName:
    """A plate a picture: the file below a folder that has its name, whatever the suffix."""

    def __init__(self, folder: Path, plates: Mapping[str, Path]) -> None:
        self._folder, self._plates = folder, plates

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        below = PurePosixPath(name)
        path = self._plates.get(str(below.with_suffix(""))) or self._plates.get(below.stem)
        if path is None:
            raise ImageError(f"there is no plate for {name} in {self._folder}; name it like the picture")
        return read_picture(path)


class PlatesInTurn:
    """A plate a frame: the pictures of a folder, in their order; the last serves those that come after."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        return read_picture(self._paths[min(index, len(self._paths) - 1)])


class PlateVideo:
    """A plate a frame: those of a video, asked for in order; its last serves those that come after."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: Generator[VideoFrame, None, None] = read(path)
        self._last: VideoFrame | None = None

    def at(self, index: int, name: str) -> Picture:
        """See :class:`PlateSource`."""
        while self._last is None or self._last.index < index:
            frame = self._following()
            if frame is None:
                break
            self._last = frame
        if self._last is None:
            raise VideoError(f"{self._path} has no frames; use another video for the plate")
        return self._last.picture

    def _following(self) -> VideoFrame | None:
        try:
            return next(self._frames, None)
        except IncompleteError:  # it ends where it ends
            return None


@dataclass(frozen=True)
class Care:
    """What is done to plates: whether they are aligned to the picture, and whether their exposure is made to match."""

    align: Aligning = "off"
    match_exposure: bool = False


@dataclass(frozen=True)
class Fitted:
    """A plate that fits its picture, and what there is to say of it, a line each.

    ``problem`` is the one that says why it could not be aligned, empty where it could, or was not to be.
    """

    plate: Picture
    notes: tuple[str, ...] = ()
    problem: str = ""


class Plates:
    """Plates that fit their pictures.

    Those of a ``fixed`` camera are aligned as the first one was. Safe to call from several threads where the source is.
    """

    def __init__(self, source: PlateSource, care: Care, fixed: bool) -> None:
        self._source, self._care, self._fixed = source, care, fixed
        self._resized: tuple[Picture, Picture] | None = None
        self._settled: Fitted | None = None

    def at(self, index: int, name: str, picture: Picture) -> Fitted:
        """Return the plate of a frame, of the size of its ``picture``.

        Raises :class:`omz.errors.OmzError` where there is none.
        """
        if self._settled is not None and self._settled.plate.shape == picture.shape:
            return Fitted(self._settled.plate)
        raw = self._source.at(index, name)
        plate = self._at_size(raw, picture)
        notes: tuple[str, ...] = ()
        if plate is not raw:
            notes = (f"the plate is {_size(raw)}, resized to the picture's {_size(picture)}",)
        fitted = _cared_for(plate, picture, self._care, notes)
        if self._fixed and isinstance(self._source, OnePlate) and self._care.align != "frame":
            self._settled = fitted
        return fitted

    def _at_size(self, raw: Picture, picture: Picture) -> Picture:
        if raw.shape == picture.shape:
            return raw
        kept = self._resized
        if kept is None or kept[0] is not raw or kept[1].shape != picture.shape:
            kept = self._resized = raw, resize(raw, (picture.shape[0], picture.shape[1]))
        return kept[1]


def _cared_for(plate: Picture, picture: Picture, care: Care, notes: tuple[str, ...]) -> Fitted:
    covered, problem = None, ""
    if care.align != "off":
        alignment = align(plate, picture)
        plate, covered = alignment.plate, alignment.covered
        told = _moved(alignment)
        notes, problem = (*notes, told), "" if alignment.aligned else told
    if care.match_exposure:
        exposure = match_exposure(plate, picture, covered)
        plate = exposure.plate
        if exposure.is_off:
            gains = ", ".join(f"{gain:.2f}" for gain in exposure.gains)
            notes = (*notes, f"the exposure of the plate is matched: blue, green, red times {gains}")
    return Fitted(plate, notes, problem)


def _moved(alignment: Alignment) -> str:
    if not alignment.aligned:
        return f"the plate is used as it is, not aligned: {alignment.reason}"
    return (
        f"the plate is aligned: its corners moved by {alignment.shift:.1f} pixels; {alignment.inliers} of "
        f"{alignment.matches} points agree, {alignment.residual:.2f} pixels off"
    )


def _size(picture: Picture) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
