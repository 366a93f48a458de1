"""Deinterlacing: frames of two fields to progressive ones, one for one, by FFmpeg's bwdif."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph


class Deinterlacer:
    """Deinterlaces the frames that are marked as interlaced, and leaves the others as they are.

    A frame depends on the one before and the one after it; so from the first interlaced frame on, each comes when the
    next is given. Times and durations stay.
    """

    def __init__(self) -> None:
        self._graph: _Bwdif | None = None
        self._before: av.VideoFrame | None = None

    def __call__(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Take the next frame, and yield those that are ready."""
        if self._graph is not None and not self._graph.takes(frame):
            yield from self.finish()
        if self._graph is None and frame.interlaced_frame:
            self._graph = _Bwdif(frame)
            if self._before is not None and self._graph.takes(self._before):
                self._graph.push(self._before, is_shown=False)
        self._before = frame
        if self._graph is None:
            yield frame
            return
        yield from self._graph.push(frame)

    def finish(self) -> Iterator[av.VideoFrame]:
        """Yield the frames that are left."""
        if self._graph is not None:
            yield from self._graph.flush()
        self._graph, self._before = None, None


class _Bwdif:
    """The filter, for frames of one size and format."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._looks = _looks(frame)
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
        )
        self._graph.link_nodes(
            source, self._graph.add("bwdif", mode="send_frame", deint="interlaced"), self._graph.add("buffersink")
        ).configure()
        self._times: deque[_Times | None] = deque()
        self._count = 0

    def takes(self, frame: av.VideoFrame) -> bool:
        """Tell whether a frame is of the size and the format."""
        return _looks(frame) == self._looks

    def push(self, frame: av.VideoFrame, is_shown: bool = True) -> list[av.VideoFrame]:
        """Give the next frame; return those that are ready and shown."""
        self._times.append(_Times(frame) if is_shown else None)
        frame.pts, frame.time_base = self._count, Fraction(1, 1000)  # what FFmpeg sees counts frames
        self._count += 1
        self._graph.vpush(frame)
        return self._ready()

    def flush(self) -> list[av.VideoFrame]:
        """Return the frames that are left."""
        self._graph.vpush(None)
        return self._ready()

    def _ready(self) -> list[av.VideoFrame]:
        frames: list[av.VideoFrame] = []
        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return frames
            times = self._times.popleft()
            if times is not None:
                times.give(frame)
                frames.append(frame)


class _Times:
    def __init__(self, frame: av.VideoFrame) -> None:
        self._pts, self._time_base, self._duration = frame.pts, frame.time_base, frame.duration

    def give(self, frame: av.VideoFrame) -> None:
        frame.pts, frame.duration = self._pts, self._duration
        if self._time_base is not None:
            frame.time_base = self._time_base


def _looks(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
