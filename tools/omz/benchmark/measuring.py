"""Measurement: candidates in isolated processes, which run in turn, so that their ratios hold on a noisy machine."""

from __future__ import annotations

import math
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from omz.benchmark import worker
from omz.benchmark.candidate import Candidate
from omz.benchmark.machine import available_memory
from omz.benchmark.planning import Planned
from omz.benchmark.ranges import percentile
from omz.benchmark.request import BenchmarkObserver
from omz.benchmark.results import Figures, Round, Row
from omz.benchmark.runners import Burst
from omz.errors import OmzError
from omz.isolated import IsolatedProcess, apart
from omz.runtime.engine import EngineInfo

ROUNDS = 12
"""The least number of rounds; enough for a range that leaves out the two slowest and the two fastest."""
_LONGEST = 2.0  # seconds of a round, within which a machine is to be taken for the same
_USUAL, _LEAST, _ALL = 10.0, 1.0, 240.0
"""Seconds of a candidate, at most and at least, and of all of them, unless the user says how many."""
_TO_LOAD = 180.0
_PATIENCE = 30.0  # seconds that a run may take longer than expected
_MOST_AT_A_TIME = 12
_SHARE = 0.5  # of the memory that is free, for all candidates that are loaded at a time
_NEVER_SEEN = ("GPU", "NPU")
_UNTESTED = "untested: Open Matting Zoo was never run on such a device"
_UNFINISHED = "not measured: the run was stopped before"


def time_for(count: int) -> float:
    """Return the seconds to measure each of so many candidates, if the user does not say."""
    return max(_LEAST, min(_USUAL, _ALL / max(count, 1)))


