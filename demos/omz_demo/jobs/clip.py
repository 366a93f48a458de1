"""A video: its frames are cut and written in segments, which are joined, and get its sound."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from omz.atomic import sweep
from omz.errors import VideoError
from omz.images.files import Levels
from omz_demo.cutter import Cutter
from omz_demo.frames import Cut, Failure, Frame
from omz_demo.jobs.segment_writing import SegmentWriting, restore
from omz_demo.jobs.segments import Segments, open_segments
from omz_demo.jobs.space import check_space, least_video_bytes
from omz_demo.outputs.names import What
from omz_demo.outputs.rendering import render
from omz_demo.pipeline import ahead, in_order
from omz_demo.stopwatch import Stopwatch
from omz_demo.video.formats import Format
from omz_demo.video.info import Footage
from omz_demo.video.joining import Sound, join
from omz_demo.video.reading import VideoFrame
from omz_demo.video.sequence import picture_path

_WAITING = 2  # frames between two stages


@dataclass(frozen=True)
class Clip:
    """A video, and the files that come of it.

    ``read`` gives the frames from a number on, whose time is known, perhaps. ``depends_on`` is all that they depend on,
    by name. ``segment`` is how many frames a segment has, ``limit`` how many are cut of the video, None for all.
    ``sound`` is the file that it comes from, None for a silent result. ``is_resumable`` says that finished segments
    are of use to a later run, as they are unless the video can be read only once.
    """

    info: Footage
    read: Callable[[int, int | None], Generator[VideoFrame, None, None]]
    outputs: Mapping[What, Path]
    formats: Mapping[What, Format]
    depends_on: Mapping[str, str]
    segment: int
    limit: int | None = None
    sound: Path | None = None
    resume: bool = False
    is_resumable: bool = True

    @property
    def folder(self) -> Path:
        """Where segments are kept until they are joined."""
        first = next(iter(self.outputs.values()))
        return first.with_name(f".{first.name}.omz_demo")

    @property
    def frames(self) -> int | None:
        """How many frames there are to cut, as far as the video tells, and it may be wrong."""
        return min(self.info.frames, self.limit or self.info.frames) if self.info.frames else self.limit


@dataclass(frozen=True)
class ClipResult:
    """What came of a video: how many frames, and how many of them by an earlier run.

    ``problem`` says why it ends before its end, and is empty where it does not.
    """

    frames: int
    before: int
    problem: str = ""


def run_clip(
    clip: Clip,
    cutter: Cutter,
    dress: Callable[[VideoFrame], Frame],
    pool: ThreadPoolExecutor,
    watch: Stopwatch,
    say: Callable[[str], None] = lambda text: None,
    keep: Callable[[int], None] = lambda frames: None,
    advance: Callable[[int], None] = lambda frames: None,
    look: Callable[[Cut, Mapping[What, Levels]], bool] = lambda cut, results: True,
) -> ClipResult:
    """Cut a video.

    ``dress`` adds plate and target to a frame. ``say`` is given what the user should know, a line each. ``keep`` is
    told how many frames are finished, also where the job is broken off and they are of use to a later run. ``advance``
    is told how many frames more are done. ``look`` sees each cut and what is written of it, and returns whether to go
    on; else it is as if Ctrl-C had been pressed. Raises :class:`omz.errors.OmzError` where nothing more can be done;
    finished segments stay then, as after Ctrl-C, and ``resume`` goes on after them.
    """
    with (
        open_segments(clip.folder, clip.depends_on, clip.resume, clip.is_resumable) as segments,
        _told_in_the_end(segments, keep if clip.is_resumable else _nobody),
    ):
        before = segments.frames
        for warning in (segments.warning, *_padding(clip)):
            if warning:
                say(warning)
        left = None if clip.frames is None else max(0, clip.frames - before)
        check_space(clip.folder.parent, least_video_bytes(left or 0, clip.info.size, clip.formats))
        advance(before)
        frames = _Frames(clip, segments, dress, watch)
        _write(clip, segments, frames, cutter, pool, watch, advance, look)
        if segments.last is None:
            raise VideoError(frames.problem or f"{clip.info.path} has no frame; use another video")
        if segments.last.follows_damage and not frames.problem:  # that an earlier run has met
            frames.problem = f"{clip.info.path} is damaged: parts of it could not be decoded; use an undamaged copy"
        with watch("join"):
            for note in _joined(clip, segments, ended=bool(frames.problem) or frames.stopped):
                say(note)
    return ClipResult(segments.frames, before, frames.problem)


def _write(
    clip: Clip,
    segments: Segments,
    frames: _Frames,
    cutter: Cutter,
    pool: ThreadPoolExecutor,
    watch: Stopwatch,
    advance: Callable[[int], None],
    look: Callable[[Cut, Mapping[What, Levels]], bool],
) -> None:
    """Write all frames that are left."""

    def rendered(cut: Cut | Failure) -> tuple[Cut, dict[What, Levels]]:
        if isinstance(cut, Failure):
            raise cut.error
        with watch("compose"):
            return cut, {what: render(cut, what) for what in clip.outputs}

    restore(segments, cutter.smoother)
    with (
        SegmentWriting(segments, clip.outputs, clip.formats, clip.info, clip.segment, cutter.smoother) as writing,
        closing(ahead(in_order(pool, rendered, cutter(frames()), _WAITING), _WAITING)) as done,
    ):
        for cut, results in done:
            with watch("write"):
                writing.write(cut, results)
            advance(1)
            if not look(cut, results):
                raise KeyboardInterrupt


class _Frames:
    """The frames that are still to be cut; what is wrong with the video ends them, and becomes ``problem``.

    ``stopped`` says that there are more, which nobody asked for.
    """

    def __init__(self, clip: Clip, segments: Segments, dress: Callable[[VideoFrame], Frame], watch: Stopwatch) -> None:
        self.problem, self.stopped = "", False
        self._clip, self._dress, self._watch = clip, dress, watch
        self._done, self._last = segments.frames, segments.last

    def __call__(self) -> Generator[Frame, None, None]:
        """Yield them."""
        limit = self._clip.limit
        if limit is not None and self._done >= limit:
            self.stopped = True
            return
        with closing(self._read()) as frames:
            for frame in frames:
                yield self._dress(frame)
                if limit is not None and frame.index + 1 >= limit:
                    self.stopped = True
                    return

    def _read(self) -> Generator[VideoFrame, None, None]:
        """Yield what is to be cut, from the last frame that is finished on, whose time is known."""
        start, time = (0, None) if self._last is None else (self._done - 1, self._last.last_time)
        try:
            with closing(self._watch.source("decode", self._clip.read(start, time))) as frames:
                yield from islice(frames, self._done - start, None)
        except VideoError as error:
            self.problem = str(error)


@contextmanager
def _told_in_the_end(segments: Segments, keep: Callable[[int], None]) -> Iterator[None]:
    try:
        yield
    finally:
        keep(segments.noted())


def _nobody(_frames: int) -> None:
    """Tell nobody."""


def _padding(clip: Clip) -> Iterator[str]:
    """Say which results are larger than the video, whose size their codec does not take."""
    height, width = clip.info.size
    for what, path in clip.outputs.items():
        if clip.formats[what].needs_even_size and (height % 2 or width % 2):
            size = f"{width + width % 2}x{height + height % 2}"
            yield f"{path.name} is {size}: its codec takes even sizes only, so the last row or column is repeated"


def _joined(clip: Clip, segments: Segments, ended: bool) -> Iterator[str]:
    """Join the segments of each result, and yield what to say of it.

    The sound goes as far as the frames where these ``ended`` before the video.
    """
    last = segments.last
    assert last is not None
    end = (last.last_time + last.last_duration) * clip.info.time_base if ended else None
    for what, path in clip.outputs.items():
        if clip.formats[what].container is None:
            if picture_path(path, segments.frames).exists():
                yield f"{path} has pictures of an earlier run, from {picture_path(path, segments.frames).name} on"
            continue
        sweep(path)
        files = [segments.path(what, index, path.suffix) for index in range(segments.count)]
        report = join(files, path, Sound(clip.sound, end) if clip.sound else None, clip.info.origin)
        yield from report.warnings
        for each in report.encoded:
            yield f"{path.name}: its sound was encoded anew, {each}"
