"""Sound of a source for another container: what becomes of each of its streams, and their packets."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer

from omz.errors import VideoError, os_reason
from omz.video.formats import Container
from omz.video.info import clock_of, clock_runs_on, codec_name
from omz.video.opening import opened, opened_container
from omz.video.sound_tracks import (
    AnyPacket,
    SoundError,
    Span,
    Track,
    Treatment,
    Treatments,
    add_tracks,
    sound_errors,
)

_TRIED = 3000  # packets of all streams that are read to find out what the container takes
_TRIED_SOUND = 100  # packets of one stream of sound


@dataclass(frozen=True)
class Sound:
    """File of the sound, and its end in seconds on the clock of that file; by default the end of the file."""

    path: Path
    end: Fraction | None = None


@dataclass(frozen=True)
class SoundPlan:
    """Treatment of each stream of sound in a file, and a line for each that is left out."""

    treatments: Treatments
    warnings: tuple[str, ...] = ()

    def after(self, error: SoundError, source: Path) -> SoundPlan:
        """Return the plan after one failed: a copied stream is encoded instead, an encoded one is left out."""
        treatments = dict(self.treatments)
        if treatments.pop(error.index) == "copied":
            return replace(self, treatments={**treatments, error.index: "encoded"})
        return SoundPlan(treatments, (*self.warnings, _left_out(source, error.reason)))


def moves_of_pictures(source: Path) -> tuple[Fraction, ...]:
    """Return by how many seconds the frames of a joined file were moved, where its clock was set anew.

    Raises :class:`omz.errors.VideoError`.
    """
    moves: dict[Fraction, None] = {}
    with opened(source) as (container, stream):
        if not clock_runs_on(container) or stream.time_base is None:
            return ()
        clock = clock_of(stream)
        for packet in container.demux(stream):
            if packet.dts is not None:
                moves[(clock(packet.dts) - packet.dts) * stream.time_base] = None
    return tuple(moves)


def plan_sound(source: Path, container: Container) -> SoundPlan:
    """Return how the sound of a file goes into a container, as a trial with its beginning shows.

    A codec that the container takes is copied, any other is encoded. What cannot be had either way is left out, with a
    warning. Raises nothing: a file without sound that can be read has an empty plan.
    """
    plan = SoundPlan({})
    try:
        with opened_container(source) as file:
            codecs = {stream.index: codec_name(stream) for stream in file.streams.audio}
    except VideoError as error:
        return SoundPlan({}, (f"the sound is left out: {error}",))
    for index, codec in codecs.items():
        if codec == "unknown":
            plan = replace(plan, warnings=(*plan.warnings, _left_out(source, "its codec is unknown")))
            continue
        treatment: Treatment = "copied" if codec in container.sound else "encoded"
        plan = replace(plan, treatments={**plan.treatments, index: treatment})
        while (refusal := _trial(source, container, index, plan.treatments)) is not None:
            plan = plan.after(refusal, source)
    return plan


def _trial(source: Path, container: Container, index: int, treatments: Treatments) -> SoundError | None:
    """Write the beginning of a stream of sound, and nothing else; return why that fails."""
    if index not in treatments:
        return None
    warnings: list[str] = []
    try:
        with opened_container(source) as file, _written_nowhere(container) as output:
            tracks = add_tracks(file, output, container, Span(None, Fraction(0)), {index: treatments[index]})
            with sound_errors(index):
                for packet in packets_of(file, tracks, warnings, is_trial=True):
                    output.mux(packet)
                output.close()
    except SoundError as error:
        return error
    except VideoError:  # reading fails in the same way later, and is told then
        return None
    return None


@contextlib.contextmanager
def _written_nowhere(container: Container) -> Iterator[OutputContainer]:
    output = av.open(io.BytesIO(), "w", format=container.muxer)
    try:
        yield output
    finally:
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            output.close()


def packets_of(
    source: InputContainer, tracks: Mapping[int, Track], warnings: list[str], is_trial: bool = False
) -> Iterator[AnyPacket]:
    """Yield the packets to write for all tracks, in the order of the source; report losses in ``warnings``.

    Raises :class:`SoundError`.
    """
    if not tracks:
        return
    name = source.name.removeprefix("file:")
    packets = _packets(source, tracks, is_trial)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            warnings.append(f"the sound of {name} ends early: {os_reason(error)}")
            break
        if packet is None:
            break
        index = packet.stream.index  # an empty packet has no number itself
        with sound_errors(index):
            yield from tracks[index].take(packet)
    for index, track in tracks.items():
        with sound_errors(index):
            yield from track.finish()
    lost = sum(track.lost for track in tracks.values())
    if lost:
        warnings.append(f"{lost} packets of the sound of {name} could not be decoded")


def _packets(source: InputContainer, tracks: Mapping[int, Track], is_trial: bool) -> Iterator[AnyPacket]:
    """Yield the packets of all tracks, or those of the first seconds."""
    if not is_trial:
        yield from source.demux(tuple(source.streams[index] for index in tracks))
        return
    packets = islice(source.demux(), _TRIED)
    yield from islice((packet for packet in packets if packet.stream.index in tracks), _TRIED_SOUND)


def _left_out(source: Path, reason: str) -> str:
    return f"the sound of {source} is left out: {reason}; convert it to AAC, for example, and add it to the result"