@dataclass
class _Running:
    """A candidate in a process of its own, and what was measured so far."""

    candidate: Candidate
    process: IsolatedProcess
    loaded: worker.Loaded
    used: EngineInfo | None = None
    warm_load_ms: float | None = None
    bursts: dict[int, Burst] = field(default_factory=dict)
    peak_memory: int | None = None
    reason: str = ""
    spent: float = 0.0

    @property
    def info(self) -> EngineInfo:
        """What runs it, as told last: AUTO starts on the CPU while another device loads."""
        return self.used or self.loaded.info

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of it, with that of the device that runs it."""
        notes = []
        devices = f"{self.candidate.case.device}, {self.info.device}"
        if any(kind in devices for kind in _NEVER_SEEN):
            notes.append(_UNTESTED)
        if self.candidate.graph is not None:
            notes.append(f"its {self.candidate.graph} graph ran, the faster one here")
        return (*notes, *self.candidate.notes)

    @property
    def expected(self) -> float:
        """The seconds of a run, as far as is known."""
        bursts = [*self.bursts.values()]
        if bursts:
            return bursts[-1].seconds / len(bursts[-1].latencies)
        return self.loaded.first_ms / 1e3

    def measure(self, number: int, seconds: float) -> None:
        """Run for one round."""
        warm_up = self.expected < seconds / 2
        limit = seconds + 2 * self.expected + _PATIENCE
        ran = self.process.limited(limit, None)(worker.burst, seconds, warm_up)
        self.bursts[number] = ran.burst
        self.spent += ran.burst.seconds
        self.peak_memory, self.used = ran.peak_memory, ran.info

    def row(self) -> Row:
        """Return what is known of it."""
        row = Row(self.candidate.case, None, self.reason or _UNFINISHED, self.notes)
        if self.reason or not self.bursts:
            return row
        return replace(row, figures=self._figures(), reason="")

    def _figures(self) -> Figures:
        latencies, seconds = list[float](), 0.0
        rounds = []
        for number, burst in self.bursts.items():
            count = len(burst.latencies)
            latencies += burst.latencies
            seconds += burst.seconds
            middle = statistics.median(burst.latencies)
            rounds.append(Round(number, middle, count / burst.seconds, 1e3 * burst.cpu_seconds / count))
        latencies.sort()
        return Figures(
            device=self.info.device,
            precision=self.info.precision,
            runs=len(latencies),
            median_ms=statistics.median(latencies),
            p90_ms=percentile(latencies, 90),
            p99_ms=percentile(latencies, 99),
            fps=len(latencies) / seconds,
            first_ms=self.loaded.first_ms,
            load_ms=self.loaded.load_ms,
            warm_load_ms=self.warm_load_ms,
            peak_memory=self.peak_memory,
            disk=self.candidate.disk,
            rounds=tuple(rounds),
        )


class Measurement:
    """Measures the candidates of a plan, ``seconds`` each; those that are loaded at a time run in turn.

    The first one that runs stays loaded with all others, so that each is compared with it in rounds of its own. An
    interruption of :meth:`run` leaves what was measured so far in :attr:`rows`.
    """

    def __init__(self, planned: Sequence[Planned], seconds: float, observer: BenchmarkObserver, seed: int = 0) -> None:
        self._planned = planned
        self._seconds, self._observer = seconds, observer
        self._order = random.Random(seed)
        self._known: dict[int, Row] = {}
        self._running: dict[int, _Running] = {}
        self._first: _Running | None = None
        self._rounds, self._begun = max(ROUNDS, math.ceil(seconds / _LONGEST)), 0
        self._room = _SHARE * available_memory()

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in the order of the plan."""
        found = []
        for place, each in enumerate(self._planned):
            if isinstance(each, Row):
                found.append(each)
            elif place in self._running:
                found.append(self._running[place].row())
            else:
                found.append(self._known.get(place, Row(each.case, None, _UNFINISHED, each.notes)))
        return tuple(found)

    def run(self) -> None:
        """Measure all candidates; one that fails becomes a row with its reason, and the others go on."""
        try:
            for place, each in enumerate(self._planned):
                if isinstance(each, Candidate):
                    self._add(place, each)
            self._measure_group()
        finally:
            for running in self._running.values():
                running.process.close()

    def _add(self, place: int, candidate: Candidate) -> None:
        """Load a candidate; measure those before it first where memory is short."""
        self._observer.on_progress(f"loading {candidate.case.title}", place / len(self._planned))
        title = candidate.case.engine
        process = IsolatedProcess(title, _TO_LOAD)
        try:
            if candidate.has_graphs:  # both run for that, in a process whose time and memory do not count
                graph = apart(title, worker.faster_graph, candidate, time_limit=_TO_LOAD)
                candidate = replace(candidate, graph=graph)
            running = _Running(candidate, process, process(worker.load, candidate))
            running.warm_load_ms = _warm_load(candidate)
        except OmzError as error:
            process.close()
            self._known[place] = Row(candidate.case, None, str(error), candidate.notes)
            return
        except BaseException:
            process.close()
            raise
        held = sum(each.process.memory for each in self._running.values()) + process.memory
        if self._running and (held > self._room or len(self._running) >= _MOST_AT_A_TIME):
            try:
                self._measure_group()
            except BaseException:
                process.close()
                raise
            self._release()
        self._running[place] = running
        self._first = self._first or running

    def _measure_group(self) -> None:
        """Measure the candidates that are loaded, in rounds, each round in another order."""
        group = {place: each for place, each in self._running.items() if not each.reason}
        before = self._first.spent if self._first else 0.0
        for number in range(self._begun, self._begun + self._rounds):
            places = [*group]
            self._order.shuffle(places)
            for place in places:
                running = group[place]
                spent = running.spent - (before if running is self._first else 0.0)
                if running.reason or not self._has_time(running, spent):
                    continue
                share = (place + (number - self._begun) / self._rounds) / len(self._planned)
                self._observer.on_progress(f"round {number + 1}: {running.candidate.case.title}", share)
                try:
                    running.measure(number, self._seconds / self._rounds)
                except OmzError as error:
                    running.reason = str(error)
        self._begun += self._rounds

    def _has_time(self, running: _Running, spent: float) -> bool:
        """Tell whether a candidate has time for another run; for one beside each group there is always time."""
        is_new = not any(number >= self._begun for number in running.bursts)
        return is_new or spent + running.expected <= self._seconds

    def _release(self) -> None:
        """End the processes of all but the first candidate that runs, and keep their rows."""
        if self._first and self._first.reason:
            self._first = next((each for each in self._running.values() if not each.reason), None)
        for place, running in [*self._running.items()]:
            if running is self._first:
                continue
            self._known[place] = running.row()
            running.process.close()
            del self._running[place]


def _warm_load(candidate: Candidate) -> float | None:
    """Return the milliseconds to load a candidate whose compiled model OpenVINO has in its cache; None without one."""
    if not candidate.is_converted:
        return None
    with tempfile.TemporaryDirectory(prefix="omz-") as folder:
        cache, taken = Path(folder), None
        for _ in ("fill the cache", "use it"):
            try:
                taken = apart(candidate.case.engine, worker.load_cached, candidate, cache, time_limit=_TO_LOAD)
            except OmzError:  # the candidate runs all the same
                return None
            if not any(path.is_file() for path in cache.rglob("*")):
                return None  # the device keeps nothing
    return taken
