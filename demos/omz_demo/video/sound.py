"""The sound of a source, for another container: its packets, or encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from omz_demo.video.formats import Container, check_encoder
from omz_demo.video.opening import reason

_BITS_PER_CHANNEL = 96_000  # a second
_LAYOUTS = {1: "mono", 6: "5.1", 8: "7.1"}  # of channels; others become stereo
_OPUS_RATE = 48_000
AnyPacket: TypeAlias = "Packet[Any]"
_KEPT_METADATA = ("language", "title")


@dataclass(frozen=True)
class Span:
    """What is taken of the sound: until ``end`` on the clock of the source, moved back by ``shift``; in seconds."""

    end: Fraction | None
    shift: Fraction

    def has(self, time: Fraction) -> bool:
        """Tell whether what begins at ``time`` is taken."""
        return self.end is None or time < self.end


class Track(Protocol):
    """A stream of sound on its way; ``told`` says what became of its codec."""

    told: str

    def take(self, packet: Packet[AudioStream]) -> Iterator[AnyPacket]:
        """Yield what is to be written for a packet of the source."""

    def finish(self) -> Iterator[AnyPacket]:
        """Yield what is left to be written."""


class Copied:
    """Sound whose packets are written as they are."""

    def __init__(self, source: AudioStream, output: OutputContainer, span: Span) -> None:
        self.told = _codec(source)
        self._out, self._span = output.add_stream_from_template(source, opaque=True), span
        self._out.metadata.update(_metadata(source))

    def take(self, packet: Packet[AudioStream]) -> Iterator[AnyPacket]:
        """Yield the packet, if it lies in the span."""
        if packet.pts is not None and self._span.has(packet.pts * packet.time_base):
            yield moved(packet, self._out, self._span.shift)

    def finish(self) -> Iterator[AnyPacket]:
        """Yield nothing."""
        yield from ()


class Encoded:
    """Sound that is decoded and encoded anew."""

    def __init__(self, source: AudioStream, output: OutputContainer, encoder: str, span: Span) -> None:
        check_encoder(encoder)
        rate = _OPUS_RATE if encoder == "libopus" else source.codec_context.sample_rate
        out = output.add_stream(encoder, rate)
        assert isinstance(out, AudioStream)
        out.codec_context.layout = _LAYOUTS.get(source.codec_context.layout.nb_channels, "stereo")
        out.codec_context.bit_rate = _BITS_PER_CHANNEL * out.codec_context.layout.nb_channels
        out.metadata.update(_metadata(source))
        self._out, self._span = out, span
        self.told = f"{_codec(source)} -> {_codec(out)}"

    def take(self, packet: Packet[AudioStream]) -> Iterator[AnyPacket]:
        """Yield what is encoded of the packet's samples, as far as they lie in the span."""
        for frame in packet.decode():
            if frame.pts is not None and frame.time_base is not None:
                if not self._span.has(frame.pts * frame.time_base):
                    return
                frame.pts -= round(self._span.shift / frame.time_base)
            yield from self._out.encode(frame)

    def finish(self) -> Iterator[AnyPacket]:
        """Yield what the encoder still has."""
        yield from self._out.encode(None)


def add_tracks(source: InputContainer, output: OutputContainer, container: Container, span: Span) -> dict[int, Track]:
    """Add a stream to ``output`` for each stream of sound in ``source``; return them by their numbers there."""
    return {
        stream.index: Copied(stream, output, span)
        if _codec(stream) in container.sound
        else Encoded(stream, output, container.sound_encoder, span)
        for stream in streams_of_sound(source)
    }


def streams_of_sound(source: InputContainer) -> list[AudioStream]:
    """Return the streams of sound whose codec is known."""
    return [stream for stream in source.streams.audio if stream.codec_context is not None]


def packets_of(source: InputContainer, tracks: dict[int, Track], warnings: list[str]) -> Iterator[AnyPacket]:
    """Yield what is to be written for all tracks, in the order of the source; add what is lost to ``warnings``."""
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
        warnings.append(f"the sound of {source.name} ends early: {reason(error)}")
    for track in tracks.values():
        yield from track.finish()
    if lost:
        warnings.append(f"{lost} packets of the sound of {source.name} could not be decoded")


def moved(packet: AnyPacket, stream: Stream, shift: Fraction) -> AnyPacket:
    """Return ``packet`` as one of ``stream``, ``shift`` seconds earlier."""
    packet.stream = stream
    units = round(shift / packet.time_base)
    packet.pts = None if packet.pts is None else packet.pts - units
    packet.dts = None if packet.dts is None else packet.dts - units
    return packet


def _codec(stream: AudioStream) -> str:
    return stream.codec_context.codec.canonical_name


def _metadata(stream: AudioStream) -> dict[str, str]:
    return {key: stream.metadata[key] for key in _KEPT_METADATA if key in stream.metadata}
