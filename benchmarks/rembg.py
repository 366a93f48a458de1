"""How omz_demo compares with rembg on the same weights, u2netp: the tables of benchmarks/README.md.

    python benchmarks/rembg.py

rembg gets an environment of its own below build/, which needs a package index the first time, and the file with the
weights where it looks for it. Whole commands run in turn, from process start to exit, once everything is converted and
cached; a ratio is the median of those of the pairs. CPU time counts all cores, and holds on a machine that others use,
too. The network alone runs as OpenVINO and ONNX Runtime run it fastest. Images are photographs that
come with scikit-image.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from commands import Command, machine
from skimage import data

from omz.runtime.quiet_openvino import core, ov
from omz.zoo import Catalog

REQUIREMENT = "rembg[cpu,cli]==2.0.86"
NAME = "u2netp"
SIZE = (960, 1280)
PHOTOGRAPHS = (data.astronaut, data.chelsea, data.coffee, data.rocket)
TURNS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (np.asarray, np.fliplr, np.flipud)
FOLDER, MANY = 12, 36  # images in a folder, and in a longer one, which tells what an image costs
ALONE = 12  # runs of the network alone, between two commands
BUILD = Path(__file__).parents[1] / "build"


@dataclass(frozen=True)
class Taken:
    """What a run takes: seconds on the clock, seconds of CPU time, and at most so much memory, in MB."""

    wall: float
    cpu: float
    peak: float = 0.0

    def __sub__(self, other: Taken) -> Taken:
        return Taken(self.wall - other.wall, self.cpu - other.cpu)

    def __truediv__(self, count: float) -> Taken:
        return Taken(self.wall / count, self.cpu / count)


Column = Sequence[Taken]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="Runs of one image that count; a folder takes fewer.")
    parser.add_argument("--alone", nargs=2, metavar=("ENGINE", "MODEL"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        found = alone(asked.alone[0], Path(asked.alone[1]))
        print(found.wall, found.cpu)
        return
    theirs, weights = rembg(), the_weights()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), theirs, weights)
        print(f"{machine()}; OpenVINO {ov.get_version()}, ONNX Runtime {onnxruntime.__version__}, {REQUIREMENT}")
        bench.compare_masks()
        one = bench.compare_image(asked.runs)
        bench.compare_folder(max(2, asked.runs // 2), one)


class Bench:
    """Commands in a folder, each with models and caches of its own there."""

    def __init__(self, folder: Path, rembg: Path, weights: Path) -> None:
        self.folder, self._rembg = folder, rembg
        self._weights = weights
        self._environment = {**os.environ, "OMZ_CACHE_DIR": str(folder / "cache"), "OMZ_HOME": str(folder / "home")}
        self._environment["REMBG_HOME"] = str(folder / "rembg")
        for target in ("home/public/u2netp", "rembg/models/u2netp"):
            (folder / target).mkdir(parents=True)
            shutil.copy(weights, folder / target)
        for images, count in (("few", FOLDER), ("many", MANY)):
            (folder / images).mkdir()
            for index in range(count):
                cv2.imwrite(str(folder / images / f"{index:02}.jpg"), photograph(index))
        shutil.copy(folder / "few/00.jpg", folder / "photo.jpg")
        self._run([sys.executable, "-m", "omz.cli.converter", "--name", NAME, "-d", folder / "home", "-o", folder])

    def ir(self, precision: str) -> Path:
        """Return the converted model."""
        return self.folder / "public" / NAME / precision / f"{NAME}.xml"

    def compare_masks(self) -> None:
        """Print by how many levels the masks differ where both see the same 320x320 pixels."""
        print("\n| alpha of 320x320, beside rembg's | differs by 1 level | by more | most |\n|---|---|---|---|")
        for precision in ("FP32", "FP16"):
            distances = np.concatenate([self._distance(index, precision) for index in range(len(PHOTOGRAPHS))])
            one, more = np.mean(distances == 1), np.mean(distances > 1)
            print(f"| {precision} | {one:.2%} | {more:.3%} | {distances.max()} |", flush=True)

    def _distance(self, index: int, precision: str) -> np.ndarray:
        image, ours, theirs = (self.folder / f"{what}.png" for what in ("small", "ours", "theirs"))
        small = cv2.resize(photograph(index), (320, 320), interpolation=cv2.INTER_AREA)
        small[0, 0] = 255  # rembg divides by the largest value
        cv2.imwrite(str(image), small)
        self._run(self._demo(image, ours, "--what", "alpha", model=self.ir(precision)))
        self._run([self._rembg, "i", "-m", NAME, "-om", image, theirs])
        levels = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(int) for path in (ours, theirs)]
        return np.abs(levels[0] - levels[1]).ravel()

    def compare_image(self, runs: int) -> Column:
        """Print what one image takes; return that of ours."""
        image, ours, theirs = self.folder / "photo.jpg", self.folder / "ours.png", self.folder / "theirs.png"
        commands = {
            "omz_demo": self._demo(image, ours),
            "rembg i": [self._rembg, "i", "-m", NAME, image, theirs],
            "rembg i -dc, whose colours are estimated, too": [self._rembg, "i", "-m", NAME, "-dc", image, theirs],
        }
        columns = in_turn({name: functools.partial(self._run, command) for name, command in commands.items()}, runs)
        print_table("one JPEG of 1280x960", columns)
        return columns["omz_demo"]

    def compare_folder(self, runs: int, one: Column) -> None:
        """Print what a folder takes, and an image of it, beside the network alone; ``one`` image took so much."""
        commands = {
            "omz_demo": functools.partial(self._folder, "few", True),
            "rembg p": functools.partial(self._folder, "few", False),
            f"omz_demo, {MANY}": functools.partial(self._folder, "many", True),
        }
        ways = {
            "our IR alone, in OpenVINO": functools.partial(_alone, "OpenVINO", self.ir("FP16")),
            "the ONNX file alone, in OpenVINO": functools.partial(_alone, "OpenVINO", self._weights),
            "the ONNX file alone, in ONNX Runtime": functools.partial(_alone, "ONNX Runtime", self._weights),
        }
        columns = in_turn({**commands, **ways}, runs)
        long = columns.pop(f"omz_demo, {MANY}")
        networks = {name: columns.pop(name) for name in ways}
        print_table(f"a folder of {FOLDER}", columns)
        each = [(many - few) / (MANY - FOLDER) for many, few in zip(long, columns["omz_demo"], strict=True)]
        print_rates({"omz_demo, the start left out": each, **networks})
        self._print_bound(columns["omz_demo"], one, networks)

    def _print_bound(self, folder: Column, one: Column, networks: Mapping[str, Column]) -> None:
        """Print the folder's time over the start and 12 times the network times 1.15."""
        print("\n| the folder, of the start + 12 networks x 1.15 | time | CPU time |\n|---|---|---|")
        image, taken = median(one), median(folder)
        for name, column in networks.items():
            network = median(column)
            start = image - network
            bound = Taken(start.wall + FOLDER * 1.15 * network.wall, start.cpu + FOLDER * 1.15 * network.cpu)
            print(f"| {name} | {taken.wall / bound.wall:.2f} | {taken.cpu / bound.cpu:.2f} |")

    def _folder(self, name: str, is_ours: bool) -> Taken:
        images, results = self.folder / name, self.folder / "results"
        shutil.rmtree(results, ignore_errors=True)  # rembg skips what is there
        command: Command = [self._rembg, "p", "-m", NAME, images, results]
        if is_ours:
            command = self._demo(images, results)
        taken = self._run(command)
        if len(list(results.glob("*.png"))) != len(list(images.iterdir())):
            raise RuntimeError(f"{command[0]} has left images out")
        return taken

    def _demo(self, images: Path, results: Path, *flags: str, model: Path | str = NAME) -> Command:
        return [sys.executable, "-m", "omz_demo", images, "-m", model, "--offline", "-o", results, *flags]

    def _run(self, command: Command) -> Taken:
        started = time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=self._environment, **quiet)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            raise subprocess.CalledProcessError(process.returncode, [str(word) for word in command])
        wall = time.perf_counter() - started
        return Taken(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)  # Linux counts kilobytes


