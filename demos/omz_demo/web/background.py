"""Work in a thread, which a page follows and can stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from typing import TypeVar

from gradio.components import Component

from omz.cutout.observer import Observer
from omz.download.events import FileBegin, FileProgress
from omz.events import Event
from omz_demo.web.notices import progress

Result = TypeVar("Result")

_TICK = 0.2  # seconds


class Follower(Observer):
    """Observer that keeps what a page shows of the work, and stops it on demand."""

    def __init__(self) -> None:
        self.failure = ""
        self.done = 0
        self.total: int | None = None
        self._stopped = threading.Event()
        self._files: dict[str, int] = {}
        self._step = "beginning"

    @property
    def step(self) -> str:
        """What is done at the moment, in a line."""
        if not self.done:
            return self._step
        of_all = f" of {self.total}" if self.total else ""
        return f"frame {self.done}{of_all}"

    @property
    def share(self) -> float | None:
        """The share of the frames that are done, 0 to 1; None where nobody knows it."""
        return min(1.0, self.done / self.total) if self.total else None

    def at(self, step: str) -> None:
        """Take what is done from now on."""
        self._step = step

    def stop(self) -> None:
        """Have the work stopped."""
        self._stopped.set()

    def should_stop(self) -> bool:
        """See :class:`Observer`."""
        return self._stopped.is_set()

    def on_failure(self, text: str) -> None:
        """See :class:`Observer`."""
        self.failure = text

    def on_progress(self, name: str, done: int, total: int | None) -> None:
        """See :class:`Observer`."""
        self.done, self.total = done, total

    def on_event(self, event: Event) -> None:
        """See :class:`Observer`."""
        if isinstance(event, FileBegin | FileProgress):
            self._files[event.model_file] = event.size if isinstance(event, FileProgress) else 0
            self._step = f"{sum(self._files.values()) / 1e6:.1f} MB have arrived"
        elif self._files:
            self._step = "converting"


def followed(work: Callable[[], Result], follower: Follower) -> Generator[None, None, Result]:
    """Do the work in a thread, yield a few times a second meanwhile, and return its result.

    Whoever leaves before the end has the ``follower`` stop the work.
    """
    with ThreadPoolExecutor(1, "work") as pool:
        future = pool.submit(work)
        try:
            while not future.done():
                yield
                wait((future,), _TICK)
        finally:
            if not future.done():
                follower.stop()
        return future.result()


def told(
    work: Generator[None, None, Result], follower: Follower, place: Component
) -> Generator[dict[Component, str], None, Result]:
    """Yield how far :func:`followed` work is, as the value of a ``place``, whenever it changes; return the result.

    Whoever leaves before the end waits until the work has stopped, so that the folder it writes into can go then.
    """
    shown = ""
    with closing(work):
        while True:
            try:
                next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            if follower.step != shown:
                shown = follower.step
                yield {place: progress(shown, follower.share)}
