"""Where the time went, stage by stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TypeVar

from omz.work.pipeline import iterator

Item = TypeVar("Item")


class Stopwatch:
    """Adds up the time that stages work, in whatever threads; they work side by side, so the sum exceeds the whole."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._frames: dict[str, int] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count the time of a block for a frame of ``stage``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started)

    def add(self, stage: str, seconds: float) -> None:
        """Count a frame of ``stage`` that took ``seconds``."""
        with self._lock:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
            self._frames[stage] = self._frames.get(stage, 0) + 1

    def source(self, stage: str, items: Iterable[Item]) -> Generator[Item, None, None]:
        """Yield ``items``, and count the time that each takes to come."""
        with closing(iterator(items)) as each:
            while True:
                started = time.perf_counter()
                try:
                    item = next(each)
                except StopIteration:
                    return
                self.add(stage, time.perf_counter() - started)
                yield item

    @property
    def stages(self) -> dict[str, tuple[float, int]]:
        """The sum of each stage, in seconds, and its frames."""
        with self._lock:
            return {stage: (seconds, self._frames[stage]) for stage, seconds in self._seconds.items()}

    def include(self, stages: Mapping[str, tuple[float, int]]) -> None:
        """Add the ``stages`` of another stopwatch."""
        with self._lock:
            for stage, (seconds, frames) in stages.items():
                self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
                self._frames[stage] = self._frames.get(stage, 0) + frames

    @property
    def milliseconds(self) -> dict[str, float]:
        """The mean of each stage, in milliseconds a frame, in the order in which they began."""
        with self._lock:
            return {stage: 1e3 * seconds / self._frames[stage] for stage, seconds in self._seconds.items()}

    @property
    def seconds(self) -> dict[str, float]:
        """The sum of each stage, in seconds."""
        with self._lock:
            return dict(self._seconds)
