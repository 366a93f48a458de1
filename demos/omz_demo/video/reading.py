"""Frames of a video, in the order in which they are shown, with their times."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from omz.errors import VideoError
from omz.images.arrays import Picture, Size
from omz.images.geometry import resize
from omz_demo.video.colour import colour_of, to_bgr
from omz_demo.video.info import rate_of
from omz_demo.video.opening import opened
from omz_demo.video.turn import Turn, turn_of
from omz_demo.video.wholeness import is_cut_short

_WITH_TIMES = ("mov", "matroska")  # containers that note when each frame is shown, and find it again


class IncompleteError(VideoError):
    """A video that is cut short or damaged; the frames that could be decoded have been given."""


@dataclass(frozen=True)
class VideoFrame:
    """A frame; ``index`` counts from 0 at the start of the video, ``time`` and ``duration`` are in its time base.

    ``time`` is the presentation timestamp. ``duration`` is what the file says, or that of the average frame.
    ``follows_damage`` says that something before it could not be decoded.
    """

    index: int
    time: int
    duration: int
    picture: Picture
    follows_damage: bool = False


@dataclass
class _Damage:
    packets: int = 0


@dataclass
class _Clock:
    """Times that increase: those of the frames, and where these have none, or go back, a frame's length on."""

    step: Fraction
    last: int | None = field(default=None)

    def __call__(self, pts: int | None) -> int:
        if pts is None or (self.last is not None and pts <= self.last):
            pts = 0 if self.last is None else self.last + max(1, round(self.step))
        self.last = pts
        return pts


@dataclass
class _Turns:
    """How frames are to be turned, looked up where that can have changed.

    A frame of PyAV whose side data was looked at stays in memory until Python collects garbage, which is seldom.
    """

    seen: tuple[int, int, int] | None = field(default=None)
    turn: Turn = field(default_factory=Turn)

    def __call__(self, frame: av.VideoFrame) -> Turn:
        looks = frame.width, frame.height, frame.rotation
        if looks != self.seen:
            self.seen, self.turn = looks, turn_of(frame)
        return self.turn


def read(
    source: str | Path,
    start: int = 0,
    start_time: int | None = None,
    *,
    resize_changes: bool = False,
    size: Size | None = None,
) -> Generator[VideoFrame, None, None]:
    """Yield the frames of a video from number ``start`` on: the very frames that a reading from the beginning gives.

    Pictures are upright, uint8 BGR. ``start_time`` is the time of frame ``start``, if it is known: MP4, MOV, Matroska
    and WebM are then read from the keyframe before it; else, all is decoded and the first frames are dropped.

    ``size`` (height, width) is that of all frames, by default that of the first that is given.

    Raises :class:`VideoError` for what is no video, and for a frame of another size, unless ``resize_changes`` asks for
    it to be resized. Raises :class:`IncompleteError` after the last frame that could be decoded, where the file is cut
    short or damaged.
    """
    damage = _Damage()
    reformatter, turns = VideoReformatter(), _Turns()
    clock, count = _Clock(Fraction(1)), 0
    for stream, frame in _frames(source, start, start_time, damage, clock):
        picture = turns(frame).apply(to_bgr(reformatter, frame, colour_of(frame)))
        size = size or (picture.shape[0], picture.shape[1])
        if picture.shape[:2] != size:
            if not resize_changes:
                raise VideoError(_size_changes(source, start + count, size, picture))
            picture = resize(picture, size)
        duration = frame.duration or max(1, round(1 / (rate_of(stream) * _time_base(stream))))
        yield VideoFrame(start + count, clock(_pts(stream, frame)), duration, picture, damage.packets > 0)
        count += 1
    if not start + count:
        raise VideoError(f"{source} has no frame that can be decoded; use an undamaged video")
    if is_cut_short(source):
        raise IncompleteError(f"{source} is cut short after frame {start + count}; use a whole copy for the rest")
    if damage.packets:
        raise IncompleteError(
            f"{source} is damaged: {damage.packets} of its packets could not be decoded, {start + count} frames could; "
            "use an undamaged copy for the rest"
        )


def _frames(
    source: str | Path, start: int, start_time: int | None, damage: _Damage, clock: _Clock
) -> Iterator[tuple[VideoStream, av.VideoFrame]]:
    """Yield decoded frames from number ``start`` on; set the clock to the time before them."""
    if start and start_time is not None:
        with opened(source) as (container, stream):
            clock.step = 1 / (rate_of(stream) * _time_base(stream))
            found = _sought(container, stream, start_time, damage)
            if found is not None:
                for frame in found:
                    yield stream, frame
                return
        damage.packets = 0
    with opened(source) as (container, stream):
        clock.step = 1 / (rate_of(stream) * _time_base(stream))
        frames = _decoded(container.demux(stream), damage)
        for frame in islice(frames, start):
            clock(_pts(stream, frame))
        for frame in frames:
            yield stream, frame


def _sought(
    container: InputContainer, stream: VideoStream, time: int, damage: _Damage
) -> Iterator[av.VideoFrame] | None:
    """Return the frames from that of ``time`` on, or None where no keyframe before it leads there."""
    if not container.format.name.startswith(_WITH_TIMES):
        return None
    try:
        container.seek(time, stream=stream)
    except av.FFmpegError:
        return None
    packets = container.demux(stream)
    first = next(packets, None)
    if first is None or not first.is_keyframe or first.pts is None or first.pts > time:
        return None  # of an open group of pictures, the frames before its keyframe would be wrong
    frames = _decoded(chain([first], packets), damage)
    for frame in frames:
        if frame.pts is None or frame.pts > time:
            return None
        if frame.pts == time:
            return chain([frame], frames)
    return None


def _decoded(packets: Iterable[Packet[VideoStream]], damage: _Damage) -> Iterator[av.VideoFrame]:
    """Yield the frames of ``packets``, the last of which is empty and brings those that the decoder still has."""
    for packet in packets:
        if packet.is_corrupt:  # the file ends within it
            damage.packets += 1
            continue
        try:
            yield from packet.decode()
        except av.FFmpegError:
            damage.packets += 1


def _pts(stream: VideoStream, frame: av.VideoFrame) -> int | None:
    """Return when a frame is shown, or None; an AVI file notes when it is decoded, which differs with B-frames."""
    return None if stream.container.format.name == "avi" and stream.has_b_frames else frame.pts


def _time_base(stream: VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 1000)


def _size_changes(source: str | Path, index: int, size: tuple[int, int], picture: Picture) -> str:
    new, old = (f"{width}x{height}" for height, width in (picture.shape[:2], size))
    return f"{source}: frame {index} is {new}, those before are {old}; allow it to be resized, or split the video there"
