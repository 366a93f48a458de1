"""Dispatcher: hands units to workers in batches, and survives workers that die or hang."""

from __future__ import annotations

import statistics
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from omz.errors import OmzError
from omz.work.units import Executor, Lost, Result, Unit

Handle = TypeVar("Handle")

WINDOW = 2
"""Batches that a worker has at a time, unless they are long: one at work, and one that waits, so that it never does."""

_MOST_DEATHS = 3
_TIMES, _LEAST = 2.0, 3.0
"""A batch that takes so many times as long as half of all, and at least so many seconds, runs twice near the end."""
_REMEMBERED = 1000
_END = 10.0  # seconds in which a worker that is ended must be gone
_POLL = 0.5  # seconds after which None is yielded


@dataclass(eq=False)
class _Held(Generic[Unit]):
    """A unit, how many workers have died at it, whether a second one has it, and whether there is a result."""

    unit: Unit
    deaths: int = 0
    is_doubled: bool = False
    is_done: bool = False


@dataclass(eq=False)
class Worker(Generic[Unit]):
    """A process that works on batches, one after the other; ``since`` says when it began the first of them.

    ``name`` tells it from others in messages. ``overdue`` says why it is being ended, and is empty while it may work.
    """

    name: str
    batches: deque[tuple[_Held[Unit], ...]] = field(default_factory=deque)
    since: float = 0.0
    overdue: str = ""

    @property
    def units(self) -> list[Unit]:
        """The units that it has."""
        return [held.unit for batch in self.batches for held in batch]


@dataclass(frozen=True)
class Answer(Generic[Unit, Result]):
    """The result of a worker's first batch."""

    worker: Worker[Unit]
    result: Result


@dataclass(frozen=True)
class Death(Generic[Unit]):
    """A worker has died, ``is_blameless`` if not by its batch: its machine is gone."""

    worker: Worker[Unit]
    is_blameless: bool = False


class Crew(ABC, Generic[Unit, Result]):
    """Workers, and the way to them. Those that die are replaced as long as that may help."""

    @property
    @abstractmethod
    def workers(self) -> Collection[Worker[Unit]]:
        """The workers that take batches."""

    def has_room(self, worker: Worker[Unit], units: tuple[Unit, ...]) -> bool:
        """Tell whether a worker's machine has room for a batch; if all have nothing to do, one of them has."""
        return True

    @abstractmethod
    def send(self, worker: Worker[Unit], units: tuple[Unit, ...]) -> None:
        """Send a batch to a worker."""

    @abstractmethod
    def wait(self, seconds: float) -> list[Answer[Unit, Result] | Death[Unit]]:
        """Wait so long until something has happened, and return that; the answers of a worker are in order.

        Raises :class:`omz.errors.OmzError` if there is no worker, and none will come, and what work raised.
        """

    @abstractmethod
    def end(self, worker: Worker[Unit]) -> None:
        """Kill a worker; :meth:`wait` tells of its death."""


