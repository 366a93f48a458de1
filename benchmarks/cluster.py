"""What a cluster costs: units of work that only sleep, on simulated machines, for overhead and efficiency.

    python benchmarks/cluster.py --nodes 1 2 4 8

Each simulated machine is a raylet of its own on this one, with one worker. Units that sleep leave its processors free,
so that eight machines fit on two cores. ``overhead`` is what a unit that does nothing takes in batches of 16;
``efficiency`` is the time that units of ``--seconds`` would take without any overhead, over the time they took.
``start`` is the time until the first worker of ``local[2]`` is ready, with a job that loads nothing, and ``end`` the
time until all its processes are gone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from omz.work.dispatcher import Dispatcher
from omz.work.ray_cluster import Place
from omz.work.ray_crew import JobForAll, ray_crew
from omz.work.ray_worker import Blobs

_STORE = 100 << 20
_BATCH, _EMPTY = 16, 1600
_ROUNDS = 8  # units for each worker
_STARTS = 3


@dataclass(frozen=True)
class Sleep:
    """Job whose units are seconds to sleep."""

    @contextmanager
    def open(self, blobs: Blobs) -> Iterator[Callable[[Sequence[float]], int]]:
        """Give the work."""
        yield slept


def slept(units: Sequence[float]) -> int:
    """Sleep as long as the units say, and return how many there were."""
    time.sleep(sum(units))
    return len(units)


@contextmanager
def machines(count: int) -> Iterator[str]:
    """Give the address of a cluster of simulated machines."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": _STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(count):
            cluster.add_node(num_cpus=1, object_store_memory=_STORE)
        cluster.wait_for_nodes()
        yield cluster.address
    finally:
        cluster.shutdown()


def measure(count: int, seconds: float) -> tuple[float, float]:
    """Return the overhead in ms a unit, and the efficiency, with so many machines."""
    with machines(count) as address, ray_crew(Place(address), JobForAll(Sleep())) as crew:
        for _ in Dispatcher(crew).run([0.0] * (2 * count)):  # until all have started
            continue
        while len(crew.workers) < count:
            crew.wait(0.1)
        started = time.perf_counter()
        done = sum(filter(None, Dispatcher(crew, _BATCH).run([0.0] * (_EMPTY * count))))
        overhead = 1e3 * (time.perf_counter() - started) / done * count
        started = time.perf_counter()
        done = sum(filter(None, Dispatcher(crew).run([seconds] * (_ROUNDS * count))))
        return overhead, _ROUNDS * seconds / (time.perf_counter() - started)


def start_and_end() -> tuple[float, float]:
    """Return the seconds until a local cluster has a worker that is ready, and those of its end."""
    started = time.perf_counter()
    with ray_crew(Place(local=2), JobForAll(Sleep())) as crew:
        while not crew.workers:
            crew.wait(0.05)
        ready = time.perf_counter()
    return ready - started, time.perf_counter() - ready


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started, ended = zip(*(start_and_end() for _ in range(_STARTS)), strict=True)
    print(f"local[2]: start {statistics.median(started):.1f} s, end {statistics.median(ended):.1f} s")
    print("machines  overhead, ms a unit and worker  efficiency")
    for count in given.nodes:
        overhead, efficiency = measure(count, given.seconds)
        print(f"{count:8}  {overhead:31.2f}  {efficiency:10.2f}", flush=True)


if __name__ == "__main__":
    from cluster import main as imported  # workers know this module by its name

    imported()
