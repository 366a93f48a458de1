"""Frames to a video file, at the times they have."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from omz.atomic import whole_file
from omz.errors import VideoError
from omz.images.arrays import Size
from omz_demo.frames import Levels
from omz_demo.video.colour import BT709, LIMITED, from_bgr
from omz_demo.video.formats import Container, Format, check_encoder
from omz_demo.video.opening import reason

_MOST_UNITS = 2**31 - 1  # in a second, in the headers of a MOV or MP4 file
_MOST_RATE = 10**6  # denominator: encoders take 32 bits


class VideoWriter:
    """Write frames; at the end of the ``with`` block the file is there, and after an error there is none.

    ``size`` is (height, width) of the pictures, ``time_base`` the unit of their times in seconds, ``rate`` in frames a
    second, on average. Colours are tagged BT.709. Where the codec takes even sizes only, the last row or column is
    repeated: ``padded`` says how many (rows, columns) were added. Raises :class:`VideoError`.
    """

    def __init__(
        self,
        path: Path,
        form: Format,
        size: Size,
        time_base: Fraction,
        rate: Fraction,
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        if form.container is None:
            raise ValueError(f"{form.codec} is no video")
        check_encoder(form.codec)
        self.path, self.form, self.size, self.time_base = path, form, size, time_base
        self.padded = (size[0] % 2, size[1] % 2) if form.needs_even_size else (0, 0)
        self._container, self._rate, self._aspect = form.container, rate, pixel_aspect
        self._usual_duration = max(1, round(1 / (rate * time_base)))
        self._last_duration = self._usual_duration
        self._reformatter = VideoReformatter()
        self._held: Packet[VideoStream] | None = None  # until it is known how long it is shown
        self._open = contextlib.ExitStack()

    def __enter__(self) -> VideoWriter:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(written_whole(self.path))
            options = mux_options(self._container, self.time_base)
            self._output = av.open(str(temporary), "w", format=self._container.muxer, container_options=options)
            stack.callback(discard, self._output)
            self._stream = self._add_stream()
            self._open = stack.pop_all()
        return self

    def write(self, picture: Levels, time: int, duration: int | None = None) -> None:
        """Write (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16, to be shown from ``time`` on; times increase.

        A frame is shown until the next; ``duration``, by default that of the average frame, counts for the last.
        """
        if picture.shape[:2] != self.size:
            raise ValueError(f"a picture of {picture.shape[:2]} in a video of {self.size}")
        if any(self.padded):
            picture = cv2.copyMakeBorder(picture, 0, self.padded[0], 0, self.padded[1], cv2.BORDER_REPLICATE)
        frame = from_bgr(self._reformatter, picture, self.form.pixel_format)
        frame.pts, frame.time_base = time, self.time_base
        frame.color_trc = frame.color_primaries = BT709
        self._last_duration = duration or self._usual_duration
        with told(self.path):
            self._mux(self._stream.encode(frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._open.__exit__(kind, error, trace)
            return
        with self._open, told(self.path):
            self._mux(self._stream.encode(None))
            if self._held is None:
                raise VideoError(f"{self.path}: no frame came to be written; check the source")
            self._held.duration = round(self._last_duration * self.time_base / self._held.time_base)
            self._output.mux(self._held)
            self._output.close()

    def _add_stream(self) -> VideoStream:
        stream = self._output.add_stream(self.form.codec, self._rate.limit_denominator(_MOST_RATE))
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = (length + more for length, more in zip(self.size, self.padded, strict=True))
        stream.pix_fmt, stream.options = self.form.pixel_format, dict(self.form.options)
        stream.time_base = stream.codec_context.time_base = self.time_base
        stream.codec_context.sample_aspect_ratio = self._aspect
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        context.thread_type = "AUTO"
        return stream

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        for packet in packets:
            if self._held is not None:
                self._held.duration = _pts(packet) - _pts(self._held)
                self._output.mux(self._held)
            self._held = packet


def mux_options(container: Container, time_base: Fraction, *sample_rates: int) -> dict[str, str]:
    """Return the options with which MOV and MP4 keep times of ``time_base``, and starts of sound, to the unit."""
    if not container.keeps_times:
        return {}
    units = time_base.denominator
    movie = math.lcm(units, *sample_rates)
    return {"video_track_timescale": str(units), "movie_timescale": str(movie if movie <= _MOST_UNITS else units)}


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, which becomes ``path`` at the end; raises :class:`VideoError`."""
    with told(path), whole_file(path) as temporary:
        yield temporary


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise what FFmpeg or the system says while ``path`` is written as a :class:`VideoError`."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path} cannot be written: {reason(error)}; choose another place or format") from error


def discard(output: OutputContainer) -> None:
    """Close a file that may be closed, or of which nothing is needed anymore."""
    with contextlib.suppress(av.FFmpegError, OSError, ValueError):
        output.close()


def _pts(packet: Packet[VideoStream]) -> int:
    assert packet.pts is not None  # encoders give what the frames had
    return packet.pts
