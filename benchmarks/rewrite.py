"""What rewriting the graph of background-matting-mobilenetv2 gains: the tables of benchmarks/README.md.

    python benchmarks/rewrite.py

A file of the published structure, with generated weights, is converted twice: as published, and rewritten. Both IRs run
in turn, so that their ratio holds when the machine's speed drifts: by a clock with all threads, and by the processor's
own time with one, which other programs hardly change. ``ONEDNN_MAX_CPU_ISA=AVX2`` shows layers with fewer instructions.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from commands import machine
from pipeline import WARM, Job, output, prepare

from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import make_scene

HERE = Path(__file__).parents[1]
NAME = "background-matting-mobilenetv2"
SIZE = (720, 1280)
BLOCKS = 5000  # that the published network refines
FORMS = {"as published": "off", "rewritten": "auto"}
RUNS, ROUNDS, FRAMES = 15, 3, 60
SHOWN = 10  # kinds of nodes

Request = ov.InferRequest


def main() -> None:
    if sys.argv[1:2] == ["prepare"]:
        _prepare(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["run"]:
        _run_once(Path(sys.argv[2]))
        return
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: one that holds PyTorch makes the peaks of its children look larger.
        subprocess.run([sys.executable, __file__, "prepare", folder], check=True)
        irs = {form: _convert(Path(folder), flag) for form, flag in FORMS.items()}
        _compare_runs(irs)
        _compare_nodes(irs)
        _compare_memory(irs)
        _compare_videos(Path(folder), irs)


def _prepare(folder: Path) -> None:
    """Write a card of the published model, and a file of its structure with generated weights."""
    sys.path.insert(0, str(HERE / "tests"))
    from helpers.builders import write_published_zoo
    from helpers.rewritten import published

    write_published_zoo(folder, NAME, lambda path: published(path, 0, BLOCKS))


def _convert(folder: Path, flag: str) -> Path:
    places = ["--models_dir", folder / "models", "-d", folder / "downloads", "-o", folder / flag]
    command = [Path(sys.executable).with_name("omz_converter"), "--name", NAME, *places, "--rewrite", flag]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / flag / "public" / NAME / "FP16" / f"{NAME}.xml"


def _request(ir: Path, threads: int, counted: bool = False) -> Request:
    settings = {
        "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
        "PERF_COUNT": counted,
    }  # fmt: skip
    request = ov.Core().compile_model(ir, "CPU", settings).create_infer_request()
    scene = make_scene(0, SIZE, "test")
    images = [image.transpose(2, 0, 1)[None].astype(np.float32) for image in (scene.picture, scene.plate)]
    request.infer(dict(enumerate(images)))
    return request


def _compare_runs(irs: Mapping[str, Path]) -> None:
    print("\n| one 1280x720 pair, f32 | median ms | min | of the published |\n|---|---|---|---|")
    clocks: dict[str, tuple[int, Callable[[], float]]] = {
        "two threads": (2, time.perf_counter),
        "one thread, its own time": (1, time.process_time),
    }
    for title, (threads, clock) in clocks.items():
        requests = {form: _request(ir, threads) for form, ir in irs.items()}
        times: dict[str, list[float]] = {form: [] for form in irs}
        for _ in range(RUNS):
            for form, request in requests.items():
                started = clock()
                request.infer()
                times[form].append(1e3 * (clock() - started))
        _print_rows(title, times, ".1f")


def _print_rows(title: str, taken: Mapping[str, list[float]], form: str) -> None:
    first = next(iter(taken.values()))
    for name, values in taken.items():
        ratio = statistics.median(each / before for each, before in zip(values, first, strict=True))
        cells = f"{statistics.median(values):{form}} | {min(values):{form}} | {ratio:.2f}"
        print(f"| {name}, {title} | {cells} |", flush=True)


def _compare_nodes(irs: Mapping[str, Path]) -> None:
    """Print the time of nodes by kind, on one thread, and what OpenVINO runs by its reference code."""
    for form, ir in irs.items():
        request, times, reference = _request(ir, 1, counted=True), Counter[str](), Counter[str]()
        for _ in range(RUNS):
            request.infer()
            for node in request.get_profiling_info():
                taken = 1e3 * node.cpu_time.total_seconds() / RUNS
                times[node.node_type] += taken
                if node.exec_type.startswith("ref"):
                    reference[f"{node.node_type} {node.node_name}"] += taken
        whole = sum(times.values())
        print(f"\n| {form}: kind of node | ms | share |\n|---|---|---|")
        for kind, taken in times.most_common(SHOWN):
            print(f"| {kind} | {taken:.1f} | {taken / whole:.1%} |")
        largest = ", ".join(f"{name} {taken / whole:.1%}" for name, taken in reference.most_common(3))
        share = sum(reference.values()) / whole
        print(f"\n{len(reference)} nodes of reference code, {share:.1%} together; the longest: {largest}", flush=True)


def _run_once(ir: Path) -> None:
    """Compile and run an IR, and print the peak of this process in MB, as Linux tells it."""
    _request(ir, 2).infer()
    (peak,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(int(peak) / 1024)


def _compare_memory(irs: Mapping[str, Path]) -> None:
    print("\n| peak memory of a process | MB | least | of the published |\n|---|---|---|---|")
    peaks: dict[str, list[float]] = {form: [] for form in irs}
    for _ in range(ROUNDS):
        for form, ir in irs.items():
            peaks[form].append(float(output([sys.executable, __file__, "run", ir])[0]))
    _print_rows("compiled, and run twice", peaks, ".0f")


def _compare_videos(folder: Path, irs: Mapping[str, Path]) -> None:
    jobs = {form: prepare(folder, ir, SIZE, FRAMES) for form, ir in irs.items()}
    took: dict[str, list[float]] = {form: [] for form in irs}
    costs: dict[str, list[float]] = {form: [] for form in irs}
    stages: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for form, job in jobs.items():
            seconds, cost, stages[form] = _demo(job)
            took[form].append(seconds)
            costs[form].append(cost)
    heads = f"omz_demo, {FRAMES} frames, the start left out", "median ms a frame", "min", "of the published"
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    _print_rows("by the clock", took, ".0f")
    _print_rows("of all cores", costs, ".0f")
    print(f"\n| stage, ms a frame | {' | '.join(irs)} |\n|---{'|---' * len(irs)}|")
    for stage in stages["rewritten"]:
        print(f"| {stage} | {' | '.join(f'{stages[form][stage]:.1f}' for form in irs)} |", flush=True)


def _demo(job: Job) -> tuple[float, float, dict[str, float]]:
    """Return milliseconds of a frame by the clock and of all cores, and those of the stages."""
    few, short = output(job.demo("--limit", str(WARM)))
    text, long = output(job.demo())
    told, frames = json.loads(text), job.frames - WARM
    taken = told["seconds"] - json.loads(few)["seconds"]
    return 1e3 * taken / frames, 1e3 * (long - short) / frames, told["stages"]


if __name__ == "__main__":
    main()
