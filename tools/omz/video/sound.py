"""Sound of a source for another container: packets copied, or encoded again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from omz.errors import os_reason
from omz.video.formats import Container, check_encoder

_BITS_PER_CHANNEL = 96_000  # a second
_LAYOUTS = {1: "mono", 6: "5.1", 8: "7.1"}  # of channels; others become stereo
_OPUS_RATE = 48_000
AnyPacket: TypeAlias = "Packet[Any]"
_KEPT_METADATA = ("language", "title")


@dataclass(frozen=True)
class Span:
    """Part of the sound: until ``end`` on the clock of the source, moved back by ``shift``; in seconds."""

    end: Fraction | None
    shift: Fraction

    def has(self, time: Fraction) -> bool:
        """Tell whether sound that begins at ``time`` is part of it."""
        return self.end is None or time < self.end


class Copied:
    """Sound whose packets are copied; ``told`` names its codec."""

    def __init__(self, source: AudioStream, output: OutputContainer, span: Span) -> None:
        self.told = _codec(source)
        self._out, self._span = output.add_stream_from_template(source, opaque=True), span
        _copy_metadata(source, self._out)

    def take(self, packet: Packet[AudioStream]) -> Iterator[AnyPacket]:
        """Yield the packet, if it lies in the span."""
        if packet.pts is not None and self._span.has(packet.pts * packet.time_base):
            yield moved(packet, self._out, self._span.shift)

    def finish(self) -> Iterator[AnyPacket]:
        """Yield nothing."""
        yield from ()


class Encoded:
    """Sound that is decoded and encoded again; ``told`` names both codecs."""

    def __init__(self, source: AudioStream, output: OutputContainer, encoder: str, span: Span) -> None:
        check_encoder(encoder)
        rate = _OPUS_RATE if encoder == "libopus" else source.codec_context.sample_rate
        out = output.add_stream(encoder, rate)
        assert isinstance(out, AudioStream)
        out.codec_context.layout = _LAYOUTS.get(source.codec_context.layout.nb_channels, "stereo")
        out.codec_context.bit_rate = _BITS_PER_CHANNEL * out.codec_context.layout.nb_channels
        _copy_metadata(source, out)
        self._out, self._span = out, span
        self.told = f"{_codec(source)} -> {_codec(out)}"

    def take(self, packet: Packet[AudioStream]) -> Iterator[AnyPacket]:
        """Yield the encoded samples of the packet that lie in the span."""
        for frame in packet.decode():
            if frame.pts is not None and frame.time_base is not None:
                if not self._span.has(frame.pts * frame.time_base):
                    return
                frame.pts -= round(self._span.shift / frame.time_base)
            yield from self._out.encode(frame)

    def finish(self) -> Iterator[AnyPacket]:
        """Flush the encoder."""
        yield from self._out.encode(None)


Track: TypeAlias = Copied | Encoded


def add_tracks(source: InputContainer, output: OutputContainer, container: Container, span: Span) -> dict[int, Track]:
    """Add a stream to ``output`` for each stream of sound in ``source``; return them by their numbers there."""
    tracks: dict[int, Track] = {}
    for stream in streams_of_sound(source):
        if _codec(stream) in container.sound:
            tracks[stream.index] = Copied(stream, output, span)
        else:
            tracks[stream.index] = Encoded(stream, output, container.sound_encoder, span)
    return tracks


def streams_of_sound(source: InputContainer) -> list[AudioStream]:
    """Return the streams of sound whose codec is known."""
    return [stream for stream in source.streams.audio if stream.codec_context is not None]


def packets_of(source: InputContainer, tracks: dict[int, Track], warnings: list[str]) -> Iterator[AnyPacket]:
    """Yield the packets to write for all tracks, in the order of the source; report losses in ``warnings``."""
    if not tracks:
        return
    lost = 0
    try:
        for packet in source.demux(tuple(streams_of_sound(source))):
            try:
                if packet.size and not packet.is_corrupt:
                    yield from tracks[packet.stream_index].take(packet)
            except av.error.InvalidDataError:
                lost += 1
    except av.error.InvalidDataError as error:
        warnings.append(f"the sound of {source.name} ends early: {os_reason(error)}")
    for track in tracks.values():
        yield from track.finish()
    if lost:
        warnings.append(f"{lost} packets of the sound of {source.name} could not be decoded")


def moved(packet: AnyPacket, stream: Stream, shift: Fraction) -> AnyPacket:
    """Return ``packet`` as one of ``stream``, ``shift`` seconds earlier."""
    packet.stream = stream
    units = round(shift / packet.time_base)
    if packet.pts is not None:
        packet.pts -= units
    if packet.dts is not None:
        packet.dts -= units
    return packet


def _codec(stream: AudioStream) -> str:
    return stream.codec_context.codec.canonical_name


def _copy_metadata(source: AudioStream, target: AudioStream) -> None:
    for key in _KEPT_METADATA:
        if key in source.metadata:
            target.metadata[key] = source.metadata[key]
