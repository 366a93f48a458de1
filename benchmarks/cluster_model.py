"""Model of a folder job on a cluster of up to 1,000 machines: what it would take for 10^8 pictures, and what limits it.

    python benchmarks/cluster_model.py --unit_ms 400 --workers 4 --megabytes 1.5 --network 1.25 --disk 5

Given are the time of a picture on one worker, without its commit, the workers of a machine, the megabytes that are read
and written for a picture, and the gigabytes a second of each machine's network and of the shared file system. Measured
here are, unless they are given:

- *commit*: a worker writes a file of half a megabyte beside its target, brings it to the disk, and names it;
- *plan*: the driver finds a picture, names its results, and looks what lies there, for all before the first is cut;
- *note*: it sees that the files of a picture are there, writes the line of the manifest, and tells the observer; this
  is the code of ``omz_demo``, with an executor whose results are all there;
- *memory*: what the driver holds for a picture.

Handing a picture to Ray and its result back is given by ``--handing_ms``; ``cluster.py`` measures it on one simulated
machine. Each of four stages can do so many pictures a second; those of n machines are::

    workers = n * workers / (unit + commit)     network = n * network / bytes
    disk    = disk / bytes                      driver  = 1 / (note + handing)

The slowest of them is the rate, and the *limit*. Stages overlap, as each worker has a batch waiting. The time is that
of the plan, which does not overlap, and that of all pictures at this rate. Efficiency is the rate relative to n times
that of one machine. Not in it: stragglers, deaths, the start of Ray, and what a file system takes for an operation.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omz.atomic import committed_file
from omz.cutout.image_work import ImageMade, ImageSettings, ImagesMade, ImageUnit, Task
from omz.cutout.images import run_tasks
from omz.cutout.manifest import Fingerprint, fingerprint, open_manifest
from omz.cutout.observer import Observer
from omz.cutout.options import Options
from omz.cutout.plan import make_plan
from omz.cutout.summary import Tally
from omz.images.files import write_picture
from omz.work.units import Executor

MACHINES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
PICTURES = 10**8
_BATCH = 16
_COMMITTED, _COMMITS = 500_000, 50
_PLANNED = 20_000


@dataclass(frozen=True)
class Costs:
    """Seconds, bytes, and bytes a second: of a picture, of a machine's network, and of the shared file system."""

    unit: float
    commit: float
    driver: float
    workers: int
    size: float
    network: float
    disk: float

    def rates(self, machines: int) -> Mapping[str, float]:
        """Return how many pictures a second each stage can do with so many machines."""
        return {
            "workers": machines * self.workers / (self.unit + self.commit),
            "network": machines * self.network / self.size,
            "shared disk": self.disk / self.size,
            "driver": 1 / self.driver,
        }

    def rate(self, machines: int) -> float:
        """Return the pictures a second of the slowest stage."""
        return min(self.rates(machines).values())

    def limit(self, machines: int) -> str:
        """Return the slowest stage."""
        rates = self.rates(machines)
        return min(rates, key=lambda stage: rates[stage])

    def efficiency(self, machines: int) -> float:
        """Return the rate relative to that of as many jobs of one machine each, which have nothing in common."""
        return self.rate(machines) / (machines * self.rate(1))


@dataclass(frozen=True)
class Driver:
    """What a picture costs the driver: seconds before the first is cut, seconds afterwards, and bytes that it holds."""

    plan: float
    note: float
    memory: float


class AllThere(Executor[ImageUnit, ImagesMade]):
    """Executor whose results are there already; ``started`` is when the first of them was asked for."""

    may_repeat = True

    def __init__(self, file: Fingerprint) -> None:
        self._file, self.started = file, 0.0

    def run(self, units: Iterable[ImageUnit]) -> Generator[ImagesMade, None, None]:
        """Give results in batches."""
        self.started, waiting = time.perf_counter(), [*units]
        for first in range(0, len(waiting), _BATCH):
            yield ImagesMade(tuple(map(self._made, waiting[first : first + _BATCH])))

    def rest(self) -> Iterator[ImagesMade]:
        """Give nothing."""
        return iter(())

    def _made(self, unit: ImageUnit) -> ImageMade:
        return ImageMade(unit.index, self._file, dict.fromkeys(unit.task.outputs.values(), self._file), (), 0.4)


