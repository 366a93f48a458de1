"""Crew of a Ray cluster: workers on all of its machines, those that come later, too."""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic

from omz.errors import EngineError, OmzError, first_line
from omz.work.dispatcher import Answer, Crew, Death, Worker
from omz.work.ray_cluster import Place, Slot, connected, slots_of
from omz.work.ray_worker import Job, RayWorker, Refused, differences, node_facts
from omz.work.units import Result, Unit

_FACTS, _OPEN, _WORK, _LEAVE = "facts", "open", "work", "leave"
_PATIENCE = 300.0  # seconds until the first worker must have started
_LOOK = 2.0  # seconds between looks at the machines
_MOST_STARTS = 3  # that fail, one after the other, in one place


@dataclass(eq=False)
class _Started(Generic[Unit]):
    """A worker's actor, its place, and its name for people."""

    actor: Any
    slot: Slot
    worker: Worker[Unit]
    is_ready: bool = False


@dataclass(frozen=True)
class JobForAll:
    """A job, the files that go with it, and the ``packages`` that its results depend on.

    ``mixed`` takes machines of other versions, whose bytes may differ. ``whole_machines`` gives each machine one
    worker, which has all its processors, whatever their instructions are. ``alike`` says what to do about machines that
    differ, and ``again`` how to go on with a run that has ended early. ``memory_of`` returns the bytes that a unit asks
    for, None: none; units that together ask for more than a machine has run there one after the other.
    """

    job: Job
    blobs: tuple[bytes, ...] = ()
    packages: tuple[str, ...] = ()
    mixed: bool = False
    whole_machines: bool = False
    alike: str = "install the same versions"
    again: str = "run the command again"
    memory_of: Callable[[Any], int] | None = None


