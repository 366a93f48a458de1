"""What the subject is placed before: a colour, a picture, pictures in turn, a video, or the scene itself, blurred."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import ImageColor

from omz.errors import UsageError
from omz.images.arrays import Picture, Size
from omz.images.files import read_picture
from omz.images.placing import Placing, place
from omz_demo.inputs.discovery import PICTURES, VIDEOS, natural
from omz_demo.video.info import VideoInfo, probe
from omz_demo.video.reading import IncompleteError, read

BLUR = 25  # pixels, where nothing else is said
TRANSPARENT = "transparent"
_SOON = 1e-6  # seconds: rounds add up to about the time they should


class Target(Protocol):
    """What is behind each frame."""

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """Return what is behind a frame, by its index or the seconds since the first, at ``size`` (height, width)."""


@dataclass(frozen=True)
class Blur:
    """The scene itself, blurred by so many pixels; it is made when alpha is known."""

    pixels: int


class StillTarget:
    """One picture, or a colour, a picture of one pixel."""

    def __init__(self, picture: Picture, fit: Placing) -> None:
        self._picture, self._fit = picture, fit
        self._placed: Picture | None = None

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """See :class:`Target`; most frames have the size of the one before."""
        placed = self._placed
        if placed is None or placed.shape[:2] != size:
            placed = self._placed = place(self._picture, size, self._fit)
        return placed


class PicturesInTurn:
    """The pictures of a folder, a frame each, from the beginning again after the last."""

    def __init__(self, paths: list[Path], fit: Placing) -> None:
        self._paths, self._fit = paths, fit

    def each(self) -> list[StillTarget]:
        """Return the pictures, each as a target of its own."""
        return [StillTarget(read_picture(path), self._fit) for path in self._paths]

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """See :class:`Target`."""
        return place(read_picture(self._paths[index % len(self._paths)]), size, self._fit)


class VideoTarget:
    """A video, at its own pace, from the beginning again after its end; asked for times that do not go back."""

    def __init__(self, path: Path, fit: Placing) -> None:
        self._path, self._fit, self._info = path, fit, probe(path)
        self._frames = _with_seconds(path, self._info)
        self._shown = next(self._frames)
        self._next = next(self._frames, None)
        self._round = 0.0  # when the video began this time

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """See :class:`Target`: the last frame that is shown by then."""
        while self._next is not None or self._ended_before(seconds):
            if self._next is None:
                self._round += self._length
                self._frames = _with_seconds(self._path, self._info)
                self._shown, self._next = next(self._frames), next(self._frames, None)
            elif self._next[0] > seconds - self._round + _SOON:
                break
            else:
                self._shown, self._next = self._next, next(self._frames, None)
        return place(self._shown[1], size, self._fit)

    @property
    def _length(self) -> float:
        return self._shown[0] + float(1 / self._info.rate)

    def _ended_before(self, seconds: float) -> bool:
        return seconds - self._round + _SOON >= self._length


def _with_seconds(path: Path, info: VideoInfo) -> Generator[tuple[float, Picture], None, None]:
    first: int | None = None
    with suppress(IncompleteError):  # it ends where it ends
        for frame in read(path, resize_changes=True):
            first = frame.time if first is None else first
            yield float((frame.time - first) * info.time_base), frame.picture


def load_target(text: str | None, fit: Placing) -> Target | Blur | None:
    """Return what the subject is placed before; None where it stays on transparency.

    ``text`` is a file, a folder of pictures, ``blur`` or ``blur:PIXELS``, ``transparent``, or a colour, by CSS name or
    as #RRGGBB. Raises :class:`UsageError` for what is none of these, and :class:`omz.errors.ImageError` or
    :class:`omz.errors.VideoError` for a file that cannot be read.
    """
    if text is None or text == TRANSPARENT:
        return None
    path = target_file(text)
    if path is None:
        return _blur(text) or StillTarget(colour(text), fit)
    if path.is_dir():
        paths = pictures_in(path)
        if not paths:
            raise UsageError(f"--target {path}: the folder has no pictures")
        return PicturesInTurn(paths, fit)
    return VideoTarget(path, fit) if path.suffix.lower() in VIDEOS else StillTarget(read_picture(path), fit)


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder, in natural order."""
    paths = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.name[0] != "."]
    return sorted(paths, key=lambda path: natural(path.name))


def target_file(text: str | None) -> Path | None:
    """Return the file or folder that a target names, None where it names none."""
    return Path(text) if text and os.path.exists(text) else None


def _blur(text: str) -> Blur | None:
    kind, _, pixels = text.partition(":")
    if kind != "blur":
        return None
    if pixels and not (pixels.isdecimal() and int(pixels)):
        raise UsageError(f"--target {text}: {pixels} is no number of pixels; write blur:25")
    return Blur(int(pixels or BLUR))


def colour(text: str) -> Picture:
    """Return a colour, by CSS name or as #RRGGBB, as a picture of one pixel. Raises :class:`UsageError`."""
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
        return np.array([[[blue, green, red]]], np.uint8)
    except (ValueError, OverflowError):
        shown = text if len(text) < 200 else f"{text[:200]}..."
        raise UsageError(f"--target {shown}: there is no such file or colour; write green or #78ff9b") from None
