"""Reading of videos: frames in the order in which they are shown, with their times."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from omz.errors import VideoError
from omz.images.animated import is_animated
from omz.images.arrays import Picture, Size
from omz.images.geometry import resize
from omz.images.sizes import picture_size, size_text
from omz.video.animation import BrokenAnimationError, frames_of
from omz.video.clock import Clock
from omz.video.colour import Conversion
from omz.video.decoding import Decoder
from omz.video.info import clock_of, probe
from omz.video.opening import opened
from omz.video.wholeness import is_cut_short

_WITH_TIMES = ("mov", "matroska")  # containers that keep the time of each frame, and seek by it


class IncompleteError(VideoError):
    """The video is cut short or damaged; the frames that could be decoded have been given."""


@dataclass(frozen=True)
class VideoFrame:
    """A frame; ``index`` counts from 0 at the start of the video, ``time`` and ``duration`` are in its time base.

    ``time`` is the presentation timestamp. ``duration`` is the file's, or that of the average frame.
    ``follows_damage`` says that something before it could not be decoded. ``opacity`` is (H, W) uint8, the alpha that
    the video has itself; None where all is opaque.
    """

    index: int
    time: int
    duration: int
    picture: Picture
    follows_damage: bool = False
    opacity: Picture | None = None


def read(
    source: str | Path,
    start: int = 0,
    start_time: int | None = None,
    *,
    resize_changes: bool = False,
    size: Size | None = None,
) -> Generator[VideoFrame, None, None]:
    """Yield the frames of a video, upright.

    Args:
        source: The path of a file, in any format that FFmpeg decodes.
        start: The number of the first frame to yield; the frames are the same as when all are read.
        start_time: The time of that frame, in the video's own units, if it is known: MP4, MOV, Matroska and WebM are
            then read from the keyframe before it; otherwise all is decoded, and the first frames are dropped.
        resize_changes: Whether to resize frames of another size, instead of stopping there.
        size: The size (height, width) of all frames, by default that of the first one.

    Yields:
        The frames, with a ``picture``, (H, W, 3) uint8 BGR, and its ``time`` in the video's own units.

    Raises:
        VideoError: The file is not a video, or a frame has another size, and is not to be resized.
        IncompleteError: The file is cut short or damaged; raised after the last frame that could be decoded.

    Example:
        >>> import omz
        >>> for frame in omz.video.read("talk.mp4"):
        ...     print(frame.picture.shape)
        (96, 160, 3)
        (96, 160, 3)
    """
    if is_animated(source):
        yield from _read_animation(Path(source), start, size)
        return
    conversion, clock = Conversion(), Clock()
    index, failed = start, 0
    for stream, decoder, frame in _frames(source, start, start_time, clock):
        picture, opacity = conversion.picture(frame), conversion.opacity(frame)
        size = size or (picture.shape[0], picture.shape[1])
        if picture.shape[:2] != size:
            if not resize_changes:
                sizes = f"{picture_size(picture)}, those before are {size_text(*size)}"
                raise VideoError(f"{source}: frame {index} is {sizes}; resize it, or split the video there")
            picture = resize(picture, size)
            opacity = None if opacity is None else resize(opacity, size)
        duration = frame.duration or max(1, round(clock.step))
        failed = decoder.failed
        yield VideoFrame(index, clock(_pts(stream, frame)), duration, picture, failed > 0, opacity)
        failed = decoder.failed
        index += 1
    if not index:
        raise VideoError(f"{source} has no frame that can be decoded; use an undamaged video")
    if is_cut_short(source):
        raise IncompleteError(f"{source} is cut short after frame {index}; use a whole copy for the rest")
    if failed:
        found = f"{failed} of its packets could not be decoded, {index} frames could"
        raise IncompleteError(f"{source} is damaged: {found}; use an undamaged copy for the rest")


def _read_animation(path: Path, start: int, size: Size | None) -> Generator[VideoFrame, None, None]:
    index = 0
    try:
        for index, frame in enumerate(frames_of(path), 1):
            picture, opacity = frame.picture, frame.opacity
            if size is not None and picture.shape[:2] != size:
                picture = resize(picture, size)
                opacity = None if opacity is None else resize(opacity, size)
            if index > start:
                yield VideoFrame(index - 1, frame.time, frame.duration, picture, opacity=opacity)
    except BrokenAnimationError as error:
        if not index:
            raise VideoError(f"{path} has no frame that can be decoded: {error}; use an undamaged video") from error
        raise IncompleteError(f"{path} is damaged after frame {index}: {error}; use an undamaged copy") from error


def _frames(
    source: str | Path, start: int, start_time: int | None, clock: Clock
) -> Iterator[tuple[VideoStream, Decoder, av.VideoFrame]]:
    """Yield decoded frames from number ``start`` on, once the clock has the time before them."""
    ends_early = is_cut_short(source)
    if start and start_time is not None:
        with opened(source) as (container, stream):
            clock.step = clock_of(stream).step
            decoder = Decoder(stream, ends_early)
            found = _sought(container, stream, start_time, decoder)
            if found is not None:
                for frame in found:
                    yield stream, decoder, frame
                return
    with opened(source) as (container, stream):
        clock.step, clock.longest = clock_of(stream).step, clock_of(stream).longest
        decoder = Decoder(stream, ends_early)
        frames = decoder(container.demux(stream))
        for frame in islice(frames, start):
            clock(_pts(stream, frame))
        for frame in frames:
            yield stream, decoder, frame


def _sought(
    container: InputContainer, stream: VideoStream, time: int, decoder: Decoder
) -> Iterator[av.VideoFrame] | None:
    """Return the frames from that of ``time`` on, or None if seeking does not lead exactly there.

    It must land on a keyframe before ``time``, from which a frame of exactly that time is decoded, and not as the first
    one, for deinterlacing looks at the frame before; the caller otherwise reads from the beginning.
    """
    if not container.format.name.startswith(_WITH_TIMES):
        return None
    try:
        container.seek(time - 1, stream=stream)
    except av.FFmpegError:
        return None
    packets = container.demux(stream)
    first = next(packets, None)
    if first is None or not first.is_keyframe or first.pts is None or first.pts >= time:
        return None  # frames before the keyframe of an open group of pictures would be wrong
    frames = decoder(chain([first], packets))
    for frame in frames:
        if frame.pts is None or frame.pts > time:
            return None
        if frame.pts == time:
            return chain([frame], frames)
    return None


def _pts(stream: VideoStream, frame: av.VideoFrame) -> int | None:
    """Return the time of a frame, or None; an AVI file has that of decoding, which differs with B-frames."""
    if stream.container.format.name == "avi" and stream.has_b_frames:
        return None
    return frame.pts


class Playback:
    """Iterates over the frames of a video, and drops none; iterated over again after the end, time and numbers go on.

    See :class:`omz.video.camera.LiveSource`. Raises :class:`omz.errors.VideoError` if the video cannot be read.
    """

    dropped = 0
    note = ""

    def __init__(self, path: Path) -> None:
        info = probe(path)
        self.name, self.size, self.rate = path.name, info.size, float(info.rate)
        self.time_base: Fraction = info.time_base
        self.path = path
        self._now = self._index = self._end = 0
        self._frames = self._read()

    def __iter__(self) -> Playback:
        return self

    def __next__(self) -> VideoFrame:
        frame = next(self._frames, None)
        if frame is None:
            self._frames = self._read()
            raise StopIteration
        self._now = frame.time
        return frame

    def now(self) -> int:
        """Return the time of the last frame: a file is never late."""
        return self._now

    def lock(self) -> None:
        """Do nothing: a file has no exposure to keep."""

    def _read(self) -> Iterator[VideoFrame]:
        begin = self._end
        for frame in read(self.path):
            yield replace(frame, index=self._index, time=begin + frame.time)
            self._index, self._end = self._index + 1, begin + frame.time + frame.duration
