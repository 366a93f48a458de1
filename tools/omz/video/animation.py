"""Animations: GIF, APNG and WebP files, read as videos, and written from the segments of one."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.filter import Graph
from av.video.stream import VideoStream

from omz.errors import ImageError, VideoError, first_line
from omz.images.arrays import Picture
from omz.images.depth import opacity_as
from omz.images.opening import open_image
from omz.images.source import image_of
from omz.images.stored import levels_of
from omz.video.formats import AnimationFormat
from omz.video.opening import file_url, opened
from omz.video.writing import discard, written_whole

TIME_BASE = Fraction(1, 1000)
"""Unit of the times of animations, in seconds."""

_FORMATS = ("GIF", "PNG", "WEBP")
_LONGEST = (1 << 24) - 1  # milliseconds of a frame of WebP
_USUAL = 100  # milliseconds of frames that give none, as browsers have it


class BrokenAnimationError(Exception):
    """The animation is damaged, or ends early; the text says why."""


@dataclass(frozen=True)
class AnimationFrame:
    """A frame: (H, W, 3) uint8 BGR, its (H, W) alpha, None where all is opaque; times in milliseconds."""

    picture: Picture
    opacity: Picture | None
    time: int
    duration: int


def frames_of(path: Path) -> Generator[AnimationFrame, None, None]:
    """Yield the frames of an animation, whole: what a frame leaves of the one before is in it.

    Raises :class:`BrokenAnimationError` after the last frame that can be decoded.
    """
    try:
        with open_image(path, formats=_FORMATS) as image:
            first = 1 if getattr(image, "default_image", False) else 0  # for viewers that show one image
            end = Fraction(0)
            for number in range(first, getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
                shown = image_of(levels_of(image, path))
                begin, end = round(end), end + (Fraction(image.info.get("duration") or 0) or _USUAL)
                opacity = None if shown.opacity is None else opacity_as(shown.opacity, np.uint8)
                yield AnimationFrame(shown.picture, opacity, begin, max(1, round(end) - begin))
    except ImageError as error:
        if error.__cause__ is None:  # not of its content
            raise VideoError(str(error)) from None
        raise BrokenAnimationError(first_line(error.__cause__)) from error


@dataclass(frozen=True)
class Written:
    """Number of frames in an animation, and of those among them whose time is that of the one before."""

    frames: int
    at_once: int


def write_animation(segments: Sequence[Path], output: Path, form: AnimationFormat, shift: Fraction) -> Written:
    """Write the frames of video files as one animation, ``shift`` seconds earlier; it repeats for ever.

    Raises :class:`VideoError`, and leaves no output, if a segment cannot be read, or the output cannot be written.
    """
    options = dict(form.muxer_options)
    with opened(segments[-1]) as (container, stream):
        *_, last = (packet for packet in container.demux(stream) if packet.size)
    last_duration = (last.duration or 0) * last.time_base
    if form.last_unit is not None:
        units = last_duration / form.last_unit
        options["final_delay"] = str(units.limit_denominator(1000 if form.last_unit == 1 else 1))
    with written_whole(output) as temporary, contextlib.ExitStack() as stack:
        written = av.open(file_url(temporary), "w", format=form.muxer, container_options=options)
        stack.callback(discard, written)
        encoded = _Encoded(written, form, shift)
        for path in segments:
            with opened(path) as (container, stream):
                for frame in container.decode(stream):
                    encoded.take(frame)
        encoded.finish()
        written.close()
        if form.muxer == "webp":
            _set_end(temporary, encoded.milliseconds + round(last_duration / TIME_BASE))
    return Written(encoded.count, encoded.at_once)


class _Encoded:
    """Encoder of an animation."""

    def __init__(self, output: OutputContainer, form: AnimationFormat, shift: Fraction) -> None:
        self.count = self.at_once = 0
        self._output, self._form, self._shift = output, form, shift
        self._first = 0
        self._last: int | None = None
        self._stream: VideoStream | None = None

    def take(self, frame: av.VideoFrame) -> None:
        """Encode a frame."""
        if self._stream is None:
            self._stream = self._added(frame)
        assert frame.pts is not None
        assert frame.time_base is not None
        time = round((frame.pts * frame.time_base - self._shift) / self._form.time_base)
        if self._last is not None and time <= self._last:
            self.at_once += 1
            time = self._last + 1
        if self._last is None:
            self._first = time
        given = _paletted(frame) if self._form.pixel_format == "pal8" else self._reformatted(frame)
        given.pts, given.time_base = time, self._form.time_base
        self._output.mux(self._stream.encode(given))
        self.count, self._last = self.count + 1, time

    @property
    def milliseconds(self) -> int:
        """The time from the first frame to the last."""
        return round(((self._last or 0) - self._first) * self._form.time_base / TIME_BASE)

    def finish(self) -> None:
        """Flush the encoder."""
        if self._stream is not None:
            self._output.mux(self._stream.encode(None))

    def _added(self, frame: av.VideoFrame) -> VideoStream:
        stream = self._output.add_stream(self._form.codec, 25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, self._form.pixel_format
        stream.options = dict(self._form.options)
        stream.time_base = stream.codec_context.time_base = self._form.time_base
        return stream

    def _reformatted(self, frame: av.VideoFrame) -> av.VideoFrame:
        return frame.reformat(format=self._form.pixel_format)


def _set_end(webp: Path, milliseconds: int) -> None:
    """Have the last frame of a WebP end at a time, for the encoder gives it the average duration.

    The encoder makes one frame of several that are alike.
    """
    place, begin, duration = 0, 0, 0
    with webp.open("r+b") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            kind, size = struct.unpack("<4sI", head)
            after = file.tell() + size + size % 2
            if kind == b"ANMF":
                begin += duration
                place = file.seek(12, os.SEEK_CUR)
                duration = int.from_bytes(file.read(3), "little")
            file.seek(after)
        if place:
            file.seek(place)
            file.write(min(max(1, milliseconds - begin), _LONGEST).to_bytes(3, "little"))


def _paletted(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame with a palette of its own; a pixel is transparent or opaque."""
    graph = Graph()
    rgba = frame.reformat(format="rgba")
    source = graph.add_buffer(width=rgba.width, height=rgba.height, format=rgba.format, time_base=TIME_BASE)
    split, palette = graph.add("split"), graph.add("palettegen")
    used, sink = graph.add("paletteuse", alpha_threshold="128"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(used, 1, 0)
    palette.link_to(used, 0, 1)
    used.link_to(sink)
    graph.configure()
    rgba.pts, rgba.time_base = 0, TIME_BASE
    graph.vpush(rgba)
    graph.vpush(None)
    return graph.vpull()
