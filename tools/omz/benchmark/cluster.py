"""Cluster: the same benchmark on each machine of a Ray cluster, which measures nothing beside it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omz.accuracy.provenance import PACKAGES
from omz.benchmark.request import BenchmarkObserver, BenchmarkRequest
from omz.benchmark.results import NODE, BenchmarkRun
from omz.benchmark.run import Benchmark
from omz.errors import OmzError, UsageError
from omz.locked import locked_folder
from omz.work.dispatcher import Dispatcher
from omz.work.ray_cluster import check_cluster, read_place
from omz.work.ray_crew import JobForAll, RayCrew, ray_crew
from omz.work.ray_worker import Blobs
from omz.work.units import Lost

_ATTEMPTS = 3  # at a machine whose worker dies
_NO_WORKER = "its worker was lost, or has not started; see that Ray has all its processors free, and try again"


@dataclass(frozen=True)
class MachineMeasured:
    """The outcome of a machine, by Ray's name for it: its run, or the ``problem`` why there is none."""

    machine: str
    run: BenchmarkRun | None = None
    problem: str = ""


@dataclass(frozen=True)
class BenchmarkJob:
    """A benchmark, as the worker of a machine has to know it. Whatever it is given, it measures its machine once."""

    request: BenchmarkRequest

    @contextmanager
    def open(self, blobs: Blobs) -> Iterator[Callable[[Sequence[Any]], Any]]:
        """Give the work; see :class:`omz.work.ray_worker.Job`."""
        from ray import get_runtime_context

        machine, measured = get_runtime_context().get_node_id(), list[MachineMeasured]()

        def work(units: Sequence[Any]) -> MachineMeasured | None:
            if measured:
                return None
            measured.append(self._measure(machine))
            return measured[0]

        yield work

    def _measure(self, machine: str) -> MachineMeasured:
        folder = Path(tempfile.gettempdir(), f"omz_benchmark-{getattr(os, 'getuid', int)()}")
        try:
            with locked_folder(folder, "lock"):  # Ray may take one machine for several
                benchmark = Benchmark(self.request)
                benchmark.run()
        except (OmzError, OSError) as error:  # the latter of the lock, as on a full disk
            return MachineMeasured(machine, problem=str(error))
        run = benchmark.result
        assert run is not None
        return MachineMeasured(machine, run)


class ClusterBenchmark:
    """One run on each machine of a cluster; where it is interrupted, :attr:`results` has those that have ended."""

    def __init__(self, request: BenchmarkRequest, place: str) -> None:
        """Check the request and the place; raises :class:`omz.errors.OmzError`."""
        check_cluster(place)
        self._place = read_place(place)
        if self._place.local:
            raise UsageError("--cluster local is this machine alone; leave it out")
        self._request = request
        self._here = Benchmark(request)
        self._ended: dict[str, MachineMeasured] = {}
        self._addresses: dict[str, str] = {}

    @property
    def metrics(self) -> Mapping[str, str]:
        """See :attr:`Benchmark.metrics`."""
        return self._here.metrics

    @property
    def results(self) -> list[BenchmarkRun]:
        """The runs of all machines that were measured, in the order of their names."""
        runs = []
        for machine, ended in self._ended.items():
            if ended.run is not None:
                runs.append(replace(ended.run, machine={**ended.run.machine, NODE: self._title(machine)}))
        return sorted(runs, key=lambda run: run.machine[NODE])

    def run(self, observer: BenchmarkObserver | None = None) -> None:
        """Measure all machines, each by itself, many at the same time.

        Raises :class:`omz.errors.OmzError` in the end if a machine could not be measured.
        """
        observer = observer or BenchmarkObserver()
        given = JobForAll(BenchmarkJob(self._request), packages=PACKAGES, whole_machines=True)
        with ray_crew(self._place, given, observer.on_warning) as crew:
            for _ in range(_ATTEMPTS):
                crew.wait_for_all()
                self._addresses |= crew.nodes
                if crew.nodes.keys() <= self._ended.keys():
                    break
                self._measure(crew, observer)
        self._check(observer)

    def _measure(self, crew: RayCrew[int, MachineMeasured], observer: BenchmarkObserver) -> None:
        """Have each worker that is ready measure its machine, unless it has."""
        workers: Dispatcher[int, MachineMeasured] = Dispatcher(crew, window=1)
        for result in workers.run(range(len(crew.workers))):
            self._addresses |= crew.nodes  # some come later
            if isinstance(result, MachineMeasured):
                self._ended.setdefault(result.machine, result)
                if result.run is not None and result.run.warning:
                    observer.on_warning(f"{self._title(result.machine)}: {result.run.warning}")
            elif isinstance(result, Lost):
                observer.on_warning("the worker of a machine has died three times in the middle of the measurement")
            observer.on_progress("machines", len(self._ended) / len(self._addresses))

    def _title(self, machine: str) -> str:
        address = self._addresses.get(machine, "a machine that came later")
        return f"{address} ({machine[:6]})"  # simulated machines share an address

    def _check(self, observer: BenchmarkObserver) -> None:
        """Tell of machines without a run, and raise if there are any."""
        missing = 0
        for machine in self._addresses:
            ended = self._ended.get(machine, MachineMeasured(machine, problem=_NO_WORKER))
            if ended.run is not None and ended.run.measured:
                continue
            missing += 1
            problem = ended.problem or "nothing was measured"
            observer.on_warning(f"{self._title(machine)}: {problem}")
        if missing:
            raise OmzError(f"{missing} of {len(self._addresses)} machines were not measured; the reasons are above")
