"""How fast omz_demo cuts videos beside the fastest that OpenVINO can run the network: tables of benchmarks/README.md.

    python benchmarks/pipeline.py

The bound is OpenVINO's own benchmark_app on the same IR: inference alone, of random inputs, nothing read or written.
Commands take turns on the same clips, so that ratios hold when the machine's speed drifts; each ratio is the median of
those of the rounds. On Linux, each command waits for others to end. What a frame costs in time of cores, the start left
out, is the difference of a long run and a short one.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from commands import Command, machine, time_command

from omz.convert.store import stored_ir
from omz.images.arrays import Size
from omz.images.compositing import blend
from omz.images.files import write_picture
from omz.runtime.quiet_openvino import ov
from omz.synthesis.camera import Drift
from omz.synthesis.scene import Scene, make_scene
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter
from omz.zoo import Catalog

ROUNDS = 3
WARM = 12  # frames of a short run, whose cost is that of the start
PATIENCE = 20  # seconds that a command waits for others to end
IDLE = 0.93  # share of the machine that nobody may use then
CLIPS = {"1280x720": ((720, 1280), 120), "1920x1080": ((1080, 1920), 60)}
SMALL, FEW, MANY = (180, 320), 200, 5000
RATE = 25
GREEN = (0, 128, 0)  # blue, green, red
STARTER = "background-matting-starter"
HERE = Path(sys.executable).parent


@dataclass(frozen=True)
class Run:
    """Frames a second, and what one costs: milliseconds of a core, which others on the machine hardly change."""

    rate: float
    cost: float


@dataclass(frozen=True)
class Job:
    """A clip, its plate, the model, and how many frames the clip has."""

    clip: Path
    plate: Path
    ir: Path
    size: Size
    frames: int

    def demo(self, *flags: str | Path) -> Command:
        """Return the demo's command; in f32, as the bound is."""
        given: Command = ["--background", self.plate, "--target", "green", "-o", self.clip.with_name("out.mp4")]
        return [HERE / "omz_demo", self.clip, *given, "-m", self.ir, "--precision", "f32", "--json", *flags]


def main() -> None:
    if sys.argv[1:2] == ["loop"]:
        _loop(*map(Path, sys.argv[2:]))
        return
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    with tempfile.TemporaryDirectory() as folder:
        ir = stored_ir(Catalog()[STARTER], Path())
        for name, (size, frames) in CLIPS.items():
            job = prepare(Path(folder), ir, size, frames)
            _compare(name, job)
        _measure_memory(prepare(Path(folder), ir, SMALL, MANY))
        _measure_start(prepare(Path(folder), ir, CLIPS["1280x720"][0], 2))
    _measure_compositing()


