"""Streams of sound for another container: packets copied, or encoded again, with times that increase."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from omz.errors import os_reason
from omz.video.clock import Clock
from omz.video.formats import Container, check_encoder
from omz.video.info import codec_name

_BITS_PER_CHANNEL = 96_000  # a second
_LAYOUTS = {1: "mono", 6: "5.1", 8: "7.1"}  # of channels; others become stereo
_FRAMES_ALIKE = frozenset({"aac", "ac3", "eac3", "mp3"})  # codecs with packets of one number of samples
_KEPT_METADATA = ("language", "title")
_NEAR = Fraction(2)  # seconds between the ends of the picture and the sound of one part
_LONGEST_GAP = Fraction(60)  # seconds; beyond that, the clock of the file may have been set anew

AnyPacket: TypeAlias = "Packet[Any]"
Treatment: TypeAlias = Literal["copied", "encoded"]
Treatments: TypeAlias = Mapping[int, Treatment]
"""What becomes of each stream of sound, by its number; one that is not among them is left out."""


@dataclass(frozen=True)
class Span:
    """Part of the sound: until ``end`` on the clock of the source, moved back by ``shift``; in seconds.

    ``moves`` are those of :func:`omz.video.sound.moves_of_pictures`.
    """

    end: Fraction | None
    shift: Fraction
    moves: tuple[Fraction, ...] = ()

    def has(self, time: Fraction) -> bool:
        """Tell whether sound that begins at ``time`` is part of it."""
        return self.end is None or time < self.end


class SoundError(Exception):
    """A stream of sound, by its number, cannot be written as it is treated, and why."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index, self.reason = index, reason


class Copied:
    """Sound whose packets are copied; ``told`` names its codec, and ``lost`` counts packets that cannot be used."""

    lost = 0

    def __init__(self, source: AudioStream, output: OutputContainer, span: Span) -> None:
        self.told = codec_name(source)
        self._out, self._span = output.add_stream_from_template(source, opaque=True), span
        self.output_index = self._out.index
        self._clock = _clock_of(source, span)
        self._frame: int | None = None
        self._is_of_one_rate = self.told not in _FRAMES_ALIKE or source.container.format.name != "mpegts"
        _copy_metadata(source, self._out)

    def take(self, packet: Packet[AudioStream]) -> Iterator[AnyPacket]:
        """Yield the packet, if it lies in the span."""
        if not packet.size:
            return
        if not self._is_of_one_rate:
            self._check_rate(packet.duration)
        time = packet.dts if packet.pts is None else packet.pts
        packet.pts = packet.dts = self._clock(time, Fraction(packet.duration or 0))  # sound comes in order
        if self._span.has(packet.pts * packet.time_base):
            yield moved(packet, self._out, self._span.shift)

    def _check_rate(self, duration: int | None) -> None:
        """Raise :class:`ValueError` where the rate changes, as it may in joined transport streams, and nowhere else."""
        self._frame = self._frame or duration
        if duration and self._frame and abs(duration - self._frame) > 1:  # which is rounded
            raise ValueError("its sampling rate changes")

    def finish(self) -> Iterator[AnyPacket]:
        """Yield nothing."""
        yield from ()


