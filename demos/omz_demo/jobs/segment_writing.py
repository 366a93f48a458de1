"""Frames to segments, one after the other, for all results of a video at once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2

from omz.images.files import Levels, read_levels, write_picture
from omz.images.refinement import Smoother
from omz_demo.frames import Cut
from omz_demo.jobs.segments import Segments
from omz_demo.outputs.names import What
from omz_demo.video.formats import Format
from omz_demo.video.info import Footage
from omz_demo.video.sequence import SequenceWriter, picture_path
from omz_demo.video.writing import VideoWriter

_STATE = "smoother"


class SegmentWriting:
    """Writes frames, and closes a segment after ``length`` of them, and after the last; none that is not whole.

    With each it keeps the last alpha, from which a ``smoother`` goes on.
    """

    def __init__(
        self,
        segments: Segments,
        outputs: Mapping[What, Path],
        formats: Mapping[What, Format],
        info: Footage,
        length: int,
        smoother: Smoother | None,
    ) -> None:
        self._segments, self._outputs, self._formats, self._info = segments, outputs, formats, info
        self._length, self._is_smoothed = length, smoother is not None
        self._open: ExitStack | None = None
        self._writers: dict[What, VideoWriter | SequenceWriter] = {}
        self._files: list[Path] = []
        self._count = 0
        self._last: Cut | None = None

    def __enter__(self) -> SegmentWriting:
        return self

    def write(self, cut: Cut, results: Mapping[What, Levels]) -> None:
        """Write what came of the next frame. Raises :class:`omz.errors.OmzError`."""
        if self._open is None:
            self._begin()
        for what, picture in results.items():
            form, output = self._formats[what], self._outputs[what]
            if form.container is None:
                self._files.append(picture_path(output, cut.frame.index))
            self._writers[what].write(for_video(picture, form), cut.frame.time, cut.frame.duration)
        self._count += 1
        self._last = cut
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
                    path = self._segments.path(what, index, output.suffix)
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
        if self._is_smoothed:
            path = self._segments.path(_STATE, self._segments.count, ".png")
            write_picture(path, self._last.alpha)  # not the smoother's state: that is some frames ahead
            self._files.append(path)
        self._segments.add(self._count, self._last.frame, tuple(self._files))


def restore(segments: Segments, smoother: Smoother | None) -> None:
    """Have a smoother go on after the last finished segment."""
    if smoother is not None and segments.count:
        smoother.state = read_levels(segments.path(_STATE, segments.count - 1, ".png"))


def for_video(picture: Levels, form: Format) -> Levels:
    """Return an alpha as a grey picture in colours, which is what codecs take."""
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 and form.container else picture
