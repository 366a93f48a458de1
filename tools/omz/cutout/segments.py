"""Finished segments of a video, in a hidden folder beside the result, with a line about each.

Whatever becomes of the process, the segments that have their line are whole. They go once they have been joined.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import filelock
import numpy as np

from omz.atomic import whole_file
from omz.checksum import file_digest
from omz.cutout.names import What
from omz.cutout.rendering import for_video
from omz.errors import UsageError, VideoError
from omz.images.arrays import Pixels
from omz.images.files import read_pixels, write_picture
from omz.journal_file import Written, open_journal_file, read_journal_file, what_differs
from omz.matting.frames import MattedFrame
from omz.matting.plate_fitting import Fitting, VideoPlates
from omz.matting.stream import MattingStream
from omz.paths import hidden_name
from omz.runtime.engine import Tensor
from omz.video.formats import Format, segment_suffix
from omz.video.info import VideoFacts
from omz.video.sequence import SequenceWriter, picture_path
from omz.video.writing import VideoWriter, told

_ALGORITHM = "sha256"
_STATE, _STATES, _FITTING = "smoother", "states", "plate"
_JOURNAL = "segments.jsonl"


@dataclass(frozen=True)
class Segment:
    """Frames that are finished: ``frames`` of them from ``first`` on.

    The last is shown at ``last_time`` for ``last_duration``, in the units of the source. ``follows_damage`` says that
    something before it could not be decoded. ``files`` has the SHA-256 of each file, by its path as the folder of
    segments sees it.
    """

    first: int
    frames: int
    last_time: int
    last_duration: int
    follows_damage: bool
    files: Mapping[str, str]


class Moment(Protocol):
    """When a frame is shown, in the units of its source; see :class:`omz.matting.frames.Frame`."""

    @property
    def time(self) -> int:
        """The time it begins."""
        ...

    @property
    def duration(self) -> int:
        """How long it is shown."""
        ...

    @property
    def follows_damage(self) -> bool:
        """Whether something before it could not be decoded."""
        ...


class Segments:
    """Finished segments: how many there are, and the last of them, for there can be very many.

    ``warning`` says why those of an earlier run do not count, where that is so.
    """

    def __init__(
        self, folder: Path, finished: tuple[Segment, ...], add: Callable[[Mapping[str, Any]], None], warning: str = ""
    ) -> None:
        self.folder, self.warning = folder, warning
        self.count, self.last = len(finished), finished[-1] if finished else None
        self._add = add

    @property
    def frames(self) -> int:
        """How many frames are finished."""
        return 0 if self.last is None else self.last.first + self.last.frames

    def noted(self) -> int:
        """Return how many frames the file tells to be finished: Ctrl-C may have come between its line and our count."""
        return sum(segment.frames for segment in read_journal_file(self.folder / _JOURNAL, _from_json).entries)

    def path(self, what: str, index: int, suffix: str) -> Path:
        """Return where a segment of a result is kept."""
        return self.folder / f"{what}.{index:05d}{suffix}"

    def add(self, frames: int, last: Moment, files: tuple[Path, ...]) -> None:
        """Note a segment up to the frame ``last``, whose files are there; it is kept whatever becomes of this process.

        Raises :class:`VideoError` where that cannot be written.
        """
        digests = {os.path.relpath(path, self.folder): file_digest(path, _ALGORITHM) for path in files}
        follows_damage = last.follows_damage or (self.last is not None and self.last.follows_damage)
        segment = Segment(self.frames, frames, last.time, last.duration, follows_damage, digests)
        with told(self.folder):
            self._add(asdict(segment))
        self.count, self.last = self.count + 1, segment


@contextmanager
def open_segments(folder: Path, depends_on: Mapping[str, str], resume: bool, keep: bool = True) -> Iterator[Segments]:
    """Open the folder of segments: a new one, or to ``resume``, the one that is there.

    ``depends_on`` is all that frames depend on, by name; where that differs from before, all is begun anew, with a
    warning. The folder goes when the block ends well, or nothing in it is finished, or nobody is to ``keep`` it. Raises
    :class:`UsageError` where another process works on it, :class:`VideoError` where it cannot be written.
    """
    if folder.is_symlink():
        raise VideoError(f"{folder}, a link, is where segments would go; remove it, or name another output")
    with ExitStack() as stack:
        with told(folder.parent):
            folder.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(folder))
            there = read_journal_file(folder / _JOURNAL, _from_json)
            going_on = resume and there.header == depends_on
            finished = _whole(folder, there.entries) if going_on else ()
            if not finished and folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(exist_ok=True)
            size = there.size if finished and finished == there.entries else 0
            stack.push(lambda error, *_: _leave(folder, keep and error is not None))
            add = stack.enter_context(open_journal_file(folder / _JOURNAL, depends_on, size))
            for segment in () if size else finished:
                add(asdict(segment))
        yield Segments(folder, finished, add, _warning(there, depends_on, len(finished), resume))


def _leave(folder: Path, keep: bool) -> None:
    if not keep or not read_journal_file(folder / _JOURNAL, _from_json).entries:
        shutil.rmtree(folder, ignore_errors=True)


def _warning(there: Written[Segment], depends_on: Mapping[str, str], whole: int, resume: bool) -> str:
    """Return why finished segments do not count, where there are such."""
    frames = sum(segment.frames for segment in there.entries)
    if there.entries and not resume:
        return f"{frames} frames that an earlier run had finished are done anew; --resume would have gone on after them"
    if there.header and there.header != depends_on:
        other = what_differs(there.header, depends_on)
        return f"the {frames} frames that are finished are of a run with another {other}; everything is done anew"
    if whole < len(there.entries):
        return f"of {len(there.entries)} finished segments, number {whole + 1} is damaged; what follows is done anew"
    return ""


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep others from ``folder``; the file that does so goes with the folder, while it still does."""
    lock = filelock.FileLock(folder.with_name(hidden_name(folder.name[1:], ".lock")))
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise UsageError(f"another run works on {folder}; wait for it, or name another output") from None
    try:
        yield
    finally:
        if not folder.exists():
            _remove(Path(lock.lock_file))
        lock.release()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # some systems keep files that are open
        return