class RayCrew(Crew[Unit, Result]):
    """Workers that Ray has started, each in a slot of a machine, with the job opened.

    ``warnings`` are lines about machines that were left out, or that differ, which nobody has been told of yet.
    """

    def __init__(self, ray: ModuleType, place: Place, given: JobForAll) -> None:
        self._ray, self._place, self._given = ray, place, given
        self._actor = ray.remote(RayWorker)
        self._job = pickle.dumps(given.job)
        self._blobs = [ray.put(blob) for blob in given.blobs]
        self._expected = node_facts(given.packages)
        if given.whole_machines:
            del self._expected["instructions"]
        self._actors: dict[Worker[Unit], _Started[Unit]] = {}
        self._calls: dict[Any, tuple[Worker[Unit], str]] = {}
        self._failed: Counter[Slot] = Counter()
        self._addresses: dict[str, str] = {}  # of all machines there have been
        self._memory: dict[str, float] = {}  # of them, in bytes
        self._alive: set[str] = set()
        self._begun: set[str] = set()  # those on which a worker was started
        self._looked = 0.0
        self._problem = self._refused = ""
        self.warnings: list[str] = []

    @property
    def workers(self) -> Collection[Worker[Unit]]:
        """See :class:`Crew`."""
        return [started.worker for started in self._actors.values() if started.is_ready]

    def tell(self, warn: Callable[[str], None]) -> None:
        """Pass on what there is to say of machines, each line once."""
        warnings, self.warnings = self.warnings, []
        for warning in warnings:
            warn(warning)

    @property
    def size(self) -> int:
        """How many workers there are, with those that are starting."""
        return len(self._actors)

    @property
    def nodes(self) -> dict[str, str]:
        """The addresses of machines on which a worker was started, by Ray's names of the machines."""
        return {node: self._addresses[node] for node in self._begun}

    def wait_for_all(self) -> None:
        """Wait until all workers are ready that can be, while none has a batch. Raises what :meth:`wait` does."""
        end = time.monotonic() + _PATIENCE
        while len(self.workers) < self.size and time.monotonic() < end:
            self.wait(1.0)

    def start(self) -> None:
        """Start workers, and check the machines of those that start first.

        Raises :class:`EngineError` where a machine does not fit, or no worker starts.
        """
        end = time.monotonic() + _PATIENCE
        self._look()
        while any(kind == _FACTS for _, kind in self._calls.values()) and time.monotonic() < end:
            self.wait(min(1.0, max(0.0, end - time.monotonic())))
        if self._refused:
            raise EngineError(self._refused)
        if all(kind == _FACTS for _, kind in self._calls.values()) and not self.workers:
            raise EngineError(self._problem or "no worker has started; the cluster has no free processors")

    def has_room(self, worker: Worker[Unit], units: tuple[Unit, ...]) -> bool:
        """See :class:`Crew`."""
        memory_of, node = self._given.memory_of, self._actors[worker].slot.node
        if memory_of is None:
            return True
        there = [started.worker for started in self._actors.values() if started.slot.node == node]
        held = sum(memory_of(unit) for other in there for unit in other.units)
        asked = sum(map(memory_of, units))
        fits_nowhere = asked > max(self._memory[started.slot.node] for started in self._actors.values())
        return held + asked <= self._memory[node] or (fits_nowhere and not held)

    def send(self, worker: Worker[Unit], units: tuple[Unit, ...]) -> None:
        """See :class:`Crew`."""
        self._call(worker, _WORK, units)

    def wait(self, seconds: float) -> list[Answer[Unit, Result] | Death[Unit]]:
        """See :class:`Crew`."""
        self._look()
        if not self._calls:
            if not self._actors:
                raise EngineError(self._problem or f"no worker is left; start machines again, and {self._given.again}")
            time.sleep(min(seconds, _LOOK))
            return []
        calls = [*self._calls]
        ready, _ = self._ray.wait(calls, num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        ended = set(ready)
        happened: list[Answer[Unit, Result] | Death[Unit]] = []
        for call in calls:  # in the order in which they were made
            if call in ended and call in self._calls:
                happened += self._ended(call)
        return happened

    def end(self, worker: Worker[Unit]) -> None:
        """See :class:`Crew`. It is a call that fails by which its death is heard of, and all others may be answered."""
        self._call(worker, _LEAVE)
        self._ray.kill(self._actors[worker].actor, no_restart=True)

    def _call(self, worker: Worker[Unit], kind: str, *arguments: object) -> None:
        self._calls[getattr(self._actors[worker].actor, kind).remote(*arguments)] = worker, kind

    def _ended(self, call: Any) -> Iterator[Answer[Unit, Result] | Death[Unit]]:
        """Yield what a call has come to."""
        worker, kind = self._calls.pop(call)
        try:
            result = self._ray.get(call)
        except self._ray.exceptions.RayTaskError:
            raise  # a defect of ours
        except self._ray.exceptions.RayError as error:
            yield self._died(worker, error)
            return
        if isinstance(result, Refused) and kind == _OPEN:
            self._leave_out(worker, result.error)
        elif isinstance(result, Refused):
            raise result.error
        elif kind == _WORK:
            yield Answer(worker, result)
        elif kind == _FACTS:
            self._check(worker, result)
        else:
            self._actors[worker].is_ready = True
            self._failed.pop(self._actors[worker].slot, None)

    def _leave_out(self, worker: Worker[Unit], error: OmzError) -> None:
        """Go on without a worker that cannot get ready; raise its ``error`` where no other has yet."""
        told = type(error)(f"{worker.name}: {error}")
        if not self.workers:
            raise told
        self.warnings.append(str(told))
        self._ray.kill(self._actors.pop(worker).actor, no_restart=True)

    def _check(self, worker: Worker[Unit], facts: Mapping[str, str]) -> None:
        """Open the job on a machine that fits; leave out one that does not."""
        differs = differences(facts, self._expected)
        if differs and self._given.mixed:
            self.warnings.append(f"{worker.name} has {differs}; its results may differ in their bytes")
        elif differs:
            self._refused = f"{worker.name} has {differs}; {self._given.alike}"
            self.warnings.append(self._refused)
            self._ray.kill(self._actors.pop(worker).actor, no_restart=True)
            return
        self._call(worker, _OPEN, os.getcwd(), self._job, self._blobs)

    def _died(self, worker: Worker[Unit], error: Exception) -> Death[Unit]:
        """Start another worker in the place of one that died, unless that will not help."""
        started = self._actors.pop(worker)
        for call in [call for call, (other, _) in self._calls.items() if other is worker]:
            del self._calls[call]
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(started.actor, no_restart=True)
        self._look(now=True)
        is_gone = started.slot.node not in self._alive
        if not started.is_ready and not is_gone:
            self._failed[started.slot] += 1
            self._problem = f"{worker.name} does not start: {_reason(error)}"
        if not is_gone and self._failed[started.slot] < _MOST_STARTS:
            self._start(started.slot)
        return Death(worker, is_gone)

    def _look(self, now: bool = False) -> None:
        """Look which machines there are, every few seconds, and start workers on those that are new."""
        if not now and time.monotonic() < self._looked + _LOOK:
            return
        self._looked = time.monotonic()
        nodes = {str(node["NodeID"]): node for node in self._ray.nodes() if node["Alive"]}
        self._alive = set(nodes)
        for name in self._alive - set(self._addresses):
            self._addresses[name] = str(nodes[name]["NodeManagerAddress"])
            self._memory[name] = nodes[name]["Resources"].get("memory", float("inf"))
            for slot in slots_of(nodes[name], self._place, self._given.whole_machines):
                self._start(slot)

    def _start(self, slot: Slot) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(slot.node, soft=False)
        actor = self._actor.options(num_cpus=slot.cpus, scheduling_strategy=here).remote()
        worker: Worker[Unit] = Worker(f"worker {slot.index + 1} of {self._addresses[slot.node]}")
        self._actors[worker] = _Started(actor, slot, worker)
        self._begun.add(slot.node)
        self._call(worker, _FACTS, slot.index, slot.bound, self._given.packages)


@contextmanager
def ray_crew(place: Place, given: JobForAll, warn: Callable[[str], None]) -> Iterator[RayCrew[Any, Any]]:
    """Connect to a cluster, and give its crew, which ends with the block; ``warn`` gets lines about machines.

    Raises :class:`EngineError`.
    """
    with connected(place) as ray:
        crew: RayCrew[Any, Any] = RayCrew(ray, place, given)
        crew.start()
        crew.tell(warn)
        try:
            yield crew
        finally:
            crew.tell(warn)  # of machines that came later


def _reason(error: Exception) -> str:
    """Return the last line of what Ray tells of a process that did not start, which has the reason."""
    lines: Sequence[str] = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else first_line(error)
