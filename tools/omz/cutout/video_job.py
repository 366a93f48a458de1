"""A video that becomes files: its frames, their plates and targets, and the segments that are joined."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from omz.atomic import sweep
from omz.cutout.names import Outputs, What
from omz.cutout.observer import Action
from omz.cutout.rendering import is_seen_through, on_screen, render
from omz.cutout.segment_units import SegmentMade, SegmentUnit, write_segments
from omz.cutout.segments import Segments, SegmentWriting, open_segments, restore
from omz.cutout.session import NOTHING_DIFFERS, Session, is_empty, plate_warnings
from omz.cutout.video_sources import VideoSource, check_unchanged, file_source
from omz.errors import VideoError
from omz.images.arrays import Picture, Pixels
from omz.images.transparency import over
from omz.matting.backgrounds import VideoTarget
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.inference import MattingRequests
from omz.matting.plate_fitting import Fitted, VideoPlates
from omz.matting.stream import MattingStream
from omz.paths import hidden_name
from omz.video.formats import Format, segment_suffix
from omz.video.joining import join
from omz.video.reading import VideoFrame
from omz.video.sequence import picture_path
from omz.video.sound import Sound, plan_sound
from omz.video.writing import VideoWriter
from omz.work.pipeline import ahead, in_order
from omz.work.units import Executor

FRAMES = "frames"
"""Noun of what is counted."""
WAITING = 2
"""Frames between two stages."""


@dataclass(frozen=True)
class VideoFiles:
    """Files that come of a video, and their formats."""

    outputs: Outputs
    formats: Mapping[What, Format]


@dataclass(frozen=True)
class Result:
    """Count of the frames of a video, and of those among them that an earlier run did.

    ``problem`` says why it ends before its end, and is empty where it does not; ``stamp`` is that of the source.
    """

    frames: int
    before: int
    problem: str = ""
    stamp: str = ""


@dataclass(frozen=True)
class Video:
    """A video, and the files that come of it."""

    session: Session
    source: VideoSource
    stream: MattingStream
    outputs: Outputs
    formats: Mapping[What, Format]

    @property
    def limit(self) -> int | None:
        """How many frames are cut at most; None: all."""
        return self.session.options.limit or None

    @property
    def length(self) -> int:
        """How many frames a segment has."""
        return max(1, round(self.session.options.segment_seconds * self.source.info.rate))

    @property
    def frames(self) -> int | None:
        """How many frames there are to cut, as far as the video tells, and it may be wrong."""
        count = self.source.info.frames
        if count and self.limit:
            return min(count, self.limit)
        return count or self.limit

    @property
    def is_divisible(self) -> bool:
        """Whether segments can be cut one without the other, and so on several machines."""
        plates = Dressing(self.session, self.source).plates
        stream, forms = self.stream, self.formats.values()
        is_whole = stream.smoother is not None or stream.memory is not None or (plates is not None and plates.follows)
        return self.source.is_resumable and not is_whole and all(form.container is not None for form in forms)

    def cut(self, name: str, executor: Executor[SegmentUnit, SegmentMade] | None = None) -> Result:
        """Cut the video, called ``name`` for progress; by an ``executor`` of segments, if it is divisible.

        Raises :class:`omz.errors.OmzError` where nothing more can be done; finished segments stay then, as after
        Ctrl-C, and a run that resumes goes on after them.
        """
        options, source, tally = self.session.options, self.source, self.session.tally
        folder = segments_folder(self.outputs)
        depends_on = {**self.session.depends_on(video=True), "input": source.stamp}
        looks = bool(options.show) and tally.observer.watches(live=False, recorded=True)
        dress = Dressing(self.session, source)
        with (
            open_segments(folder, depends_on, options.resume, source.is_resumable) as segments,
            self._told_in_the_end(segments),
        ):
            before = segments.frames
            for warning in (segments.warning, *self._padding(), *self._hard_edges(), *self._sound_left_out()):
                if warning:
                    tally.warn(warning)
            tally.observer.on_progress(name, before, self.frames)
            frames = Frames(self, segments, dress)
            restore(segments, self.stream, dress.plates)
            if executor is None:
                self._write(frames, segments, name, looks)
            else:
                write_segments(self, executor, frames, segments, name)
            if segments.last is None:
                raise VideoError(frames.problem or f"{source.info.path} has no frame; use another video")
            if segments.last.follows_damage and not frames.problem:  # that an earlier run has met
                frames.problem = (
                    f"{source.info.path} is damaged: parts of it could not be decoded; use an undamaged copy"
                )
            check_unchanged(Path(source.info.path), source.stamp)
            with tally.watch("join"):
                for note in self._joined(segments, ended=bool(frames.problem) or frames.stopped):
                    tally.warn(note)
            tally.observer.on_progress(name, segments.frames, segments.frames)
        return Result(segments.frames, before, frames.problem, source.stamp)

    @contextmanager
    def _told_in_the_end(self, segments: Segments) -> Iterator[None]:
        try:
            yield
        finally:
            if self.source.is_resumable:
                self.session.tally.finish(FRAMES, segments.noted())

    def _write(self, frames: Frames, segments: Segments, name: str, looks: bool) -> None:
        """Write all frames that are left."""
        tally, info = self.session.tally, self.source.info
        done, all_empty = segments.frames, not segments.frames
        rendered = in_order(self.session.pool, self.rendered, self.stream(frames()), WAITING)
        with (
            SegmentWriting(segments, self.outputs, self.formats, info, self.length, self.stream) as writing,
            closing(ahead(rendered, WAITING)) as finished,
        ):
            for number, (matted, results) in enumerate(finished):
                with tally.watch("write"):
                    writing.write(matted, results)
                done += 1
                tally.cut(matted)
                tally.observer.on_progress(name, done, self.frames)
                if number == 0:
                    for note in plate_warnings(matted, tally):
                        tally.warn(note)
                all_empty = all_empty and is_empty(matted)
                is_quit = looks and self._show(matted, results) is Action.QUIT
                if is_quit or tally.observer.should_stop():
                    raise KeyboardInterrupt
        if all_empty and done:
            tally.warn(NOTHING_DIFFERS)

    def rendered(self, matted: MattedFrame | Failure) -> tuple[MattedFrame, dict[What, Pixels]]:
        """Return the results of a frame. Raises what it failed by."""
        if isinstance(matted, Failure):
            raise matted.error
        with self.session.tally.watch("compose"):
            shown = matted.within_input()
            for what, path in self.outputs.items():
                if is_seen_through(shown, what) and not self.formats[what].has_alpha:
                    line = f"{path.name} has no alpha, so the target lies before white; use .mov or .webm"
                    self.session.tally.warn(line)
            return matted, {what: render(shown, what) for what in self.outputs}

    def _show(self, matted: MattedFrame, results: Mapping[What, Pixels]) -> Action:
        options, tally = self.session.options, self.session.tally
        picture = on_screen(matted.within_input(), results, options.show_with_original_frame, options.output_resolution)
        rate = 1e3 / max(1e-3, tally.watch.milliseconds.get("infer", 0.0) / tally.requests)
        return tally.observer.on_frame(picture, (f"{rate:.1f} fps",))

    def writer(self, what: What, path: Path) -> VideoWriter:
        """Return a writer of a segment of one result."""
        info = self.source.info
        return VideoWriter(path, self.formats[what], info.size, info.time_base, info.rate, info.pixel_aspect)

    def _padding(self) -> Iterator[str]:
        """Say which results are larger than the video, whose size their codec does not take."""
        height, width = self.source.info.size
        for what, path in self.outputs.items():
            if self.formats[what].needs_even_size and (height % 2 or width % 2):
                size = f"{width + width % 2}x{height + height % 2}"
                yield f"{path.name} is {size}: its codec takes even sizes only, so the last row or column is repeated"

    def _hard_edges(self) -> Iterator[str]:
        """Say which results lose the soft edges of alpha."""
        for what, path in self.outputs.items():
            if what == "cutout" and path.suffix.lower() == ".gif":
                yield f"{path.name} has hard edges, for GIF has no half-transparent pixels; use .webp for soft ones"

    def _sound_left_out(self) -> Iterator[str]:
        """Say why sound cannot go into the results."""
        if self.source.sound is None or not self.session.options.sound:
            return
        for form in self.formats.values():
            if form.container is not None:
                yield from plan_sound(self.source.sound, form.container).warnings

    def _joined(self, segments: Segments, ended: bool) -> Iterator[str]:
        """Join the segments of each result, and yield warnings.

        The sound goes as far as the frames where these ``ended`` before the video.
        """
        last, info = segments.last, self.source.info
        assert last is not None
        sound: Sound | None = None
        if self.source.sound and self.session.options.sound:
            end = (last.last_time + last.last_duration) * info.time_base
            sound = Sound(self.source.sound, end if ended else None)
        for what, path in self.outputs.items():
            if self.formats[what].container is None:
                following = picture_path(path, segments.frames)
                if following.exists():
                    yield f"{path} has images of an earlier run, from {following.name} on"
                continue
            sweep(path)
            files = [segments.path(what, index, segment_suffix(path)) for index in range(segments.count)]
            report = join(files, path, sound, info.origin)
            yield from report.warnings
            for each in report.encoded:
                yield f"{path.name}: its sound was encoded anew, {each}"


class Frames:
    """Frames that are still to be cut; an error of the video ends them, and becomes ``problem``.

    ``stopped`` says that there are more, which nobody asked for.
    """

    def __init__(self, video: Video, segments: Segments, dress: Dressing) -> None:
        self.problem, self.stopped = "", False
        self._video, self._dress = video, dress
        self._done, self._last = segments.frames, segments.last

    def __call__(self) -> Generator[Frame, None, None]:
        """Yield them with plates and targets."""
        with closing(self.bare()) as frames:
            for frame in frames:
                yield self._dress(frame)

    def bare(self) -> Generator[VideoFrame, None, None]:
        """Yield them as the video has them."""
        limit = self._video.limit
        if limit is not None and self._done >= limit:
            self.stopped = True
            return
        with closing(self._read()) as frames:
            for frame in frames:
                yield frame
                if limit is not None and frame.index + 1 >= limit:
                    self.stopped = True
                    return

    def _read(self) -> Generator[VideoFrame, None, None]:
        """Yield what is to be cut, from the last frame that is finished on, whose time is known."""
        start, begin = 0, None
        if self._last is not None:
            start, begin = self._done - 1, self._last.last_time
        watch = self._video.session.tally.watch
        try:
            with closing(watch.source("decode", self._video.source.read(start, begin))) as frames:
                yield from islice(frames, self._done - start, None)
        except VideoError as error:
            self.problem = str(error)


class Dressing:
    """Plates and targets of frames."""

    def __init__(self, session: Session, source: VideoSource) -> None:
        self._tally, self._info, self._begin = session.tally, source.info, source.first.time
        self._is_told = False
        self.plates: VideoPlates | None = None
        if source.plates is not None:
            self.plates = VideoPlates(source.plates, session.options.plate_options, plate_size=session.model.plate_size)
        self._target = session.target
        if isinstance(self._target, VideoTarget):  # which another video may have played
            self._target = VideoTarget(Path(str(session.options.target)), session.options.fit)

    def __call__(self, frame: VideoFrame) -> Frame:
        """Return the frame with its plate and its target."""
        plate = target = fitted = None
        if self.plates is not None:
            seen = over(frame.picture, frame.opacity)
            fitted = self.plates.at(frame.index, "", seen, whole=frame.opacity is not None)
            plate = self._told(frame.index, fitted)
        if self._target is not None:
            seconds = float((frame.time - self._begin) * self._info.time_base)
            target = self._target.at(frame.index, seconds, (frame.picture.shape[0], frame.picture.shape[1]))
        given = frame.time, frame.duration, frame.follows_damage
        return Frame(frame.index, frame.picture, plate, target, *given, fitted=fitted).with_opacity(frame.opacity)

    def _told(self, index: int, fitted: Fitted) -> Picture:
        """Return the plate of a frame; warn of the first after frame 0 that could not be aligned."""
        for note in fitted.notes:
            self._tally.warn(note)
        if fitted.problem and index and not self._is_told:
            self._is_told = True
            self._tally.warn(f"frame {index}: {fitted.problem}; later frames are not reported")
        return fitted.plate


def open_video(
    session: Session, model: MattingRequests, path: Path, files: VideoFiles
) -> tuple[Video, MattingRequests]:
    """Open the file of a video, and return the model for its size, too. Raises :class:`omz.errors.OmzError`."""
    source = file_source(session, path)
    model = model.at((source.first.picture.shape[0], source.first.picture.shape[1]))
    return Video(session, source, session.stream(model, follows=True), files.outputs, files.formats), model


def segments_folder(outputs: Outputs) -> Path:
    """Return the folder where the segments of a video are kept until they are joined."""
    first = next(iter(outputs.values()))
    return first.with_name(hidden_name(first.name, ".omz_demo"))