def prepare(folder: Path, ir: Path, size: Size, frames: int) -> Job:
    """Write a clip without noise, whose subject moves, and its plate."""
    job = Job(folder / f"{size[0]}x{frames}.mp4", folder / f"{size[0]}.png", ir, size, frames)
    scene = make_scene(0, size, "test", Drift())
    write_picture(job.plate, scene.plate)
    form = choose_format(job.clip, alpha=False)
    with VideoWriter(job.clip, form, size, Fraction(1, RATE), Fraction(RATE)) as writer:
        for index in range(frames):
            writer.write(walked(scene, index % size[0] // 4), index)
    return job


def walked(scene: Scene, columns: int) -> np.ndarray:
    """Return the picture of a scene whose subject has moved to the right, by pixels."""
    alpha = np.roll(np.rint(255 * scene.alpha).astype(np.uint8), columns, axis=1)
    return blend(alpha, np.roll(scene.foreground, columns, axis=1), scene.plate)


def _compare(name: str, job: Job) -> None:
    """Print frames a second of all ways, what a frame costs, and the milliseconds of each stage of the demo."""
    stages: list[dict[str, float]] = []

    def demo() -> dict[str, Run]:
        few, short = output(job.demo("--limit", str(WARM)))
        wait_until_idle()
        started = time.perf_counter()
        text, seconds = output(job.demo())
        whole, told = time.perf_counter() - started, json.loads(text)
        stages.append(told["stages"])
        rate = (job.frames - WARM) / (told["seconds"] - json.loads(few)["seconds"])
        cost = 1e3 * (seconds - short) / (job.frames - WARM)
        return {
            "omz_demo, the start left out": Run(rate, cost),
            "omz_demo, start to exit": Run(job.frames / whole, 1e3 * seconds / job.frames),
        }

    ways: tuple[Callable[[], dict[str, Run]], ...] = (
        lambda: {"the bound: benchmark_app": bound(job)},
        demo,
        lambda: {"benchmark_app, inputs as bytes": bound(job, "-ip", "u8")},
        lambda: {"a plain loop of OpenCV and OpenVINO": _plain(job)},
    )
    rounds = [{name: run for way in ways for name, run in way().items()} for _ in range(ROUNDS)]
    heads = (
        f"{name}, {job.frames} frames",
        "frames a second",
        "min",
        "max",
        "of the bound",
        "core ms a frame",
        "of it",
    )
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    first = next(iter(rounds[0]))
    for way in rounds[0]:
        rates, costs = ([getattr(each[way], what) for each in rounds] for what in ("rate", "cost"))
        cells = [f"{each:.2f}" for each in (statistics.median(rates), min(rates), max(rates))]
        cells.append(f"{statistics.median(each[way].rate / each[first].rate for each in rounds):.2f}")
        cells.append(f"{statistics.median(costs):.0f}")
        cells.append(f"{statistics.median(each[first].cost / each[way].cost for each in rounds):.2f}")
        print(f"| {way} | {' | '.join(cells)} |")
    print(f"\n| stages of omz_demo, side by side, {name} | ms |\n|---|---|")
    for stage in stages[0]:
        print(f"| {stage} | {statistics.median(each[stage] for each in stages):.1f} |", flush=True)


def bound(job: Job, *flags: str) -> Run:
    """Return what OpenVINO's benchmark_app reports, which comes with ``pip install openvino``."""
    shape = f"[1,3,{job.size[0]},{job.size[1]}]"
    given = ("-hint", "throughput", "-infer_precision", "f32", "-shape", shape, "-niter")
    command = [HERE / "benchmark_app", "-m", job.ir, "-d", "CPU", *flags, *given]
    _, short = output([*command, str(WARM)])
    wait_until_idle()
    text, seconds = output([*command, str(job.frames)])
    found = re.search(r"Throughput:\s+([\d.]+)", text)
    if found is None:
        raise SystemExit("benchmark_app told no throughput")
    return Run(float(found[1]), 1e3 * (seconds - short) / (job.frames - WARM))


def _plain(job: Job) -> Run:
    wait_until_idle()
    text, _ = output([sys.executable, __file__, "loop", job.clip, job.plate, job.ir])
    return Run(*map(float, text.split()))


def _loop(clip: Path, plate: Path, ir: Path) -> None:
    """Print the frames a second of what a first try looks like: read, infer, blend, write, one after the other."""
    compiled = ov.Core().compile_model(ir, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    background = _tensor(cv2.imread(str(plate)))
    capture = cv2.VideoCapture(str(clip))
    height, width = background.shape[2:]
    out = cv2.VideoWriter(str(clip.with_name("loop.mp4")), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (width, height))
    behind = np.full((height, width, 3), GREEN, np.float32) / 255
    count, started, worked = 0, time.perf_counter(), time.process_time()
    while True:
        there, frame = capture.read()
        if not there:
            break
        result = compiled([_tensor(frame), background])
        weight = result["pha"][0].transpose(1, 2, 0)
        foreground = result["fgr"][0].transpose(1, 2, 0)[..., ::-1]
        out.write(open_model_zoo_formula(weight, foreground, behind))
        count += 1
    out.release()
    print(count / (time.perf_counter() - started), 1e3 * (time.process_time() - worked) / count)


def _tensor(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def open_model_zoo_formula(weight: np.ndarray, foreground: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Composite as Open Model Zoo's demo does: floats of 0 to 1, cut off to 8 bits."""
    return (255 * (foreground * weight + behind * (1 - weight))).astype(np.uint8)


def _measure_memory(job: Job) -> None:
    few = [_peak(job.demo("--limit", str(FEW))) for _ in range(ROUNDS)]
    many = _peak(job.demo())
    print(f"\n| frames of {job.size[1]}x{job.size[0]} | peak memory MB | of the first |\n|---|---|---|")
    print(f"| {FEW} | {statistics.median(few):.0f} ({min(few):.0f} to {max(few):.0f}) | 1.00 |")
    print(f"| {MANY} | {many:.0f} | {many / statistics.median(few):.3f} |", flush=True)


def _peak(command: Command) -> float:
    """Return the most memory in MB that a command held, as Linux tells; what wait() tells is at least our own."""
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
                peak = max(peak, int(found[1]) if found else 0)
            time.sleep(0.05)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, [str(word) for word in command])
    return peak / 1024


def _measure_start(job: Job) -> None:
    commands = {"`omz_demo --help`": [HERE / "omz_demo", "--help"], "one frame, caches warm": job.demo("--limit", "1")}
    print("\n| from start to exit | median s | min | max |\n|---|---|---|---|")
    for name, command in commands.items():
        seconds = [time_command(command)[0] for _ in range(2 * ROUNDS + 1)][1:]
        print(f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} |", flush=True)


def _measure_compositing() -> None:
    cv2.setNumThreads(1)
    scene = make_scene(0, (1080, 1920), "test")
    alpha, target = np.rint(255 * scene.alpha).astype(np.uint8), np.full_like(scene.picture, GREEN)
    weight, foreground, behind = (np.float32(each) / np.float32(255) for each in (alpha, scene.foreground, target))
    ways: dict[str, Callable[[], np.ndarray]] = {
        "bytes, as omz_demo": lambda: blend(alpha, scene.foreground, target),
        "floats, as Open Model Zoo's demo": lambda: open_model_zoo_formula(weight[..., None], foreground, behind),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(20 * ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(1e3 * (time.perf_counter() - started))
    print("\n| compositing a frame of 1920x1080 on one core | median ms | min |\n|---|---|---|")
    for name, taken in times.items():
        print(f"| {name} | {statistics.median(taken):.1f} | {min(taken):.1f} |")


def wait_until_idle() -> None:
    """Wait until hardly anything else runs; where that cannot be known, or takes too long, go on."""
    ends = time.monotonic() + PATIENCE
    while Path("/proc/stat").exists() and time.monotonic() < ends:
        before = _ticks()
        time.sleep(1)
        passed = [after - start for start, after in zip(before, _ticks(), strict=True)]
        if sum(passed[3:5]) > IDLE * sum(passed):  # idle, and waiting for a disk
            return


def _ticks() -> list[int]:
    return [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]


def output(command: Command) -> tuple[str, float]:
    """Return what a command prints, and the seconds of cores that it takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return text, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
