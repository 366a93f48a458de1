"""Ray clusters for tests: commands in processes of their own, which leave no process of Ray behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from helpers.demo_command import content, write_plate

_STORE = 100 << 20
LONG = 1200.0
"""Seconds that a loaded machine may take to start, or to end, what is started here."""


_NODES = """
import sys
from ray.cluster_utils import Cluster

nodes, cpus, store = map(int, sys.argv[1:])
head = dict(num_cpus=0, object_store_memory=store, include_dashboard=False)
cluster = Cluster(initialize_head=True, head_node_args=head)
for _ in range(nodes):
    cluster.add_node(num_cpus=cpus, object_store_memory=store)
cluster.wait_for_nodes()
print("at", cluster.address, flush=True)
for _ in sys.stdin:
    cluster.add_node(num_cpus=cpus, object_store_memory=store)
cluster.shutdown()
"""

_CHANGED = """
import importlib.util, os, sys, threading, time

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != os.environ["OMZ_TEST_MODULE"]:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (load(module), change(module))
        return spec

def change(module):
    name = os.environ["OMZ_TEST_FUNCTION"]
    setattr(module, name, changed(getattr(module, name)))

sys.meta_path.insert(0, Finder())
"""


def changed_work(folder: Path, changed: str, function: str = "omz.cutout.image_work.read_image") -> dict[str, str]:
    """Return the environment of processes with another ``function``, which Ray hands on to its workers.

    ``changed`` is the code of a function ``changed(before)``, which returns the other one. The default reads images.
    """
    place = folder / "changed"
    place.mkdir()
    (place / "sitecustomize.py").write_text(_CHANGED + changed)
    module, _, name = function.rpartition(".")
    paths = os.pathsep.join((str(place), os.environ.get("PYTHONPATH", "")))
    return {"PYTHONPATH": paths, "OMZ_TEST_MODULE": module, "OMZ_TEST_FUNCTION": name}


def images_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder that have a name to be seen, with their bytes."""
    return {name: data for name, data in content(folder).items() if not name.startswith(".")}


@contextmanager
def demo_folder(folder: Path) -> Iterator[Path]:
    """Give a folder with a plate and a model, in which this process works until nothing of Ray is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield write_plate(folder)
        wait_for_the_end_of_ray()


class RayNodes:
    """Simulated machines: their ``address``, and a way to add one."""

    def __init__(self, address: str, to_process: IO[str]) -> None:
        self.address, self._to_process = address, to_process

    def add(self) -> None:
        """Start one more."""
        self._to_process.write("add\n")
        self._to_process.flush()


@contextmanager
def ray_nodes(folder: Path, nodes: int, cpus: int = 1, more: Mapping[str, str] | None = None) -> Iterator[RayNodes]:
    """Give a cluster of simulated machines on this one, each with so many processors.

    It runs in a process of its own, whose end is the end of all of Ray's.
    """
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **(more or {})}
    with open(folder / "cluster.txt", "w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _NODES, str(nodes), str(cpus), str(_STORE)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=said, text=True, env=environment,
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = next(line.split()[1] for line in process.stdout if line.startswith("at "))
        yield RayNodes(address, process.stdin)
    finally:
        process.communicate(timeout=LONG)


def run_demo(
    folder: Path, *arguments: object, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the demo's command in a folder, until it ends."""
    process = start_demo(folder, *arguments, more=more)
    out, said = process.communicate(timeout=LONG)
    return subprocess.CompletedProcess(process.args, process.returncode, out, said)


def start_demo(folder: Path, *arguments: object, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the demo's command in a folder."""
    return start("omz_demo", folder, *arguments, more=more)


def start(
    module: str, folder: Path, *arguments: object, more: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a module in a folder, as a command."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, **(more or {})}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True, env=environment)


def workers() -> list[int]:
    """Return the processes of our workers, which Ray names after their class."""
    return [pid for pid in _called("ray::RayWorker") if _is_ours(pid)]


def kill_a_worker(busy_only: bool = True) -> bool:
    """Kill one of our workers, of those at work; return whether there was one."""
    for pid in filter(_is_ours, _called("ray::RayWorker.work" if busy_only else "ray::RayWorker")):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        return True
    return False


def kill_the_machine_of(worker: int) -> bool:
    """Kill the process of Ray that stands for the machine of a worker; return whether it was there."""
    machine = parent(worker)
    if machine not in _called("raylet"):  # the worker has just gone, and 0 would be our own group
        return False
    try:
        os.kill(machine, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def wait_for_the_end_of_ray() -> None:
    """Wait until no process of Ray is left; fail if that takes too long."""
    end = time.monotonic() + LONG
    while left := [name for each in ("ray::", "raylet", "gcs_server") for name in _called(each)]:
        assert time.monotonic() < end, f"Ray's processes are still there: {left}"
        time.sleep(0.2)


def parent(pid: int) -> int:
    """Return the parent of a process, 0 if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _is_ours(pid: int) -> bool:
    """Tell whether a process descends from this one; other tests may run beside it."""
    while pid and pid != os.getpid():
        pid = parent(pid)
    return bool(pid)


def _called(name: str) -> list[int]:
    """Return the processes whose command line has a name, but for those that only read it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        first = command.split(" ")[0]
        if first.startswith(name) or os.path.basename(first) == name:
            found.append(int(entry.name))
    return found
