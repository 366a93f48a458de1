"""Videos, one after the other, or as units of work on a cluster; what has ended is noted."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from omz.cutout.inputs import Input
from omz.cutout.manifest import FinishedVideos, Manifest, fingerprint, open_manifest_of
from omz.cutout.names import Outputs
from omz.cutout.plan import Plan
from omz.cutout.segments import open_segments
from omz.cutout.session import Session
from omz.cutout.standard_input import StdinVideo
from omz.cutout.summary import Ended, Ending, Outcome
from omz.cutout.video_job import FRAMES, Result, Video, VideoFiles, segments_folder
from omz.cutout.video_sources import ChangedError, VideoSource, check_unchanged, file_source, piped_source
from omz.cutout.video_units import VideoMade, VideoUnit
from omz.errors import OmzError, VideoError
from omz.work.units import Lost

if TYPE_CHECKING:
    from omz.cutout.cluster import Cluster  # loads more than most runs need


def run_videos(session: Session, plan: Plan, cluster: Cluster | None = None) -> Outcome:
    """Cut all videos of a plan, here or on a cluster; one that fails does not stop the others.

    Raises :class:`OmzError` where there is but one input, and that fails.
    """
    is_alone = len(plan.videos) == 1 and not plan.pictures
    with ExitStack() as stack:
        manifest: Manifest | None = None
        if not is_alone or session.options.part is not None:
            manifest = stack.enter_context(open_manifest_of(session, plan.videos.values(), video=True))
        return VideoRun(session, manifest, cluster).cut(plan, is_alone)


class VideoRun:
    """Run through videos. Those of one size after each other share the model that was compiled for it."""

    def __init__(self, session: Session, manifest: Manifest | None, cluster: Cluster | None = None) -> None:
        self._session, self._plan, self._cluster = session, Plan({}, {}), cluster
        self._finished = FinishedVideos(manifest, session.options.retry_failed)
        self._model = session.model

    def cut(self, plan: Plan, is_alone: bool = False) -> Outcome:
        """Cut the videos of a plan. Raises :class:`OmzError` where one fails that ``is_alone``."""
        self._plan = plan
        total, tally = Outcome(), self._session.tally
        told = len(tally.warnings)
        with closing(self._all()) as videos:
            for item, ended in videos:
                outcome, problem = Outcome(failed=1), str(ended)
                if not isinstance(ended, OmzError):
                    outcome, problem = ended
                elif is_alone:
                    raise ended
                elif item.source not in problem:
                    problem = f"{item.source}: {problem}"
                status: Ending = "skipped" if outcome.skipped else "done"
                if problem:
                    status = "failed"
                    tally.observer.on_failure(problem)
                tally.ended[item.source] = Ended(status, problem, tuple(tally.warnings)[told:])
                told = len(tally.warnings)
                total += outcome
        return total

    def _all(self) -> Generator[tuple[Input, tuple[Outcome, str] | OmzError], None, None]:
        """Yield each video when it has ended, with its outcome, and why it ends early, or the error it failed by."""
        units = []
        for item, outputs in self._plan.videos.items():
            try:
                ended = self._before(item, outputs) or self._cut(item, outputs)
            except OmzError as error:
                yield item, error
                continue
            if isinstance(ended, VideoUnit):
                units.append(ended)
            else:
                yield item, ended
        if self._cluster is not None and units:
            yield from self._whole(units, self._cluster)

    def _before(self, item: Input, outputs: Outputs) -> tuple[Outcome, str] | None:
        """Return how a video has ended in an earlier run, if that holds."""
        before = self._finished.before(item, outputs)
        if before is None:
            return None
        files = tuple(outputs.values())
        return Outcome(failed=bool(before.error), skipped=not before.error, outputs=files), before.error

    def _cut(self, item: Input, outputs: Outputs) -> tuple[Outcome, str] | VideoUnit:
        """Cut a video; return also why it ends early, if it does. A unit is for a worker of the cluster."""
        session, tally = self._session, self._session.tally
        kept, started = tally.finished.get(FRAMES, 0), time.perf_counter()
        files = VideoFiles(outputs, {what: self._plan.formats[path] for what, path in outputs.items()})
        try:
            source = self._source(item)
            if self._cluster is None:
                self._model = self._model.at((source.first.picture.shape[0], source.first.picture.shape[1]))
            stream = session.stream(self._model, follows=True)
            video = Video(session, source, stream, outputs, files.formats)
            if self._cluster is None:
                result = video.cut(self._job_name(item))
            elif video.is_divisible:
                result = video.cut(self._job_name(item), self._cluster.for_segments())
            else:
                self._begin_anew(outputs)
                return VideoUnit(item, files, self._job_name(item))
            return self._noted(item, outputs, result, time.perf_counter() - started)
        except ChangedError:
            raise
        except OmzError:
            count = tally.finished.get(FRAMES, 0) - kept
            if count:
                tally.observer.on_warning(f"{count} frames of {item.source} are finished; {tally.remedy}")
            raise

    def _noted(self, item: Input, outputs: Outputs, result: Result, seconds: float) -> tuple[Outcome, str]:
        """Note a video. Raises :class:`OmzError` where that cannot be written, and for one that has changed."""
        if self._finished.notes(item):
            video = fingerprint(item.path)
            check_unchanged(item.path, result.stamp)
            self._finished.add(item, video, outputs, result.problem, seconds)
        failed, count = bool(result.problem), result.frames - result.before
        return Outcome(not failed, failed, frames=count, outputs=tuple(outputs.values())), result.problem

    def _begin_anew(self, outputs: Outputs) -> None:
        """Remove what an earlier run has finished, unless this one goes on from it, as each worker does."""
        if self._session.options.resume:
            return
        with open_segments(segments_folder(outputs), {}, resume=False, keep=False) as segments:
            if segments.warning:
                self._session.tally.warn(segments.warning)

    def _whole(
        self, units: list[VideoUnit], cluster: Cluster
    ) -> Iterator[tuple[Input, tuple[Outcome, str] | OmzError]]:
        """Have videos cut whose frames depend on each other, each by one worker."""
        done, observer = 0, self._session.tally.observer
        with closing(cluster.for_videos().run(units)) as results:
            for result in results:
                if observer.should_stop():
                    raise KeyboardInterrupt
                if result is None:
                    continue
                done += 1
                observer.on_progress("videos", done, len(units))
                if isinstance(result, Lost):
                    item = result.unit.item
                    yield item, VideoError(f"{item.source}: {result.problem}")
                    continue
                self._session.tally.include(result.account)
                yield result.unit.item, self._ended(result)

    def _ended(self, made: VideoMade) -> tuple[Outcome, str] | OmzError:
        """Note a video that a worker has cut."""
        if not isinstance(made.ended, Result):
            return made.ended
        try:
            return self._noted(made.unit.item, made.unit.files.outputs, made.ended, made.seconds)
        except OmzError as error:
            return error

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
