"""Joining of a video's segments and the sound of its source into one file."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from omz.errors import UsageError, VideoError
from omz.video.formats import CONTAINERS, Container
from omz.video.opening import opened, opened_container
from omz.video.sound import AnyPacket, Copied, Encoded, Span, Track, add_tracks, moved, packets_of, streams_of_sound
from omz.video.writing import discard, mux_options, written_whole

_KEPT_METADATA = ("title", "comment", "creation_time")


@dataclass(frozen=True)
class Sound:
    """File of the sound, and its end in seconds on the clock of that file; by default the end of the file."""

    path: Path
    end: Fraction | None = None


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
    back by ``shift`` seconds (``VideoInfo.origin``). Sound is copied if the container takes its codec, else encoded.
    Raises :class:`VideoError`, and leaves no output, if a file cannot be read or written, or a segment does not fit the
    first.
    """
    container = CONTAINERS.get(output.suffix.lower())
    if container is None or not segments:
        raise UsageError(f"{output}: there is nothing to join; give segments, and one of {', '.join(CONTAINERS)}")
    with contextlib.ExitStack() as stack:
        _, template = stack.enter_context(opened(segments[0]))
        source = stack.enter_context(opened_container(sound.path)) if sound else None
        temporary = stack.enter_context(written_whole(output))
        joined = stack.enter_context(_created(temporary, container, template, source))
        video = joined.add_stream_from_template(template, opaque=True)
        if "alpha_mode" in template.metadata:
            video.metadata["alpha_mode"] = template.metadata["alpha_mode"]
        tracks: dict[int, Track] = {}
        warnings: list[str] = []
        seen = (moved(packet, video, shift) for packet in _video_packets(segments, template))
        heard: Iterator[AnyPacket] = iter(())
        if sound and source:
            tracks = add_tracks(source, joined, container, Span(sound.end, shift))
            heard = packets_of(source, tracks, warnings)
        frames = 0
        for packet in heapq.merge(seen, heard, key=_seconds):
            frames += packet.stream_index == video.index
            joined.mux(packet)
        joined.close()
    told: dict[type[Track], list[str]] = {Copied: [], Encoded: []}
    for track in tracks.values():
        told[type(track)].append(track.told)
    return JoinReport(frames, tuple(told[Copied]), tuple(told[Encoded]), tuple(warnings))


@contextlib.contextmanager
def _created(
    path: Path, container: Container, template: VideoStream, source: InputContainer | None
) -> Iterator[OutputContainer]:
    """Open the output, with headers that keep all times, and the title of the source."""
    rates = []
    if source:
        rates = [stream.codec_context.sample_rate for stream in streams_of_sound(source)]
    options = mux_options(container, template.time_base or Fraction(1, 1000), *rates)
    if container.keeps_times:
        options["movflags"] = "faststart"  # plays before it is loaded completely
    output = av.open(str(path), "w", format=container.muxer, container_options=options)
    try:
        if source:
            for key, value in source.metadata.items():
                if key.lower() in _KEPT_METADATA:
                    output.metadata[key.lower()] = value
        yield output
    finally:
        discard(output)


def _video_packets(segments: Sequence[Path], template: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Yield the frames of all segments; each lasts until the next one, even in another segment."""
    held: Packet[VideoStream] | None = None
    for path in segments:
        with opened(path) as (container, stream):
            if _kind(stream) != _kind(template):
                raise VideoError(f"{path} differs from the segments before; write all with the same size and options")
            for packet in container.demux(stream):
                if not packet.size or packet.pts is None:
                    continue
                if held is not None and held.pts is not None:
                    held.duration = packet.pts - held.pts
                    yield held
                held = packet
    if held is not None:
        yield held


def _kind(stream: VideoStream) -> tuple[object, ...]:
    context = stream.codec_context
    return context.name, stream.width, stream.height, stream.pix_fmt, stream.time_base, context.extradata


def _seconds(packet: AnyPacket) -> float:
    time = packet.pts if packet.dts is None else packet.dts
    return float((time or 0) * packet.time_base)
