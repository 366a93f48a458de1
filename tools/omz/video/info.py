"""Facts of a video, found before it is read."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import Container, InputContainer
from av.video.stream import VideoStream

from omz.errors import VideoError
from omz.images.animated import is_animated
from omz.images.arrays import Size
from omz.video.animation import TIME_BASE, BrokenAnimationError, frames_of
from omz.video.clock import Clock
from omz.video.colour import Colour, colour_of
from omz.video.decoding import Decoder
from omz.video.opening import opened
from omz.video.turn import Turn, turn_of
from omz.video.wholeness import is_cut_short

_USUAL_RATE = Fraction(25)
_CLOCK_RUNS_ON = 0x200  # AVFMT_TS_DISCONT
_LONGEST_GAP = 60  # seconds between two frames of such a file; beyond that, its clock was set


@dataclass(frozen=True)
class VideoFacts:
    """Facts that a job on a video needs; ``size`` is (height, width) as shown.

    ``rate`` is in frames a second, on average, 25 if the file gives none. ``time_base`` is the unit of times in
    seconds. ``frames`` is the file's own count, good for a progress bar and nothing else, or None. ``origin`` is the
    start of the file's clock, in seconds: 0 except for transport streams, whose clock may start anywhere.
    ``pixel_aspect`` is the width of a pixel, as shown, over its height.
    """

    path: str
    size: Size
    rate: Fraction
    time_base: Fraction
    frames: int | None
    origin: Fraction
    pixel_aspect: Fraction


@dataclass(frozen=True)
class VideoInfo(VideoFacts):
    """All facts of a video; ``turn`` is applied before it is shown.

    ``seconds`` is the file's own length, or None. ``is_cut_short`` says that the file lacks bytes at its end.
    """

    seconds: Fraction | None
    video_codec: str
    audio_codec: str | None
    pixel_format: str
    colour: Colour
    turn: Turn
    is_cut_short: bool


def probe(source: str | Path) -> VideoInfo:
    """Open a video and decode its first frame; raises :class:`VideoError` if there is none."""
    if is_animated(source):
        return _probe_animation(Path(source))
    with opened(source) as (container, stream):
        frame = next(Decoder(stream)(container.demux(stream)), None)
        if frame is None:
            raise VideoError(f"{source} has no frame that can be decoded; use an undamaged video")
        rate, seconds = rate_of(stream), _seconds(container, stream)
        turn = turn_of(frame)
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        if turn.transposed:
            aspect = 1 / aspect
        sounds = [codec_name(sound) for sound in container.streams.audio]
        return VideoInfo(
            path=str(source),
            size=turn.size((frame.height, frame.width)),
            rate=rate,
            time_base=Fraction(stream.time_base or Fraction(1, 1000)),
            frames=stream.frames or (round(seconds * rate) if seconds else None),
            seconds=seconds,
            origin=_origin(container),
            video_codec=stream.codec_context.codec.canonical_name,
            audio_codec=next(iter(sounds), None),
            pixel_format=frame.format.name,
            colour=colour_of(frame),
            turn=turn,
            pixel_aspect=aspect,
            is_cut_short=is_cut_short(source),
        )


def _probe_animation(path: Path) -> VideoInfo:
    size, count, end = None, 0, 0
    with contextlib.suppress(BrokenAnimationError):
        for frame in frames_of(path):
            size = size or (frame.picture.shape[0], frame.picture.shape[1])
            count, end = count + 1, frame.time + frame.duration
    if size is None:
        raise VideoError(f"{path} has no frame that can be decoded; use an undamaged video")
    return VideoInfo(
        path=str(path),
        size=size,
        rate=Fraction(1000 * count, end),
        time_base=TIME_BASE,
        frames=count,
        seconds=end * TIME_BASE,
        origin=Fraction(0),
        video_codec=path.suffix[1:].lower(),
        audio_codec=None,
        pixel_format="rgba",
        colour=Colour(0, True, True),
        turn=Turn(),
        pixel_aspect=Fraction(1),
        is_cut_short=False,
    )


def rate_of(stream: VideoStream) -> Fraction:
    """Return the average rate of a stream in frames a second; else FFmpeg's guess, else 25."""
    return Fraction(stream.average_rate or stream.guessed_rate or _USUAL_RATE)  # PyAV 19 has a type of its own


def clock_of(stream: VideoStream) -> Clock:
    """Return a clock for the frames of a stream; that of a container without an index may be set anew within it."""
    unit = Fraction(stream.time_base or Fraction(1, 1000))
    clock = Clock(1 / (rate_of(stream) * unit))
    if clock_runs_on(stream.container):
        clock.longest = round(_LONGEST_GAP / unit)
    return clock


def clock_runs_on(container: Container) -> bool:
    """Tell whether files of this format can be joined as they are, so that their clock may start anew."""
    return bool(container.format.flags & _CLOCK_RUNS_ON)


def codec_name(stream: AudioStream) -> str:
    """Return the name of a codec; ``unknown`` where FFmpeg has no decoder."""
    context: AudioCodecContext | None = stream.codec_context
    return "unknown" if context is None else context.codec.canonical_name


def _seconds(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    if container.duration:
        return Fraction(container.duration, av.time_base)
    return None


def _origin(container: InputContainer) -> Fraction:
    if not clock_runs_on(container):
        return Fraction(0)
    return Fraction(container.start_time or 0, av.time_base)
