"""Standard input and other pipes: an image, or a video that needs no seeking."""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from omz.cutout.inputs import StdinPicture
from omz.errors import ImageError, UsageError, VideoError, os_reason
from omz.images.animated import is_animation
from omz.images.arrays import Picture, Size
from omz.images.files import read_image
from omz.images.sizes import size_text
from omz.video.colour import Conversion
from omz.video.decoding import Decoder
from omz.video.info import VideoFacts, clock_of, rate_of
from omz.video.reading import IncompleteError, VideoFrame

NAME = "standard input"

HEAD = 1024
"""Bytes that tell what follows."""

_LARGEST_PICTURE = 1 << 28  # bytes of its file
_CHUNK = 1 << 20  # bytes
_MP4 = "mov,mp4"  # as FFmpeg's name of the format begins
_PACKET = 188  # bytes of MPEG-TS, each of which begins with G
_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
_VIDEOS = (b"\x1a\x45\xdf\xa3", b"YUV4MPEG2", b"nut/multimedia container", b"FLV\x01", b"OggS")
_RAW = re.compile(r"(?P<width>[1-9]\d*)x(?P<height>[1-9]\d*):(?P<pixels>\w+)@(?P<rate>\d+(?:/[1-9]\d*|\.\d+)?)")


class StdinVideo:
    """A video that is read once, from its beginning: iterate over it.

    ``size`` (height, width), ``rate`` in frames a second and ``time_base`` are what its beginning says. ``has_sound``
    is all that anybody learns of its sound.
    """

    def __init__(self, container: InputContainer, name: str = NAME) -> None:
        self.name = name
        self._container = container
        self._stream = container.streams.video[0]
        self.size: Size = (self._stream.height, self._stream.width)
        self.rate = rate_of(self._stream)
        self.time_base = Fraction(self._stream.time_base or 1 / self.rate)
        self.has_sound = bool(container.streams.audio)
        self._breaks_off = False

    @property
    def facts(self) -> VideoFacts:
        """Facts about the video."""
        aspect = Fraction(self._stream.sample_aspect_ratio or 1)
        return VideoFacts(self.name, self.size, self.rate, self.time_base, None, Fraction(0), aspect)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yield all frames; their times increase, whatever the video says.

        Raises :class:`VideoError` for a frame of another size than the first, and :class:`IncompleteError`, after the
        last that could be decoded, where the video breaks off.
        """
        conversion, clock = Conversion(), clock_of(self._stream)
        for count, frame in enumerate(self._decoded()):
            picture = conversion.picture(frame)
            size = picture.shape[0], picture.shape[1]
            if count == 0:
                self.size = size  # upright, which its beginning does not say
            if size != self.size:
                sizes = f"{size_text(*size)}, those before are {size_text(*self.size)}"
                raise VideoError(f"{self.name}: frame {count} is {sizes}")
            duration = frame.duration or max(1, round(clock.step))
            yield VideoFrame(count, clock(frame.pts), duration, picture, opacity=conversion.opacity(frame))
        if clock.last is None:
            raise VideoError(f"{self.name} has no frame that can be decoded; pipe an undamaged video")

    def _decoded(self) -> Iterator[av.VideoFrame]:
        decoder, count = Decoder(self._stream), 0
        try:
            for frame in decoder(self._packets()):
                yield frame
                count += 1
        except (av.FFmpegError, OSError) as error:
            remedy = "pipe an undamaged video"
            if not count and self._container.format.name.startswith(_MP4):
                remedy = "name a file if its index stands at its end, for a pipe comes there too late"
            raise IncompleteError(
                f"{self.name} breaks off after {count} frames: {os_reason(error)}; {remedy}"
            ) from error
        finally:
            self._container.close()
        if self._breaks_off:
            raise IncompleteError(f"{self.name} breaks off within frame {count}; those before are whole")
        if decoder.failed and count:
            found = f"{decoder.failed} of its packets could not be decoded, {count} frames could"
            raise IncompleteError(f"{self.name} is damaged: {found}; pipe an undamaged video")

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets but a last one that is not whole; those of transport streams may be marked, and are."""
        for packet in self._container.demux(self._stream):
            if packet.is_corrupt and self._container.format.name != "mpegts":
                self._breaks_off = True
                continue
            yield packet


