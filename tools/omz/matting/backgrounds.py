"""Targets behind the subject: a colour, an image, images in turn, a video, or the scene itself, blurred."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import ImageColor

from omz.errors import ImageError, OmzError, UsageError
from omz.images.animated import is_animated
from omz.images.arrays import Picture, Size
from omz.images.files import has_transparency, read_image
from omz.images.placing import Placing, place
from omz.images.source import SourceImage
from omz.images.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_video, visible_images
from omz.images.transparency import premultiplied

BLUR = 25  # pixels, by default
TRANSPARENT = "transparent"
_PIXELS = re.compile(r"[0-9]{1,9}")  # Python reads no number of thousands of digits
_LONGEST = 200  # characters of a text in messages
_SOON = 1e-6  # seconds: rounding errors of repeated videos add up


class Target(Protocol):
    """A background for each frame."""

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """Return the background of a frame, by its index or its time in seconds, at ``size`` (height, width).

        It is (H, W, 3) BGR, or where it is partly transparent (H, W, 4), premultiplied.
        """


@dataclass(frozen=True)
class Blur:
    """The scene itself, blurred by this many pixels, once alpha is known."""

    pixels: int


class ImageTarget:
    """One image, or a colour as an image of one pixel."""

    def __init__(self, picture: Picture, fit: Placing) -> None:
        self._picture, self._fit = picture, fit
        self._placed: Picture | None = None

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """See :class:`Target`; frames mostly have the size of the frame before."""
        placed = self._placed
        if placed is None or placed.shape[:2] != size:
            placed = self._placed = place(self._picture, size, self._fit)
        return placed


class ImagesInTurn:
    """The images of a folder in turn, one for each frame, again and again."""

    def __init__(self, paths: list[Path], fit: Placing, max_pixels: int | None = None) -> None:
        self._paths, self._fit, self._max_pixels = paths, fit, max_pixels

    def each(self) -> list[ImageTarget]:
        """Return each image as a target of its own."""
        return [ImageTarget(_read(path, self._max_pixels), self._fit) for path in self._paths]

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """See :class:`Target`."""
        return place(_read(self._paths[index % len(self._paths)], self._max_pixels), size, self._fit)


class VideoTarget:
    """A video at its own pace, again and again; times asked for must not go back."""

    def __init__(self, path: Path, fit: Placing) -> None:
        from omz.video.info import probe

        self._path, self._fit, self._unit = path, fit, float(probe(path).time_base)
        self._frames = _with_seconds(path, self._unit)
        self._shown = next(self._frames)
        self._next = next(self._frames, None)
        self._round = 0.0  # seconds at which the video began this time

    def at(self, index: int, seconds: float, size: Size) -> Picture:
        """See :class:`Target`: the last frame shown by then."""
        while self._next is not None or self._ended_before(seconds):
            if self._next is None:
                self._round += self._length
                self._frames = _with_seconds(self._path, self._unit)
                self._shown, self._next = next(self._frames), next(self._frames, None)
            elif self._next.begin > seconds - self._round + _SOON:
                break
            else:
                self._shown, self._next = self._next, next(self._frames, None)
        return place(self._shown.picture, size, self._fit)

    @property
    def _length(self) -> float:
        return self._shown.begin + self._shown.length

    def _ended_before(self, seconds: float) -> bool:
        return seconds - self._round + _SOON >= self._length


@dataclass(frozen=True)
class _Shown:
    """A frame, its begin and its length in seconds."""

    begin: float
    length: float
    picture: Picture


def _with_seconds(path: Path, unit: float) -> Generator[_Shown, None, None]:
    from omz.video.reading import IncompleteError, read

    first: int | None = None
    with suppress(IncompleteError):  # it ends where it ends
        for frame in read(path, resize_changes=True):
            if first is None:
                first = frame.time
            picture = premultiplied(frame.picture, frame.opacity)
            yield _Shown((frame.time - first) * unit, frame.duration * unit, picture)


def _read(path: Path, max_pixels: int | None) -> Picture:
    image = read_image(path, None, max_pixels)
    return premultiplied(image.picture, image.opacity)


def load_target(text: str | None, fit: Placing, max_pixels: int | None = None) -> Target | Blur | None:
    """Return the target behind the subject; None for transparency.

    ``text`` is an image, a video, a folder of images, ``blur`` or ``blur:PIXELS``, ``transparent``, or a colour by CSS
    name or as #RRGGBB. Raises :class:`UsageError` for anything else, and :class:`ImageError` or
    :class:`omz.errors.VideoError` for a file that is missing or cannot be read.
    """
    if text is None or text == TRANSPARENT:
        return None
    path = target_file(text)
    if path is None and _is_path(text):
        raise ImageError(f"--target {text}: there is no such file; check the path")
    if path is None:
        return named_target(text, fit)
    if path.is_dir():
        paths = visible_images(path.iterdir())
        if not paths:
            raise UsageError(f"--target {path}: the folder has no images")
        return ImagesInTurn(paths, fit, max_pixels)
    if is_video(path):
        return VideoTarget(path, fit)
    return ImageTarget(_read(path, max_pixels), fit)


def named_target(text: str, fit: Placing = "cover") -> Target | Blur | None:
    """Return a target that is no file: ``blur`` or ``blur:PIXELS``, a colour, or None for ``transparent``.

    Raises :class:`UsageError` for anything else.
    """
    if text == TRANSPARENT:
        return None
    return _blur(text) or ImageTarget(colour(text), fit)


def image_target(image: SourceImage, fit: Placing = "cover") -> Target:
    """Return an image as a target."""
    return ImageTarget(premultiplied(image.picture, image.opacity), fit)


def is_transparent(text: str | None, max_pixels: int | None = None) -> bool:
    """Tell whether a target is partly transparent; of a video, whether its format has alpha.

    A file that cannot be read is not; :func:`load_target` says so.
    """
    path = target_file(text)
    if path is None:
        return False
    try:
        if path.is_dir():
            return any(has_transparency(file, max_pixels) for file in visible_images(path.iterdir()))
        if is_video(path):
            return _has_alpha(path)
        return has_transparency(path, max_pixels)
    except OmzError:
        return False


def _has_alpha(path: Path) -> bool:
    from omz.video.animation import BrokenAnimationError, frames_of
    from omz.video.colour import has_alpha
    from omz.video.info import probe

    if not is_animated(path):
        return has_alpha(probe(path).pixel_format)
    with suppress(BrokenAnimationError):
        return any(frame.opacity is not None for frame in frames_of(path))
    return False


def target_file(text: str | None) -> Path | None:
    """Return the file or folder that a target names, None if there is none of that name."""
    if text and os.path.exists(text):
        return Path(text)
    return None


def _is_path(text: str) -> bool:
    """Whether a text can only be the name of a file, and not of a colour."""
    return os.sep in text or Path(text).suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def _blur(text: str) -> Blur | None:
    kind, _, pixels = text.partition(":")
    if kind != "blur":
        return None
    if pixels and not (_PIXELS.fullmatch(pixels) and int(pixels)):
        raise UsageError(f"--target {text}: blur takes a number of pixels above 0; write blur:25")
    return Blur(int(pixels or BLUR))


def colour(text: str) -> Picture:
    """Return a colour, by CSS name, as #RRGGBB or #RRGGBBAA, as a target of one pixel. Raises :class:`UsageError`."""
    try:
        red, green, blue, *opacity = ImageColor.getrgb(text)
        pixel = np.array([[[blue, green, red]]], np.uint8)
    except (ValueError, OverflowError):
        word = text[:_LONGEST].lower()
        near = get_close_matches(word, ("blur", TRANSPARENT), 1, 0.8) or get_close_matches(word, ImageColor.colormap, 1)
        advice = f"did you mean {near[0]}?" if near else "write green or #78ff9b"
        raise UsageError(f"--target {text[:_LONGEST]}: there is no such file or colour; {advice}") from None
    if not opacity or opacity[0] == 255:
        return pixel
    return premultiplied(pixel, np.array([opacity], np.uint8))