def alone(engine: str, model: Path) -> Taken:
    """Run the network on random pixels, in f32, and return what one run takes: nothing is read, resized or written."""
    pixels = np.random.default_rng(0).uniform(-2, 2, (1, 3, 320, 320)).astype(np.float32)
    run = _in_openvino(model, pixels)
    if engine == "ONNX Runtime":
        run = _in_onnxruntime(model, pixels)
    run(2)
    wall, cpu = time.perf_counter(), time.process_time()
    run(ALONE)
    return Taken(time.perf_counter() - wall, time.process_time() - cpu) / ALONE


def _in_openvino(model: Path, pixels: np.ndarray) -> Callable[[int], None]:
    config = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    queue = ov.AsyncInferQueue(core().compile_model(core().read_model(model), "CPU", config))

    def run(count: int) -> None:
        for _ in range(count):
            queue.start_async([pixels])
        queue.wait_all()

    return run


def _in_onnxruntime(model: Path, pixels: np.ndarray) -> Callable[[int], None]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: pixels}

    def run(count: int) -> None:
        for _ in range(count):
            session.run(None, feed)

    return run


def _alone(engine: str, model: Path) -> Taken:
    """Run :func:`alone` in a process of its own: a command inherits the peak memory of this one."""
    command = [sys.executable, __file__, "--alone", engine, model]
    wall, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Taken(float(wall), float(cpu))