class _Rejoined:
    """A stream whose first bytes have been looked at, as FFmpeg reads it: whatever is there, without seeking."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int) -> bytes:
        if self._head:
            given, self._head = self._head[:size], self._head[size:]
            return given
        some = getattr(self._stream, "read1", self._stream.read)  # which does not wait until all is there
        return some(size)


def open_standard_input() -> BinaryIO:
    """Return standard input; raises :class:`UsageError` where that is closed."""
    if sys.stdin is None:
        raise UsageError("standard input is closed; pipe an image or a video into it, or name a file")
    return sys.stdin.buffer


def read_standard_input(
    stream: BinaryIO, raw: str | None = None, name: str = NAME, max_pixels: int | None = None
) -> StdinPicture | StdinVideo:
    """Return what a stream of bytes, called ``name``, is, by the first of them; nothing is sought back to.

    ``raw`` says that it is frames without any heads: ``WIDTHxHEIGHT:PIXELS@RATE``, such as ``1280x720:bgr24@30``, with
    FFmpeg's names of pixel formats. Raises :class:`UsageError` for a ``raw`` that says no such thing, or a stream that
    is a terminal; :class:`ImageError` and :class:`VideoError` for bytes that are empty, damaged or of no known kind,
    and for an image of more than ``max_pixels``.
    """
    layout = _raw_options(raw) if raw is not None else {}
    if stream.isatty():
        raise UsageError(f"{name} is a terminal; pipe an image or a video into it, or name a file")
    head = stream.read(HEAD)
    if not head:
        raise ImageError(f"{name} is empty; pipe an image or a video into it")
    if raw is not None:
        return _open_video(_Rejoined(head, stream), name, "rawvideo", layout)
    if is_video_head(head):
        return _open_video(_Rejoined(head, stream), name)
    data = _all_bytes(head, stream)
    if len(data) > _LARGEST_PICTURE:
        raise ImageError(f"{name} is neither an image nor a video of a known format; add --raw for raw frames")
    if _is_animation(data):
        raise ImageError(f"{name} is an animation, and would lose all frames but one; name a file to have them all")
    return StdinPicture(_decoded_picture(data, name, max_pixels), data)


def _all_bytes(head: bytes, stream: BinaryIO) -> bytes:
    """Return all bytes, or a few more than a picture may have."""
    data = bytearray(head)
    while len(data) <= _LARGEST_PICTURE and (more := stream.read(_CHUNK)):
        data += more
    return bytes(data)


def _is_animation(data: bytes) -> bool:
    with suppress(IndexError, struct.error):  # damaged, which its decoder says better
        return is_animation(BytesIO(data))
    return False


def is_video_head(head: bytes) -> bool:
    """Tell whether the first :data:`HEAD` bytes are those of a video."""
    if head[4:8] == b"ftyp":
        return head[8:12] not in _STILL_BRANDS
    is_transport = len(head) > 2 * _PACKET and all(head[at] == ord("G") for at in range(0, len(head), _PACKET))
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return is_transport or is_avi or head.startswith(_VIDEOS)


def _raw_options(raw: str) -> Mapping[str, str]:
    found = _RAW.fullmatch(raw)
    if found is None or not _is_format(found["pixels"]) or not Fraction(found["rate"]):
        raise UsageError(f"--raw {raw}: write WIDTHxHEIGHT:PIXELS@RATE, such as 1280x720:bgr24@30")
    return {
        "video_size": f"{found['width']}x{found['height']}",
        "pixel_format": found["pixels"],
        "framerate": found["rate"],
    }


def _is_format(name: str) -> bool:
    try:
        return bool(av.VideoFormat(name))
    except ValueError:
        return False


def _open_video(
    stream: _Rejoined, name: str, container_format: str | None = None, options: Mapping[str, str] | None = None
) -> StdinVideo:
    try:
        container = av.open(stream, "r", format=container_format, options=dict(options or {}))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{name} cannot be read as a video: {os_reason(error)}; pipe Matroska, MPEG-TS or NUT, or name a file"
        ) from error
    if not container.streams.video:
        container.close()
        raise VideoError(f"{name} has no video in it; pipe one")
    return StdinVideo(container, name)


def _decoded_picture(data: bytes, name: str, max_pixels: int | None) -> Picture:
    """Decode as files are."""
    return read_image(Path(name), data, max_pixels).picture
