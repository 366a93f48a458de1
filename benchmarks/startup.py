"""How soon one image is cut: this tree and, in turn with it, another one, such as a worktree of an older commit.

    python benchmarks/startup.py --other ../older

Whole commands are timed from process start to exit; a ratio is the median of those of the pairs. CPU time counts all
cores, and holds on a machine that others use, too. Python's own files are compiled before.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commands import machine

from omz.images.files import write_picture
from omz.synthesis.scene import make_scene

HERE = Path(__file__).parents[1]
SIZE = (720, 1280)
COMMAND = (sys.executable, "-m", "omz_demo", "photo.jpg", "--plate", "empty.jpg", "-o", "cut.png")
IMPORT = re.compile(r"^import time:\s+(\d+) \|", re.MULTILINE)


@dataclass(frozen=True)
class Taken:
    """Seconds of a command: on the clock, and of CPU time."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--other", type=Path, help="Another tree of this repository.")
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    trees = {"this tree": HERE}
    if asked.other:
        trees["the other"] = asked.other.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        scene = make_scene(42, SIZE, "example")
        write_picture(Path("photo.jpg"), scene.picture)
        write_picture(Path("empty.jpg"), scene.plate)
        environments = {name: environment_of(tree, Path(folder, name)) for name, tree in trees.items()}
        taken: dict[str, list[Taken]] = {name: [] for name in trees}
        for run in range(asked.runs + 1):  # the first one converts
            for name, environment in environments.items():
                found = measured(environment)
                if run:
                    taken[name].append(found)
        print(
            f"{machine()}\n\n| one 1280x720 pair, process start to exit | median s | min | median CPU s | imports s |"
        )
        print("|---|---|---|---|---|")
        for name, runs in taken.items():
            walls, cpus = [each.wall for each in runs], [each.cpu for each in runs]
            figures = (statistics.median(walls), min(walls), statistics.median(cpus), imports(environments[name]))
            print(f"| {name} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
        first = [first_run(environments["this tree"]) for _ in range(3)]
        print(f"| first run ever | {statistics.median(first):.2f} | {min(first):.2f} | | |")
    if asked.other:
        pairs = list(zip(*taken.values(), strict=True))
        wall = statistics.median(ours.wall / theirs.wall for ours, theirs in pairs)
        cpu = statistics.median(ours.cpu / theirs.cpu for ours, theirs in pairs)
        print(f"\nthis tree / the other: {wall:.2f} of the time, {cpu:.2f} of the CPU time")


def environment_of(tree: Path, cache: Path) -> dict[str, str]:
    """Return an environment in which the sources of ``tree`` run, with compiled files and a ``cache`` of their own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tree / "tools"), str(tree / "demos")])}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**environment, "OMZ_CACHE_DIR": str(cache), "PYTHONPYCACHEPREFIX": f"{cache}.pyc"}


def measured(environment: Mapping[str, str]) -> Taken:
    """Run the command."""
    started = time.perf_counter()
    process = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise subprocess.CalledProcessError(process.returncode, COMMAND)
    return Taken(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)


def first_run(environment: Mapping[str, str]) -> float:
    """Return the seconds of a run that finds an empty cache folder."""
    shutil.rmtree(environment["OMZ_CACHE_DIR"])
    return measured(environment).wall


def imports(environment: Mapping[str, str]) -> float:
    """Return the seconds in which the command loads modules, as Python tells it."""
    command = [COMMAND[0], "-X", "importtime", *COMMAND[1:]]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return sum(map(int, IMPORT.findall(run.stderr))) / 1e6


if __name__ == "__main__":
    main()