def rembg() -> Path:
    """Return rembg's command, in an environment of its own, which is made if it is not there."""
    folder = BUILD / "rembg"
    command = folder / "bin" / "rembg"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", REQUIREMENT], check=True)
    return command


def the_weights() -> Path:
    """Return the file with the weights, as ``make`` has it; it is downloaded if it is not there."""
    folder = BUILD / "weights"
    card = Catalog()[NAME]
    path = folder / "public" / NAME / card.files[0].name
    if not path.exists():
        command = [sys.executable, "-m", "omz.cli.downloader", "--name", NAME, "-o", folder]
        subprocess.run(command, check=True)
    return path


def photograph(index: int) -> np.ndarray:
    """Return a photograph, cut to 4:3 and enlarged to 1280x960."""
    picture = TURNS[index // len(PHOTOGRAPHS) % len(TURNS)](PHOTOGRAPHS[index % len(PHOTOGRAPHS)]())
    height = min(picture.shape[0], picture.shape[1] * 3 // 4)
    cut = picture[:height, : height * 4 // 3, ::-1]
    return cv2.resize(cut, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def in_turn(ways: Mapping[str, Callable[[], Taken]], runs: int) -> dict[str, list[Taken]]:
    """Run all in turn, once more than counts."""
    columns: dict[str, list[Taken]] = {name: [] for name in ways}
    for run in range(runs + 1):
        for name, way in ways.items():
            taken = way()
            if run:
                columns[name].append(taken)
    return columns


def median(column: Column) -> Taken:
    return Taken(statistics.median(each.wall for each in column), statistics.median(each.cpu for each in column))


def print_table(title: str, columns: Mapping[str, Column]) -> None:
    """Print a row a command; ``omz_demo`` is the first, and its share of the time of others is that of pairs."""
    heads = (title, "median s", "min", "median CPU s", "peak memory MB", "omz_demo, of its time", "of its CPU time")
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    ours = next(iter(columns.values()))
    for name, column in columns.items():
        middle = median(column)
        pairs = list(zip(ours, column, strict=True))
        cells = [f"{middle.wall:.2f}", f"{min(each.wall for each in column):.2f}", f"{middle.cpu:.2f}"]
        cells += [f"{max(each.peak for each in column):.0f}"]
        cells += [f"{statistics.median(mine.wall / its.wall for mine, its in pairs):.2f}"]
        cells += [f"{statistics.median(mine.cpu / its.cpu for mine, its in pairs):.2f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def print_rates(columns: Mapping[str, Column]) -> None:
    """Print images a second, and what one costs; ``omz_demo`` is the first."""
    heads = ("an image of a folder", "a second", "CPU ms", "omz_demo, of its rate", "of its rate, by CPU time")
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    ours = next(iter(columns.values()))
    for name, column in columns.items():
        middle, pairs = median(column), list(zip(ours, column, strict=True))
        cells = [f"{1 / middle.wall:.2f}", f"{1e3 * middle.cpu:.0f}"]
        cells += [f"{statistics.median(its.wall / mine.wall for mine, its in pairs):.2f}"]
        cells += [f"{statistics.median(its.cpu / mine.cpu for mine, its in pairs):.2f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