class Encoded:
    """Sound that is decoded and encoded again; ``told`` names both codecs, and both rates where these differ.

    ``lost`` counts packets that cannot be decoded.
    """

    def __init__(self, source: AudioStream, output: OutputContainer, encoder: str, span: Span) -> None:
        check_encoder(encoder)
        given = source.codec_context.sample_rate
        rate = encoded_rate(encoder, given)
        out = output.add_stream(encoder, rate)
        assert isinstance(out, AudioStream)
        out.codec_context.layout = _LAYOUTS.get(source.codec_context.layout.nb_channels, "stereo")
        out.codec_context.bit_rate = _BITS_PER_CHANNEL * out.codec_context.layout.nb_channels
        _copy_metadata(source, out)
        self._out, self._span, self._clock = out, span, _clock_of(source, span)
        self.output_index = out.index
        self._resampler: AudioResampler | None = None
        self._sounds: tuple[object, ...] = ()
        self.lost = 0
        self.told = f"{codec_name(source)} -> {codec_name(out)}"
        if rate != given:
            self.told = f"{codec_name(source)} of {given} Hz -> {codec_name(out)} of {rate} Hz"

    def take(self, packet: Packet[AudioStream]) -> Iterator[AnyPacket]:
        """Yield the encoded samples of the packet that lie in the span."""
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self.lost += 1
            return
        for frame in frames:
            time_base = frame.time_base or Fraction(1, frame.sample_rate)
            time = time_base * self._clock(frame.pts, Fraction(frame.samples, frame.sample_rate) / time_base)
            if not self._span.has(time):
                return
            frame.pts = round((time - self._span.shift) * frame.sample_rate)
            frame.time_base = Fraction(1, frame.sample_rate)  # as resampled ones have it, so that all are alike
            yield from self._encoded(frame)

    def finish(self) -> Iterator[AnyPacket]:
        """Flush the encoder."""
        if self._resampler is not None:
            yield from self._flushed(self._resampler)
        yield from self._out.encode(None)

    def _encoded(self, frame: AudioFrame) -> Iterator[AnyPacket]:
        """Resample to what the encoder takes: the source may change its rate or its channels."""
        sounds = frame.format.name, frame.layout.name, frame.sample_rate
        if sounds != self._sounds:
            if self._resampler is not None:
                yield from self._flushed(self._resampler)
            context = self._out.codec_context
            self._resampler = AudioResampler(context.format, context.layout, context.sample_rate)
            self._sounds = sounds
        assert self._resampler is not None
        for resampled in self._resampler.resample(frame):
            yield from self._out.encode(resampled)

    def _flushed(self, resampler: AudioResampler) -> Iterator[AnyPacket]:
        for resampled in resampler.resample(None):
            yield from self._out.encode(resampled)


Track: TypeAlias = Copied | Encoded


def encoded_rate(encoder: str, rate: int) -> int:
    """Return the rate to encode sound of ``rate`` at, in Hz: the next that the encoder takes, or its highest."""
    taken = av.codec.Codec(encoder, "w").audio_rates or [rate]
    return min((each for each in taken if each >= rate), default=max(taken))


def _clock_of(source: AudioStream, span: Span) -> Clock:
    unit = Fraction(source.time_base or 1)
    longest = round(_LONGEST_GAP / unit) if span.moves else None
    return Clock(moves=[round(move / unit) for move in span.moves], near=round(_NEAR / unit), longest=longest)


def add_tracks(
    source: InputContainer, output: OutputContainer, container: Container, span: Span, treatments: Treatments
) -> dict[int, Track]:
    """Add a stream to ``output`` for each stream of sound in ``source``; return them by their numbers there.

    Raises :class:`SoundError`.
    """
    tracks: dict[int, Track] = {}
    for stream in source.streams.audio:
        treatment = treatments.get(stream.index)
        with sound_errors(stream.index):
            if treatment == "copied":
                tracks[stream.index] = Copied(stream, output, span)
            elif treatment == "encoded":
                tracks[stream.index] = Encoded(stream, output, container.sound_encoder, span)
    return tracks


@contextlib.contextmanager
def sound_errors(index: int) -> Iterator[None]:
    """Raise FFmpeg's refusals as a :class:`SoundError` of a stream; those of the system, as of a full disk, stay."""
    try:
        yield
    except OSError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise SoundError(index, os_reason(error)) from error


def moved(packet: AnyPacket, stream: Stream, shift: Fraction) -> AnyPacket:
    """Return ``packet`` as one of ``stream``, ``shift`` seconds earlier."""
    packet.stream = stream
    units = round(shift / packet.time_base)
    if packet.pts is not None:
        packet.pts -= units
    if packet.dts is not None:
        packet.dts -= units
    return packet


def _copy_metadata(source: AudioStream, target: AudioStream) -> None:
    for key in _KEPT_METADATA:
        if key in source.metadata:
            target.metadata[key] = source.metadata[key]
