"""Joining of a video's segments and the sound of its source into one file."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from omz.errors import UsageError, VideoError
from omz.video.animation import write_animation
from omz.video.formats import ANIMATIONS, CONTAINERS, Container
from omz.video.opening import file_url, opened, opened_container
from omz.video.sound import Sound, SoundPlan, moves_of_pictures, packets_of, plan_sound
from omz.video.sound_tracks import (
    AnyPacket,
    Copied,
    Encoded,
    SoundError,
    Span,
    Track,
    add_tracks,
    moved,
    sound_errors,
)
from omz.video.writing import discard, mux_options, written_whole

_KEPT_METADATA = ("title", "comment", "creation_time")


@dataclass(frozen=True)
class JoinReport:
    """Result of :func:`join`: the number of frames written, and a word for each stream of sound.

    ``copied`` has the codecs of sound copied bit by bit, ``encoded`` has "aac -> opus" for other sound.
    ``warnings`` are lines for the user.
    """

    frames: int
    copied: tuple[str, ...]
    encoded: tuple[str, ...]
    warnings: tuple[str, ...]


def join(
    segments: Sequence[Path], output: Path, sound: Sound | None = None, shift: Fraction = Fraction(0)
) -> JoinReport:
    """Write the frames of all ``segments`` to ``output``, without encoding them again, with the sound of a source.

    The segments have the suffix of ``output``, one format, and times on the clock of the source; the whole is moved
    back by ``shift`` seconds (``VideoInfo.origin``). Sound is copied if the container takes it, else encoded, else left
    out with a warning: it never costs the picture. Raises :class:`VideoError`, and leaves no output, if a segment
    cannot be read or does not fit the first, or the output cannot be written.
    """
    animation = ANIMATIONS.get(output.suffix.lower())
    if animation is not None and segments:
        written = write_animation(segments, output, animation, shift)
        return JoinReport(written.frames, (), (), tuple(_at_once(output, written.at_once, animation.time_base)))
    container = CONTAINERS.get(output.suffix.lower())
    if container is None or not segments:
        raise UsageError(f"{output}: there is nothing to join; give segments, and one of {', '.join(CONTAINERS)}")
    if sound is None:
        return _joined(segments, output, container, None, SoundPlan({}), shift)
    plan = plan_sound(sound.path, container)
    while True:
        try:
            return _joined(segments, output, container, sound, plan, shift)
        except SoundError as error:
            plan = plan.after(error, sound.path)


def _joined(
    segments: Sequence[Path],
    output: Path,
    container: Container,
    sound: Sound | None,
    plan: SoundPlan,
    shift: Fraction,
) -> JoinReport:
    with contextlib.ExitStack() as stack:
        _, template = stack.enter_context(opened(segments[0]))
        source = stack.enter_context(opened_container(sound.path)) if sound and plan.treatments else None
        temporary = stack.enter_context(written_whole(output))
        joined = stack.enter_context(_created(temporary, container, template, source))
        video = joined.add_stream_from_template(template, opaque=True)
        if "alpha_mode" in template.metadata:
            video.metadata["alpha_mode"] = template.metadata["alpha_mode"]
        tracks: dict[int, Track] = {}
        warnings = list(plan.warnings)
        pictures = _Pictures(video, shift)
        heard: Iterator[AnyPacket] = iter(())
        if sound and source:
            tracks = add_tracks(source, joined, container, Span(sound.end, shift, _moves(sound)), plan.treatments)
            heard = packets_of(source, tracks, warnings)
        for packet in heapq.merge(pictures(segments, template), heard, key=_seconds):
            _mux(joined, packet, video, tracks)
        with _refusals_of(tracks):
            joined.close()
    told: dict[type[Track], list[str]] = {Copied: [], Encoded: []}
    for track in tracks.values():
        told[type(track)].append(track.told)
    warnings.extend(_at_once(output, pictures.at_once, Fraction(1, 1000)))
    return JoinReport(pictures.count, tuple(told[Copied]), tuple(told[Encoded]), tuple(warnings))


def _moves(sound: Sound) -> tuple[Fraction, ...]:
    try:
        return moves_of_pictures(sound.path)
    except VideoError:  # a file of sound alone
        return ()


def _at_once(output: Path, count: int, unit: Fraction) -> Iterator[str]:
    """Say how many frames the times of the file are too coarse for."""
    if count:
        yield (
            f"{output.name}: {count} frames come at the time of the one before, for {output.suffix} counts "
            f"{1000 * unit} ms; use .mp4 or .mov to keep their times"
        )


def _mux(joined: OutputContainer, packet: AnyPacket, video: VideoStream, tracks: Mapping[int, Track]) -> None:
    if packet.stream_index == video.index:
        joined.mux(packet)
        return
    index = next(index for index, track in tracks.items() if track.output_index == packet.stream_index)
    with sound_errors(index):
        joined.mux(packet)


@contextlib.contextmanager
def _refusals_of(tracks: Mapping[int, Track]) -> Iterator[None]:
    """Blame the first track for what is refused at the end; without sound, the error stays as it is."""
    if not tracks:
        yield
        return
    with sound_errors(next(iter(tracks))):
        yield


@contextlib.contextmanager
def _created(
    path: Path, container: Container, template: VideoStream, source: InputContainer | None
) -> Iterator[OutputContainer]:
    """Open the output, with headers that keep all times, and the title of the source."""
    rates = []
    if source:
        rates = [stream.codec_context.sample_rate for stream in source.streams.audio if stream.codec_context]
    options = mux_options(container, template.time_base or Fraction(1, 1000), *rates)
    if container.keeps_times:
        options["movflags"] = "faststart"  # plays before it is loaded completely
    output = av.open(file_url(path), "w", format=container.muxer, container_options=options)
    try:
        if source:
            for key, value in source.metadata.items():
                if key.lower() in _KEPT_METADATA:
                    output.metadata[key.lower()] = value
        yield output
    finally:
        discard(output)


class _Pictures:
    """Frames of all segments as packets of ``video``, moved back by ``shift``.

    ``count`` is the number of frames, ``at_once`` that of those among them whose time is that of the one before.
    """

    def __init__(self, video: VideoStream, shift: Fraction) -> None:
        self.count = self.at_once = 0
        self._video, self._shift = video, shift

    def __call__(self, segments: Sequence[Path], template: VideoStream) -> Iterator[Packet[VideoStream]]:
        """Yield the packets; each lasts until the next one, even in another segment."""
        held: Packet[VideoStream] | None = None
        for path in segments:
            with opened(path) as (container, stream):
                if _kind(stream) != _kind(template):
                    raise VideoError(
                        f"{path} differs from the segments before; write all with the same size and options"
                    )
                for packet in container.demux(stream):
                    if not packet.size or packet.pts is None:
                        continue
                    if held is not None and held.pts is not None:
                        held.duration = packet.pts - held.pts
                        self.at_once += held.duration == 0
                        yield self._given(held)
                    held = packet
        if held is not None:
            yield self._given(held)

    def _given(self, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        self.count += 1
        return moved(packet, self._video, self._shift)


def _kind(stream: VideoStream) -> tuple[object, ...]:
    context = stream.codec_context
    return context.name, stream.width, stream.height, stream.pix_fmt, stream.time_base, context.extradata


def _seconds(packet: AnyPacket) -> float:
    time = packet.pts if packet.dts is None else packet.dts
    return float((time or 0) * packet.time_base)
