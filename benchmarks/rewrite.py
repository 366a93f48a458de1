"""What rewriting the graph of background-matting-mobilenetv2 gains: the tables of benchmarks/README.md.

    python benchmarks/rewrite.py

A file of the published structure, with generated weights, is converted as published, and rewritten. The graphs run in
turn, so that their ratios hold when the machine's speed drifts: by a clock with all threads, and by the processor's own
time with one, which other programs hardly change. ``ONEDNN_MAX_CPU_ISA=AVX2`` shows layers with fewer instructions.
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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from commands import machine
from pipeline import WARM, Job, output, prepare

from omz.convert.ir_file import read_model
from omz.convert.rewrite import with_graph
from omz.images.arrays import Size
from omz.images.sizes import size_text
from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import make_scene
from omz.zoo.vocabulary import GRAPHS, Graph

HERE = Path(__file__).parents[1]
NAME = "background-matting-mobilenetv2"
SIZE, SMALL = (720, 1280), (360, 640)
BLOCKS = 5000  # that the published network refines
FORMS: dict[str, tuple[str, Graph]] = {
    "as published": ("off", "sparse"), "sparse": ("auto", "sparse"), "dense": ("auto", "dense"),
}  # fmt: skip
"""The flag of the conversion, and the graph."""
RUNS, ROUNDS, FRAMES = 15, 3, 60
SHOWN = 10  # kinds of nodes

Request = ov.InferRequest


@dataclass(frozen=True)
class Form:
    """A ``graph`` of an IR for images of ``size``, (height, width); as published, it has only one."""

    ir: Path
    graph: Graph
    size: Size
    is_published: bool

    def request(self, threads: int, counted: bool = False) -> Request:
        """Return a request that has run once, on image and plate."""
        settings = {
            "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
            "PERF_COUNT": counted,
        }  # fmt: skip
        model = with_graph(read_model(self.ir), self.graph)
        request = ov.Core().compile_model(model, "CPU", settings).create_infer_request()
        scene = make_scene(0, self.size, "test")
        images = [image.transpose(2, 0, 1)[None].astype(np.float32) for image in (scene.picture, scene.plate)]
        request.infer(dict(enumerate(images)))
        return request

    def flags(self) -> tuple[str, ...]:
        """Return the flags of ``omz_demo`` that choose the graph."""
        return () if self.is_published else ("--graph", self.graph)


def main() -> None:
    if sys.argv[1:2] == ["prepare"]:
        _prepare(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["run"]:
        _run_once(Path(sys.argv[2]), sys.argv[3])
        return
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: one that holds PyTorch makes the peaks of its children look larger.
        subprocess.run([sys.executable, __file__, "prepare", folder], check=True)
        forms = _forms(Path(folder), SIZE)
        _compare_runs(forms)
        _compare_runs(_forms(Path(folder), SMALL))
        _compare_nodes(forms)
        _compare_memory(forms)
        _compare_videos(Path(folder), forms)


def _prepare(folder: Path) -> None:
    """Write a card of the published model, and a file of its structure with generated weights."""
    sys.path.insert(0, str(HERE / "tests"))
    from helpers.builders import write_published_zoo
    from helpers.rewritten import published

    write_published_zoo(folder, NAME, lambda path: published(path, 0, BLOCKS))


def _forms(folder: Path, size: Size) -> dict[str, Form]:
    irs = {flag: _convert(folder, flag, size) for flag in ("off", "auto")}
    return {name: Form(irs[flag], graph, size, flag == "off") for name, (flag, graph) in FORMS.items()}


def _convert(folder: Path, flag: str, size: Size) -> Path:
    output_dir = folder / size_text(*size) / flag
    places = ["--models_dir", folder / "models", "-d", folder / "downloads", "-o", output_dir]
    shape = f"1,3,{size[0]},{size[1]}"
    command = [Path(sys.executable).with_name("omz_converter"), "--name", NAME, *places, "--rewrite", flag]
    subprocess.run([*command, "--shape", shape, "--precisions", "FP16"], check=True, stdout=subprocess.DEVNULL)
    return output_dir / "public" / NAME / "FP16" / f"{NAME}.xml"


def _compare_runs(forms: Mapping[str, Form]) -> None:
    size = size_text(*next(iter(forms.values())).size)
    print(f"\n| one {size} pair, f32 | median ms | min | of the published |\n|---|---|---|---|")
    clocks: dict[str, tuple[int, Callable[[], float]]] = {
        "two threads": (2, time.perf_counter),
        "one thread, its own time": (1, time.process_time),
    }
    for title, (threads, clock) in clocks.items():
        requests = {name: form.request(threads) for name, form in forms.items()}
        times: dict[str, list[float]] = {name: [] for name in forms}
        for _ in range(RUNS):
            for name, request in requests.items():
                started = clock()
                request.infer()
                times[name].append(1e3 * (clock() - started))
        _print_rows(title, times, ".1f")


def _print_rows(title: str, taken: Mapping[str, list[float]], form: str) -> None:
    first = next(iter(taken.values()))
    for name, values in taken.items():
        ratio = statistics.median(each / before for each, before in zip(values, first, strict=True))
        cells = f"{statistics.median(values):{form}} | {min(values):{form}} | {ratio:.2f}"
        print(f"| {name}, {title} | {cells} |", flush=True)


def _compare_nodes(forms: Mapping[str, Form]) -> None:
    """Print the time of nodes by kind, on one thread, and what OpenVINO runs by its reference code."""
    for name, form in forms.items():
        request, times, reference = form.request(1, counted=True), Counter[str](), Counter[str]()
        for _ in range(RUNS):
            request.infer()
            for node in request.get_profiling_info():
                taken = 1e3 * node.cpu_time.total_seconds() / RUNS
                times[node.node_type] += taken
                if node.exec_type.startswith("ref"):
                    reference[f"{node.node_type} {node.node_name}"] += taken
        whole = sum(times.values())
        print(f"\n| {name}: kind of node | ms | share |\n|---|---|---|")
        for kind, taken in times.most_common(SHOWN):
            print(f"| {kind} | {taken:.1f} | {taken / whole:.1%} |")
        largest = ", ".join(f"{node} {taken / whole:.1%}" for node, taken in reference.most_common(3))
        share = sum(reference.values()) / whole
        print(f"\n{len(reference)} nodes of reference code, {share:.1%} together; the longest: {largest}", flush=True)


def _run_once(ir: Path, graph: str) -> None:
    """Compile and run a graph, and print the peak of this process in MB, as Linux tells it."""
    (form,) = (Form(ir, each, SIZE, False) for each in GRAPHS if each == graph)
    form.request(2).infer()
    (peak,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(int(peak) / 1024)


def _compare_memory(forms: Mapping[str, Form]) -> None:
    print("\n| peak memory of a process | MB | least | of the published |\n|---|---|---|---|")
    peaks: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(ROUNDS):
        for name, form in forms.items():
            peaks[name].append(float(output([sys.executable, __file__, "run", form.ir, form.graph])[0]))
    _print_rows("compiled, and run twice", peaks, ".0f")


def _compare_videos(folder: Path, forms: Mapping[str, Form]) -> None:
    jobs = {name: prepare(folder, form.ir, SIZE, FRAMES) for name, form in forms.items()}
    took: dict[str, list[float]] = {name: [] for name in forms}
    costs: dict[str, list[float]] = {name: [] for name in forms}
    stages: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            seconds, cost, stages[name] = _demo(job, *forms[name].flags())
            took[name].append(seconds)
            costs[name].append(cost)
    heads = f"omz_demo, {FRAMES} frames, the start left out", "median ms a frame", "min", "of the published"
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    _print_rows("by the clock", took, ".0f")
    _print_rows("of all cores", costs, ".0f")
    print(f"\n| stage, ms a frame | {' | '.join(forms)} |\n|---{'|---' * len(forms)}|")
    for stage in stages["sparse"]:
        print(f"| {stage} | {' | '.join(f'{stages[name][stage]:.1f}' for name in forms)} |", flush=True)


def _demo(job: Job, *flags: str) -> tuple[float, float, dict[str, float]]:
    """Return milliseconds of a frame by the clock and of all cores, and those of the stages."""
    few, short = output(job.demo(*flags, "--limit", str(WARM)))
    text, long = output(job.demo(*flags))
    told, frames = json.loads(text), job.frames - WARM
    taken = told["seconds"] - json.loads(few)["seconds"]
    return 1e3 * taken / frames, 1e3 * (long - short) / frames, told["stages"]


if __name__ == "__main__":
    main()