def measure_commit(folder: Path) -> float:
    """Return the median seconds of the commit of a file in a folder."""
    content, taken = os.urandom(_COMMITTED), []
    for number in range(_COMMITS):
        started = time.perf_counter()
        with committed_file(folder / f"{number}.png", None) as temporary:
            temporary.write_bytes(content)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def measure_driver(folder: Path, count: int) -> Driver:
    """Return what a picture costs the driver, in a job of ``count`` whose results are all there."""
    there, results = folder / "in", folder / "out"
    picture = np.zeros((8, 8, 3), np.uint8)
    write_picture(folder / "one.png", picture)
    for place in (there, results):
        place.mkdir()
        for number in range(count):
            os.link(folder / "one.png", place / f"{number:08}.png")
    before, started = held(), time.perf_counter()
    plan = make_plan(Options(inputs=(str(there),), output=results))
    tasks = [Task(item, outputs, number=number) for number, (item, outputs) in enumerate(plan.pictures.items())]
    executor, tally = AllThere(fingerprint(folder / "one.png")), Tally(Observer())
    with open_manifest(results / "omz_demo.jsonl", {}) as manifest:
        run_tasks(tasks, executor, ImageSettings(), manifest, tally)
        memory = held() - before
    ended = time.perf_counter()
    return Driver((executor.started - started) / count, (ended - executor.started) / count, memory / count)


def held() -> int:
    """Return the bytes that this process holds; of Linux alone."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def table(costs: Costs, plan: float) -> Iterator[str]:
    """Yield the lines of the table, as Markdown; ``plan`` is that of :class:`Driver`."""
    yield "| machines | pictures/s | hours for 10^8 | efficiency of the rate | limit |"
    yield "|---|---|---|---|---|"
    for machines in MACHINES:
        rate = costs.rate(machines)
        hours = PICTURES * (plan + 1 / rate) / 3600
        cells = (machines, f"{rate:,.0f}", f"{hours:,.1f}", f"{costs.efficiency(machines):.2f}", costs.limit(machines))
        yield f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unit_ms", type=float, default=400.0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--megabytes", type=float, default=1.5)
    parser.add_argument("--network", type=float, default=1.25, help="GB/s of a machine")
    parser.add_argument("--disk", type=float, default=5.0, help="GB/s of the shared file system")
    parser.add_argument("--handing_ms", type=float, default=0.07)
    parser.add_argument("--commit_ms", type=float)
    parser.add_argument("--note_ms", type=float)
    parser.add_argument("--folder", type=Path, help="where to measure; default: a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        commit = measure_commit(Path(folder)) if given.commit_ms is None else given.commit_ms / 1e3
        driver = measure_driver(Path(folder), _PLANNED)
    note = driver.note if given.note_ms is None else given.note_ms / 1e3
    print(f"a picture: commit {1e3 * commit:.2f} ms; of the driver: plan {1e3 * driver.plan:.2f} ms, ", end="")
    print(f"note {1e3 * note:.2f} ms, handing {given.handing_ms:.2f} ms, memory {driver.memory / 1e3:.1f} kB")
    costs = Costs(
        unit=given.unit_ms / 1e3,
        commit=commit,
        driver=note + given.handing_ms / 1e3,
        workers=given.workers,
        size=given.megabytes * 1e6,
        network=given.network * 1e9,
        disk=given.disk * 1e9,
    )
    print("\n".join(table(costs, driver.plan)))
    print(f"the driver would hold {PICTURES * driver.memory / 1e9:,.0f} GB for 10^8 pictures")


if __name__ == "__main__":
    main()
