"""Writing of video files, with the times of frames."""

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
from omz.errors import VideoError, os_reason
from omz.images.arrays import Pixels, Size
from omz.video.colour import BT709, LIMITED, from_bgr
from omz.video.formats import Container, Format, check_encoder
from omz.video.opening import file_url

_MOST_UNITS = 2**31 - 1  # in a second, in the headers of a MOV or MP4 file
_THREADS = 8  # for what H.264 makes of frames depends on it, and not on the machine then
_MOST_RATE = 10**6  # denominator: encoders take 32 bits


class VideoWriter:
    """Writes frames; the file appears at the end of the ``with`` block, and not after an error.

    ``size`` is (height, width) of the pictures, ``time_base`` the unit of their times in seconds, ``rate`` in frames a
    second, on average, ``aspect`` the width of a pixel over its height. Colours are tagged BT.709. If the codec takes
    even sizes only, the last row or column is repeated: ``padded`` counts the (rows, columns) added. Raises
    :class:`VideoError`.
    """

    def __init__(
        self, path: Path, form: Format, size: Size, time_base: Fraction, rate: Fraction, aspect: Fraction = Fraction(1)
    ) -> None:
        if form.container is None:
            raise ValueError(f"{form.codec} is not a video codec")
        check_encoder(form.codec)
        self.path, self.form, self.size, self.time_base = path, form, size, time_base
        self.padded = (0, 0)
        if form.needs_even_size:
            self.padded = size[0] % 2, size[1] % 2
        self._container, self._rate, self._aspect = form.container, rate, aspect
        self._usual_duration = max(1, round(1 / (rate * time_base)))
        self._last_duration = self._usual_duration
        self._reformatter = VideoReformatter()
        self._held: Packet[VideoStream] | None = None  # until the next one tells its duration
        self._open = contextlib.ExitStack()

    def __enter__(self) -> VideoWriter:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(written_whole(self.path))
            options = mux_options(self._container, self.time_base)
            self._output = av.open(file_url(temporary), "w", format=self._container.muxer, container_options=options)
            stack.callback(discard, self._output)
            self._stream = self._add_stream()
            self._open = stack.pop_all()
        return self

    def write(self, picture: Pixels, time: int, duration: int | None = None) -> None:
        """Write (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16, to be shown from ``time`` on; times increase.

        A frame is shown until the next; ``duration``, by default that of the average frame, counts for the last.
        """
        if picture.shape[:2] != self.size:
            raise ValueError(f"an image of {picture.shape[:2]} in a video of {self.size}")
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
        stream.height, stream.width = self.size[0] + self.padded[0], self.size[1] + self.padded[1]
        stream.pix_fmt, stream.options = self.form.pixel_format, dict(self.form.options)
        stream.time_base = stream.codec_context.time_base = self.time_base
        stream.codec_context.sample_aspect_ratio = self._aspect
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        context.thread_type, context.thread_count = "AUTO", _THREADS
        return stream

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        for packet in packets:
            if self._held is not None:
                self._held.duration = _pts(packet) - _pts(self._held)
                self._output.mux(self._held)
            self._held = packet


def mux_options(container: Container, time_base: Fraction, *sample_rates: int) -> dict[str, str]:
    """Return the options for MOV and MP4 to keep times of ``time_base``, and starts of sound, exactly."""
    if not container.keeps_times:
        return {}
    units = time_base.denominator
    movie = math.lcm(units, *sample_rates)
    return {"video_track_timescale": str(units), "movie_timescale": str(movie if movie <= _MOST_UNITS else units)}


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path that becomes ``path`` at the end; raises :class:`VideoError`."""
    with told(path), whole_file(path) as temporary:
        yield temporary


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise errors of FFmpeg and the system while ``path`` is written as :class:`VideoError`."""
    try:
        yield
    except OSError as error:
        raise VideoError(f"{path} cannot be written: {os_reason(error)}; choose another place") from error
    except av.FFmpegError as error:
        raise VideoError(
            f"{path} cannot be written: FFmpeg refuses its frames ({os_reason(error)}); choose another format"
        ) from error


def discard(output: OutputContainer) -> None:
    """Close a file that may be closed already, and ignore errors."""
    with contextlib.suppress(av.FFmpegError, OSError, ValueError):
        output.close()


def _pts(packet: Packet[VideoStream]) -> int:
    assert packet.pts is not None  # frames had one
    return packet.pts