def _whole(folder: Path, entries: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Return the segments up to the first that is not there as it was written."""
    for count, segment in enumerate(entries):
        for name, digest in segment.files.items():
            path = folder / name
            if not path.is_file() or file_digest(path, _ALGORITHM) != digest:
                return entries[:count]
    return entries


def _from_json(value: Mapping[str, Any]) -> Segment:
    return Segment(**{**value, "files": dict(value["files"])})


class SegmentWriting:
    """Writer of frames that closes a segment after ``length`` of them, and after the last; each is whole or not there.

    With each it keeps what the next goes on from: the last alpha if ``stream`` smooths, states of a recurrent network,
    and how the plate was fitted.
    """

    def __init__(
        self,
        segments: Segments,
        outputs: Mapping[What, Path],
        formats: Mapping[What, Format],
        info: VideoFacts,
        length: int,
        stream: MattingStream,
    ) -> None:
        self._segments, self._outputs, self._formats, self._info = segments, outputs, formats, info
        self._length, self._stream = length, stream
        self._open: ExitStack | None = None
        self._writers: dict[What, VideoWriter | SequenceWriter] = {}
        self._files: list[Path] = []
        self._count = 0
        self._last: MattedFrame | None = None

    def __enter__(self) -> SegmentWriting:
        return self

    def write(self, matted: MattedFrame, results: Mapping[What, Pixels]) -> None:
        """Write the results of the next frame. Raises :class:`omz.errors.OmzError`."""
        if self._open is None:
            self._begin()
        for what, picture in results.items():
            form, output = self._formats[what], self._outputs[what]
            if form.container is None:
                self._files.append(picture_path(output, matted.frame.index))
            self._writers[what].write(for_video(picture, form), matted.frame.time, matted.frame.duration)
        self._count += 1
        self._last = matted
        if self._count == self._length:
            self._finish()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is None:
            return
        if error is None:
            self._finish()
        else:
            self._open.__exit__(kind, error, trace)

    def _begin(self) -> None:
        info, index, first = self._info, self._segments.count, self._segments.frames
        self._count, self._files = 0, []
        with ExitStack() as stack:
            for what, output in self._outputs.items():
                form = self._formats[what]
                if form.container is None:
                    writer: VideoWriter | SequenceWriter = SequenceWriter(output, info.time_base, first)
                else:
                    path = self._segments.path(what, index, segment_suffix(output))
                    writer = VideoWriter(path, form, info.size, info.time_base, info.rate, info.pixel_aspect)
                    self._files.append(path)
                stack.enter_context(writer)
                self._writers[what] = writer
            self._open = stack.pop_all()

    def _finish(self) -> None:
        assert self._open is not None
        assert self._last is not None
        stack, self._open = self._open, None
        stack.close()
        if self._stream.smoother is not None:
            path = self._segments.path(_STATE, self._segments.count, ".png")
            write_picture(path, self._last.alpha)  # not the smoother's state: that is some frames ahead
            self._files.append(path)
        if self._stream.memory is not None:
            path = self._segments.path(_STATES, self._segments.count, ".npz")
            with told(path), whole_file(path) as temporary:
                _save(temporary, self._last.states)  # those of the frame, for the memory is ahead, too
            self._files.append(path)
        if self._last.frame.fitted is not None:
            path = self._segments.path(_FITTING, self._segments.count, ".npz")
            with told(path), whole_file(path) as temporary:
                _save_fitting(temporary, self._last.frame.fitted.fitting)
            self._files.append(path)
        self._segments.add(self._count, self._last.frame, tuple(self._files))


def restore(segments: Segments, stream: MattingStream, plates: VideoPlates | None) -> None:
    """Have a stream, and plates, go on after the last finished segment."""
    if not segments.count:
        return
    last = segments.count - 1
    if stream.smoother is not None:
        stream.smoother.state = read_pixels(segments.path(_STATE, last, ".png"))
    if stream.memory is not None:
        stream.memory.states = _load(segments.path(_STATES, last, ".npz"))
    if plates is not None and plates.follows:
        plates.fitting = _load_fitting(segments.path(_FITTING, last, ".npz"))


def _save_fitting(path: Path, fitting: Fitting) -> None:
    given = {name: value for name, value in vars(fitting).items() if value is not None}
    np.savez(path, **given)


def _load_fitting(path: Path) -> Fitting:
    with np.load(path, allow_pickle=False) as file:
        blue, green, red = map(float, file["gains"])
        return Fitting(**{**file, "gains": (blue, green, red)})


def _save(path: Path, states: Mapping[str, Tensor]) -> None:
    np.savez(path, np.array([*states]), *states.values())


def _load(path: Path) -> dict[str, Tensor]:
    with np.load(path, allow_pickle=False) as file:
        names, *states = file.values()
    return dict(zip(map(str, names), states, strict=True))
