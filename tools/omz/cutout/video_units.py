"""Videos as units of work, for those whose frames depend on each other, and the work of a process on both kinds."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from omz.atomic import Stamp, stamp_of
from omz.cutout.inputs import Input
from omz.cutout.segment_units import SegmentMade, SegmentUnit, cut_segment
from omz.cutout.session import Session
from omz.cutout.summary import Account
from omz.cutout.video_job import Dressing, Result, Video, VideoFiles, open_video
from omz.errors import OmzError


@dataclass(frozen=True)
class VideoUnit:
    """Unit of work: a video, the files that come of it, and its name for progress."""

    item: Input
    files: VideoFiles
    name: str


@dataclass(frozen=True)
class VideoMade:
    """A video that has ended, or the error that it failed by."""

    unit: VideoUnit
    ended: Result | OmzError
    seconds: float
    account: Account


class VideoWork:
    """Work of a process on videos and segments; it keeps the last video open, for its next segment."""

    def __init__(self, session: Session) -> None:
        self._model = session.model
        self._last: tuple[str, Stamp | None, Video] | None = None

    def whole(self, session: Session, unit: VideoUnit) -> VideoMade:
        """Cut a video, and go on from the segments that another worker has finished."""
        started, self._last = time.perf_counter(), None
        session = replace(session, options=replace(session.options, resume=True))
        ended: Result | OmzError
        try:
            ended = self._opened(session, unit.item.path, unit.files).cut(unit.name)
        except OmzError as error:
            ended = error
        return VideoMade(unit, ended, time.perf_counter() - started, session.tally.account)

    def segment(self, session: Session, unit: SegmentUnit) -> SegmentMade:
        """Cut a segment. Raises :class:`OmzError`."""
        path, files = Path(unit.source), VideoFiles(unit.outputs, unit.formats)
        stamp = stamp_of(path)
        if self._last is None or self._last[:2] != (unit.source, stamp):
            self._last = unit.source, stamp, self._opened(session, path, files)
        video = replace(self._last[2], session=session, outputs=files.outputs, formats=files.formats)
        stream = session.stream(self._model, follows=True)
        return cut_segment(replace(video, stream=stream), Dressing(session, video.source), unit)

    def _opened(self, session: Session, path: Path, files: VideoFiles) -> Video:
        video, self._model = open_video(session, self._model, path, files)
        return video
