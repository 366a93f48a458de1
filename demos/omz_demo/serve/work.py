"""Work on requests: a bounded queue, a deadline for each, and an end where the client has left."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from omz.cutout.observer import Observer
from omz_demo.serve.answers import GONE, RefusedError

Result = TypeVar("Result")

_LOOK = 0.1  # seconds between two looks whether the client is still there
_LONGEST_WAIT = 60  # seconds that a client is told to wait


class Stopper(Observer):
    """Observer that stops the work on an image once it is told so."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Have the work stopped after the stage that runs."""
        self._stopped.set()

    def should_stop(self) -> bool:
        """See :class:`Observer`."""
        return self._stopped.is_set()


class WorkQueue:
    """Threads that work on so many ``jobs`` at a time, while at most ``waiting`` requests wait for them.

    The loop of the server alone calls it.
    """

    def __init__(self, jobs: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(jobs, "cut")
        self._jobs, self._places = jobs, jobs + waiting
        self.admitted = 0
        self._usual = 1.0  # seconds of a job, as they were lately

    def admit(self) -> None:
        """Take a place for a request, until :meth:`leave`. Raises :class:`RefusedError`, with 429, if all are taken."""
        if self.admitted >= self._places:
            seconds = math.ceil(self._usual * self._places / self._jobs)
            wait = str(min(max(seconds, 1), _LONGEST_WAIT))
            raise RefusedError(429, f"all places are taken; try again in {wait} s", {"Retry-After": wait})
        self.admitted += 1

    def leave(self) -> None:
        """Give the place of a request back."""
        self.admitted -= 1

    async def run(self, work: Callable[[Observer], Result], request: Request, seconds: float) -> Result:
        """Return what ``work`` gives, done by a thread when it is its turn.

        Raises what ``work`` raises, and :class:`RefusedError` once the seconds are over or the client has left. Work
        that waits is dropped then; what runs is told to stop.
        """
        stopper = Stopper()
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._timed, work, stopper)
        try:
            return await until(future, request, seconds)
        finally:
            stopper.stop()

    def _timed(self, work: Callable[[Observer], Result], stopper: Stopper) -> Result:
        started = time.monotonic()
        result = work(stopper)
        self._usual += 0.2 * (time.monotonic() - started - self._usual)
        return result

    def close(self) -> None:
        """Let what runs end, and drop what waits."""
        self._pool.shutdown(cancel_futures=True)


async def until(future: asyncio.Future[Result], request: Request, seconds: float) -> Result:
    """Return the result of ``future``, which is cancelled once the seconds are over or the client has left.

    Raises :class:`RefusedError` then.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    try:
        while True:
            left = end - loop.time()
            done, _ = await asyncio.wait({future}, timeout=max(0.0, min(_LOOK, left)))
            if done:
                return future.result()
            if left <= 0:
                raise RefusedError(504, f"the work has taken {seconds:g} s; send a smaller image, or try again later")
            if await request.is_disconnected():
                raise RefusedError(GONE, "the client has left")
    finally:
        future.cancel()
