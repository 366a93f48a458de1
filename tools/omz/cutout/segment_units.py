"""Segments of a video as units of work, for videos whose frames do not depend on each other."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from omz.atomic import first_file
from omz.cutout.image_files import check_committed
from omz.cutout.manifest import Fingerprint, fingerprint
from omz.cutout.names import Outputs, What
from omz.cutout.rendering import for_video
from omz.cutout.segments import Segments
from omz.cutout.session import NOTHING_DIFFERS, is_empty, plate_warnings
from omz.cutout.summary import Account
from omz.errors import VideoError
from omz.matting.frames import Frame
from omz.video.formats import Format, segment_suffix
from omz.video.writing import told
from omz.work.pipeline import ahead, in_order
from omz.work.units import Executor, Lost

if TYPE_CHECKING:
    from omz.cutout.video_job import Dressing, Frames, Video  # loads this module

_WAITING = 2  # frames between two stages


@dataclass(frozen=True)
class LastFrame:
    """The time of the last frame of a segment; see :class:`omz.cutout.segments.Moment`."""

    time: int
    duration: int
    follows_damage: bool


@dataclass(frozen=True)
class SegmentUnit:
    """Unit of work: ``frames`` frames of the video at ``source``, from ``first`` on, into the files ``paths``.

    ``outputs`` are the files that become of the video, in these ``formats``. ``begin`` is the time of the frame before
    the first, None if there is none. ``is_first`` says that the run begins there.
    """

    source: str
    index: int
    first: int
    frames: int
    begin: int | None
    last: LastFrame
    paths: Mapping[What, Path]
    outputs: Outputs
    formats: Mapping[What, Format]
    is_first: bool


@dataclass(frozen=True)
class SegmentMade:
    """A segment that is finished: what is in its files, and whether no frame of it has a subject."""

    unit: SegmentUnit
    files: Mapping[Path, Fingerprint]
    is_empty: bool
    account: Account


def write_segments(
    video: Video, executor: Executor[SegmentUnit, SegmentMade], frames: Frames, segments: Segments, name: str
) -> None:
    """Have all segments cut that are left, several at a time, and note them in order.

    Raises :class:`VideoError` for a segment that was set aside, and what the executor raises.
    """
    tally, made = video.session.tally, dict[int, SegmentMade]()
    all_empty = not segments.frames
    with closing(executor.run(_units(video, frames, segments))) as results:
        for result in results:
            if tally.observer.should_stop():
                raise KeyboardInterrupt
            if result is None:
                continue
            if isinstance(result, Lost):
                unit = result.unit
                where = f"{unit.source}, frames {unit.first} to {unit.first + unit.frames - 1}"
                raise VideoError(f"{where}: {result.problem}")
            tally.include(result.account)
            all_empty = all_empty and result.is_empty
            made[result.unit.index] = result
            while segments.count in made:
                _note(made.pop(segments.count), segments)
            tally.observer.on_progress(name, segments.frames, video.frames)
    if all_empty and segments.frames:
        tally.warn(NOTHING_DIFFERS)


def _note(made: SegmentMade, segments: Segments) -> None:
    check_committed(made.files)
    segments.add(made.unit.frames, made.unit.last, tuple(made.files))


def _units(video: Video, frames: Frames, segments: Segments) -> Generator[SegmentUnit, None, None]:
    """Yield the segments of frames, which are decoded here to know their times, and what is damaged."""
    begin = None if segments.last is None else segments.last.last_time
    files = dict(video.outputs), dict(video.formats)
    first, index, is_first = segments.frames, segments.count, True
    with closing(frames.bare()) as bare:
        while part := [LastFrame(each.time, each.duration, each.follows_damage) for each in islice(bare, video.length)]:
            paths = {}
            for what, output in video.outputs.items():
                paths[what] = segments.path(what, index, segment_suffix(output))
            source = str(video.source.info.path)
            yield SegmentUnit(source, index, first, len(part), begin, part[-1], paths, *files, is_first)
            first, index, begin, is_first = first + len(part), index + 1, part[-1].time, False


def cut_segment(video: Video, dress: Dressing, unit: SegmentUnit) -> SegmentMade:
    """Cut the frames of a segment, and write its files; those that are there already stay.

    Raises :class:`omz.errors.OmzError`.
    """
    session, tally = video.session, video.session.tally
    count, all_empty = 0, True
    with ExitStack() as stack:
        writers = {}
        for what, path in unit.paths.items():
            stack.enter_context(told(path))
            temporary = stack.enter_context(first_file(path))
            writers[what] = stack.enter_context(video.writer(what, temporary))
        rendered = in_order(session.pool, video.rendered, video.stream(_frames(video, dress, unit)), _WAITING)
        for matted, results in stack.enter_context(closing(ahead(rendered, _WAITING))):
            with tally.watch("write"):
                for what, picture in results.items():
                    shown = for_video(picture, video.formats[what])
                    writers[what].write(shown, matted.frame.time, matted.frame.duration)
            tally.cut(matted)
            if count == 0 and unit.is_first:
                for note in plate_warnings(matted, tally):
                    tally.warn(note)
            count, all_empty = count + 1, all_empty and is_empty(matted)
        if count != unit.frames:
            found = f"{count} frames from {unit.first} on, not {unit.frames}"
            raise VideoError(f"{unit.source} has {found}; leave it unchanged while it is cut")
    files = {path: fingerprint(path) for path in unit.paths.values()}
    return SegmentMade(unit, files, all_empty, tally.account)


def _frames(video: Video, dress: Dressing, unit: SegmentUnit) -> Generator[Frame, None, None]:
    """Yield the frames of a segment, read from the last one before it on, whose time is known."""
    start = max(0, unit.first - 1)
    with closing(video.session.tally.watch.source("decode", video.source.read(start, unit.begin))) as frames:
        for frame in islice(frames, unit.first - start, unit.first - start + unit.frames):
            yield dress(frame)
