"""Videos, one after the other: frames are cut and written in segments, which are joined, and get their sound."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from omz.atomic import sweep
from omz.cutout.inputs import Input
from omz.cutout.manifest import FinishedVideos, Manifest, open_manifest_of
from omz.cutout.names import Outputs, What
from omz.cutout.observer import Action
from omz.cutout.plan import Plan
from omz.cutout.rendering import is_seen_through, on_screen, render
from omz.cutout.segments import Segments, SegmentWriting, open_segments, restore
from omz.cutout.session import NOTHING_DIFFERS, Session, is_empty, plate_warnings
from omz.cutout.standard_input import StdinVideo
from omz.cutout.summary import Ended, Ending, Outcome
from omz.cutout.video_sources import VideoSource, file_source, piped_source
from omz.errors import OmzError, VideoError
from omz.images.arrays import Picture, Pixels
from omz.images.transparency import over
from omz.matting.backgrounds import VideoTarget
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.plate_fitting import Fitted, VideoPlates
from omz.matting.stream import MattingStream
from omz.paths import hidden_name
from omz.video.formats import Format, segment_suffix
from omz.video.joining import join
from omz.video.reading import VideoFrame
from omz.video.sequence import picture_path
from omz.video.sound import Sound, plan_sound
from omz.work.pipeline import ahead, in_order

_FRAMES = "frames"
_WAITING = 2  # frames between two stages


def run_videos(session: Session, plan: Plan) -> Outcome:
    """Cut all videos of a plan; one that fails does not stop the others.

    Raises :class:`OmzError` where there is but one input, and that fails.
    """
    is_alone = len(plan.videos) == 1 and not plan.pictures
    with ExitStack() as stack:
        manifest: Manifest | None = None
        if not is_alone or session.options.part is not None:
            manifest = stack.enter_context(open_manifest_of(session, plan.videos.values(), video=True))
        run = _Run(session, plan, FinishedVideos(manifest, session.options.retry_failed))
        total, tally = Outcome(), session.tally
        for item, outputs in plan.videos.items():
            told = len(tally.warnings)
            try:
                outcome, problem = run.cut(item, outputs)
            except OmzError as error:
                if is_alone:
                    raise
                outcome, problem = Outcome(failed=1), str(error)
                if item.source not in problem:
                    problem = f"{item.source}: {problem}"
            status: Ending = "skipped" if outcome.skipped else "done"
            if problem:
                status = "failed"
                tally.observer.on_failure(problem)
            tally.ended[item.source] = Ended(status, problem, tuple(tally.warnings)[told:])
            total += outcome
    return total


class _Run:
    """Videos of a run. Those of one size after each other share the model that was compiled for it."""

    def __init__(self, session: Session, plan: Plan, finished: FinishedVideos) -> None:
        self._session, self._plan, self._finished = session, plan, finished
        self._model = session.model

    def cut(self, item: Input, outputs: Outputs) -> tuple[Outcome, str]:
        """Cut a video, unless an earlier run has done so; return also why it ends early, if it does."""
        files = tuple(outputs.values())
        before = self._finished.before(item, outputs)
        if before is not None:
            return Outcome(failed=bool(before.error), skipped=not before.error, outputs=files), before.error
        started = time.perf_counter()
        result = self._cut(item, outputs)
        self._finished.add(item, outputs, result.problem, time.perf_counter() - started)
        failed = bool(result.problem)
        return Outcome(not failed, failed, frames=result.frames - result.before, outputs=files), result.problem

    def _cut(self, item: Input, outputs: Outputs) -> _Result:
        session, tally = self._session, self._session.tally
        kept = tally.finished.get(_FRAMES, 0)
        try:
            source = self._source(item)
            self._model = self._model.at((source.first.picture.shape[0], source.first.picture.shape[1]))
            formats = {what: self._plan.formats[path] for what, path in outputs.items()}
            stream = session.stream(self._model, follows=True)
            return _Video(session, source, stream, outputs, formats).cut(self._job_name(item))
        except OmzError:
            count = tally.finished.get(_FRAMES, 0) - kept
            if count:
                tally.observer.on_warning(f"{count} frames of {item.source} are finished; --resume goes on after them")
            raise

    def _job_name(self, item: Input) -> str:
        """Return the name of the file, with its folders where another video has the same."""
        same = [video for video in self._plan.videos if video.path.name == item.path.name]
        if len(same) > 1:
            return item.source
        return item.path.name

    def _source(self, item: Input) -> VideoSource:
        piped = self._plan.piped.get(item)
        if isinstance(piped, StdinVideo):
            return piped_source(self._session, piped)
        return file_source(self._session, item.path)


@dataclass(frozen=True)
class _Result:
    """Count of the frames of a video, and of those among them that an earlier run did.

    ``problem`` says why it ends before its end, and is empty where it does not.
    """

    frames: int
    before: int
    problem: str = ""


@dataclass(frozen=True)
class _Video:
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
    def frames(self) -> int | None:
        """How many frames there are to cut, as far as the video tells, and it may be wrong."""
        count = self.source.info.frames
        if count and self.limit:
            return min(count, self.limit)
        return count or self.limit

    def cut(self, name: str) -> _Result:
        """Cut the video, called ``name`` for progress.

        Raises :class:`omz.errors.OmzError` where nothing more can be done; finished segments stay then, as after
        Ctrl-C, and a run that resumes goes on after them.
        """
        options, source, tally = self.session.options, self.source, self.session.tally
        first = next(iter(self.outputs.values()))
        folder = first.with_name(hidden_name(first.name, ".omz_demo"))  # where segments are kept until they are joined
        depends_on = {**self.session.depends_on(video=True), "input": source.stamp}
        looks = bool(options.show) and tally.observer.watches(live=False, recorded=True)
        dress = _Dressing(self.session, source)
        with (
            open_segments(folder, depends_on, options.resume, source.is_resumable) as segments,
            self._told_in_the_end(segments),
        ):
            before = segments.frames
            for warning in (segments.warning, *self._padding(), *self._hard_edges(), *self._sound_left_out()):
                if warning:
                    tally.warn(warning)
            tally.observer.on_progress(name, before, self.frames)
            frames = _Frames(self, segments, dress)
            restore(segments, self.stream, dress.plates)
            self._write(frames, segments, name, looks)
            if segments.last is None:
                raise VideoError(frames.problem or f"{source.info.path} has no frame; use another video")
            if segments.last.follows_damage and not frames.problem:  # that an earlier run has met
                frames.problem = (
                    f"{source.info.path} is damaged: parts of it could not be decoded; use an undamaged copy"
                )
            with tally.watch("join"):
                for note in self._joined(segments, ended=bool(frames.problem) or frames.stopped):
                    tally.warn(note)
            tally.observer.on_progress(name, segments.frames, segments.frames)
        return _Result(segments.frames, before, frames.problem)

    @contextmanager
    def _told_in_the_end(self, segments: Segments) -> Iterator[None]:
        try:
            yield
        finally:
            if self.source.is_resumable:
                self.session.tally.finish(_FRAMES, segments.noted())

    def _write(self, frames: _Frames, segments: Segments, name: str, looks: bool) -> None:
        """Write all frames that are left."""
        tally, info = self.session.tally, self.source.info
        length = max(1, round(self.session.options.segment_seconds * info.rate))
        done, all_empty = segments.frames, not segments.frames
        rendered = in_order(self.session.pool, self._rendered, self.stream(frames()), _WAITING)
        with (
            SegmentWriting(segments, self.outputs, self.formats, info, length, self.stream) as writing,
            closing(ahead(rendered, _WAITING)) as finished,
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

    def _rendered(self, matted: MattedFrame | Failure) -> tuple[MattedFrame, dict[What, Pixels]]:
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


class _Frames:
    """Frames that are still to be cut; an error of the video ends them, and becomes ``problem``.

    ``stopped`` says that there are more, which nobody asked for.
    """

    def __init__(self, video: _Video, segments: Segments, dress: _Dressing) -> None:
        self.problem, self.stopped = "", False
        self._video, self._dress = video, dress
        self._done, self._last = segments.frames, segments.last

    def __call__(self) -> Generator[Frame, None, None]:
        """Yield them."""
        limit = self._video.limit
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
        start, begin = 0, None
        if self._last is not None:
            start, begin = self._done - 1, self._last.last_time
        watch = self._video.session.tally.watch
        try:
            with closing(watch.source("decode", self._video.source.read(start, begin))) as frames:
                yield from islice(frames, self._done - start, None)
        except VideoError as error:
            self.problem = str(error)


class _Dressing:
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