class Dispatcher(Executor[Unit, Result]):
    """Runs units by the workers of a crew, in batches of up to ``batch``, of which a worker has ``window`` at a time.

    The window of long units is 1, so that none waits behind another while a worker has nothing to do.
    The units of a worker that dies go to others, each by itself from then on. One whose workers have died three times
    is set aside, and so is one that takes longer than ``time_limit`` seconds, None: however long. With ``doubles``,
    workers that have nothing left to do run batches once more that take very long elsewhere; the first result counts.
    """

    may_repeat = True

    def __init__(
        self,
        crew: Crew[Unit, Result],
        batch: int = 1,
        time_limit: float | None = None,
        doubles: bool = False,
        window: int = WINDOW,
    ) -> None:
        self._crew, self._batch, self._time_limit = crew, batch, time_limit
        self._doubles, self._window = doubles, window
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)  # a unit, of each batch
        self._again: deque[tuple[_Held[Unit], ...]] = deque()
        self._results: deque[Result | Lost[Unit]] = deque()
        self._is_drained = False

    def run(self, units: Iterable[Unit]) -> Generator[Result | Lost[Unit] | None, None, None]:
        """See :class:`Executor`."""
        source, self._is_drained = iter(units), False
        try:
            while True:
                self._hand_out(source)
                if self._is_done():
                    self._wait_for_ends(self._abandon())
                    return
                for happened in self._crew.wait(self._until_overdue()):
                    if isinstance(happened, Answer):
                        self._take(happened)
                    else:
                        self._bury(happened)
                if not self._results:
                    yield None
                while self._results:
                    yield self._results.popleft()
                self._end_overdue()
        finally:
            self._abandon()

    def rest(self) -> Iterator[Result]:
        """See :class:`Executor`."""
        while self._results:
            result = self._results.popleft()
            if not isinstance(result, Lost):
                yield result

    def _hand_out(self, source: Iterator[Unit]) -> None:
        """Fill the windows of all workers, a batch each in turn."""
        for place in range(self._window):
            for worker in self._crew.workers:
                if len(worker.batches) != place or worker.overdue:
                    continue
                batch = self._next(source, worker)
                if not batch:
                    self._is_drained = True
                    batch = self._late(worker)
                if not batch:
                    continue
                if not worker.batches:
                    worker.since = time.monotonic()
                worker.batches.append(batch)
                self._crew.send(worker, _units(batch))

    def _is_done(self) -> bool:
        if not self._is_drained or self._again:
            return False
        return all(_is_done(batch) for worker in self._crew.workers for batch in worker.batches)

    def _late(self, idle: Worker[Unit]) -> tuple[_Held[Unit], ...]:
        """Return a batch that takes very long, or waits behind one that does, for a worker that has nothing else."""
        if not self._doubles or not self._seconds or idle.batches:
            return ()
        usual, now = statistics.median(self._seconds), time.monotonic()
        for worker in sorted(self._crew.workers, key=lambda each: each.since):
            if not worker.batches or now - worker.since < max(_LEAST, _TIMES * usual * len(worker.batches[0])):
                continue
            for batch in reversed(worker.batches):
                if not any(held.is_done or held.is_doubled or held.deaths > _MOST_DEATHS - 2 for held in batch):
                    _set_doubled(batch, True)
                    return batch
        return ()

    def _is_held(self, batch: tuple[_Held[Unit], ...]) -> bool:
        return any(other is batch for worker in self._crew.workers for other in worker.batches)

    def _next(self, source: Iterator[Unit], worker: Worker[Unit]) -> tuple[_Held[Unit], ...]:
        """Return the next batch that a worker's machine has room for; none if the source has no more."""
        for place, batch in enumerate(self._again):
            if self._crew.has_room(worker, _units(batch)):
                del self._again[place]
                return batch
        while batch := tuple(map(_Held, islice(source, self._batch))):
            if self._crew.has_room(worker, _units(batch)):
                return batch
            self._again.append(batch)
        return ()

    def _take(self, answer: Answer[Unit, Result]) -> None:
        if answer.worker.overdue:  # too late: its end is on the way
            return
        batch, now = answer.worker.batches.popleft(), time.monotonic()
        seconds, answer.worker.since = now - answer.worker.since, now
        if _is_done(batch):  # elsewhere
            return
        self._seconds.append(seconds / len(batch))
        for held in batch:
            held.is_done = True
        self._results.append(answer.result)

    def _bury(self, death: Death[Unit]) -> None:
        """Have others do what a worker had to do."""
        worker = death.worker
        batches, worker.batches = worker.batches, deque()
        if batches and (worker.overdue or not death.is_blameless):
            self._blame(batches.popleft(), worker.overdue)
        for batch in batches:
            if self._is_held(batch):  # by another worker, which may need a new double
                _set_doubled(batch, False)
            elif not _is_done(batch):
                self._again.append(batch)

    def _blame(self, batch: tuple[_Held[Unit], ...], overdue: str) -> None:
        for held in batch:
            held.deaths += 1
        if _is_done(batch):
            return
        if self._is_held(batch):  # by another worker, which may need a new double
            _set_doubled(batch, False)
            return
        for held in batch:
            if overdue and len(batch) == 1:
                self._results.append(Lost(held.unit, overdue))
            elif held.deaths >= _MOST_DEATHS:
                self._results.append(Lost(held.unit, f"{held.deaths} workers have died at it; leave it out"))
            else:
                self._again.append((held,))

    def _abandon(self) -> list[Worker[Unit]]:
        """End workers that are still at units of this run, so that their answers do not reach the next one."""
        busy = [worker for worker in self._crew.workers if worker.batches]
        for worker in busy:
            worker.batches.clear()
            worker.overdue = "abandoned"
            self._crew.end(worker)
        return busy

    def _wait_for_ends(self, ended: list[Worker[Unit]]) -> None:
        """Wait until workers are gone, so that they write no files behind the back of those who read results."""
        last = time.monotonic() + _END
        while any(worker in ended for worker in self._crew.workers) and time.monotonic() < last:
            with suppress(OmzError):  # for all units there are results
                self._crew.wait(_POLL)

    def _limit(self, worker: Worker[Unit]) -> float:
        """Return when the first batch of a worker is overdue."""
        if self._time_limit is None or not worker.batches:
            return float("inf")
        return worker.since + self._time_limit * len(worker.batches[0])

    def _until_overdue(self) -> float:
        first = min(map(self._limit, self._crew.workers), default=float("inf"))
        return max(0.0, min(_POLL, first - time.monotonic()))

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for worker in tuple(self._crew.workers):
            if not worker.overdue and self._limit(worker) <= now:
                worker.overdue = f"it took longer than {self._time_limit:g} s; raise --timeout, or leave it out"
                self._crew.end(worker)


def _is_done(batch: tuple[_Held[Unit], ...]) -> bool:
    return all(held.is_done for held in batch)


def _units(batch: tuple[_Held[Unit], ...]) -> tuple[Unit, ...]:
    return tuple(held.unit for held in batch)


def _set_doubled(batch: tuple[_Held[Unit], ...], is_doubled: bool) -> None:
    for held in batch:
        held.is_doubled = is_doubled
