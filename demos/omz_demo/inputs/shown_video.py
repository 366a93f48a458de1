"""A video that is only shown: a live source that waits for whoever watches it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from omz_demo.frames import Frame
from omz_demo.video.info import probe
from omz_demo.video.reading import read


class ShownVideo:
    """Iterates over the frames of a video, none of which is dropped; with ``loop``, from the beginning after the end.

    See :class:`omz_demo.inputs.camera.LiveSource`. Raises :class:`omz.errors.VideoError` where it cannot be read.
    """

    dropped = 0
    note = ""

    def __init__(self, path: Path, loop: bool) -> None:
        info = probe(path)
        self.name, self.size, self.rate = path.name, info.size, float(info.rate)
        self.time_base: Fraction = info.time_base
        self.path, self._loop = path, loop
        self._now = 0
        self._frames = self._read()

    def __iter__(self) -> ShownVideo:
        return self

    def __next__(self) -> Frame:
        frame = next(self._frames)
        self._now = frame.time
        return frame

    def now(self) -> int:
        """Return the time of the last frame: a file is never late."""
        return self._now

    def lock(self) -> None:
        """Do nothing: a file has no exposure to keep."""

    def _read(self) -> Iterator[Frame]:
        index = begin = 0
        while True:
            end = begin
            for frame in read(self.path):
                yield Frame(index, frame.picture, None, None, begin + frame.time, frame.duration)
                index, end = index + 1, begin + frame.time + frame.duration
            if not self._loop:
                return
            begin = end
