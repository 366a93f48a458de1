"""How long networks for the starter take at 1280x720, as ratios to its first one: the table of the README.

    python benchmarks/starter_latency.py

The graphs are those of `omz_demo`, uint8 images in and out, of one fixed size; random weights do not change the work.
All run in turn, first on one thread, by its CPU time, which other programs on the machine hardly change, then on two,
by the clock. oneDNN reads the limit of instructions when it loads, so each limit has a process of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from commands import machine
from torch import nn

from omz.convert.onnx_to_ir import build_ir
from omz.convert.pytorch_to_onnx import export_pytorch
from omz.images.arrays import Size
from omz.matting.uint8_graph import uint8_graph
from omz.networks.background_matting import BackgroundMatting
from omz.networks.plate_matting import PlateMatting
from omz.runtime.quiet_openvino import core, ov
from omz.training.recipe import STARTER_NETWORK
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.optimizer_arguments import parse_optimizer_arguments

SIZE: Size = (720, 1280)
ROUNDS = 21
BEFORE = "the first one"
"""Like the published network at 0.4 times the width; it gives the foreground, too."""

LIMITS = (("AVX2", "f32"), ("ALL", "f32"), ("ALL", "bf16"))
"""The limit of instructions, in oneDNN's words, and the precision."""

CHANGES: dict[str, dict[str, Any]] = {
    "the recipe's network": {},
    "fewer blocks, the first training's": {"depths": (1, 2, 3, 3, 3), "fine_blocks": 2},
    "one fine block": {"fine_blocks": 1},
    "24 fine channels": {"fine": 24},
    "8 tolerant channels": {"tolerant": 8},
    "more coarse blocks": {"depths": (2, 3, 4, 4, 4)},
    "wider from 1/4 on": {"widths": (32, 64, 96, 128, 192)},
    "four levels, wide": {"widths": (24, 48, 96, 192), "depths": (1, 2, 3, 3)},
    "four levels, narrow": {"widths": (24, 48, 72, 96), "depths": (1, 2, 3, 3)},
}


@dataclass
class Runner:
    """A compiled graph with inputs, and the milliseconds of its runs, by one thread's CPU time or by the clock."""

    request: ov.InferRequest
    clock: Callable[[], float]
    times: list[float]

    @classmethod
    def of(cls, model: ov.Model, threads: int, precision: str) -> Runner:
        """Return the runner of a model, compiled for so many threads."""
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        config["INFERENCE_PRECISION_HINT"] = precision
        request = core().compile_model(model, "CPU", config).create_infer_request()
        rng = np.random.default_rng(0)
        for index in range(len(model.inputs)):
            pixels = rng.integers(0, 256, (1, *SIZE, 3), np.uint8)
            request.set_input_tensor(index, ov.Tensor(pixels))
        return cls(request, time.process_time if threads == 1 else time.perf_counter, [])

    def run(self) -> None:
        """Run once, and note the time."""
        started = self.clock()
        self.request.infer()
        self.times.append(1e3 * (self.clock() - started))


def graph_of(network: nn.Module, outputs: tuple[str, ...], folder: Path) -> ov.Model:
    """Return the network as the converter and `omz_demo` make it."""
    file = folder / "network.onnx"
    shape = (1, 3, 256, 256)
    axes = {name: {2: "height", 3: "width"} for name in ("src", "bgr", *outputs)}
    arguments = ExportArguments(
        network.__module__, type(network).__name__, {}, None, (shape, shape), ("src", "bgr"), outputs, file, 17,
        {"dynamic_axes": axes},
    )  # fmt: skip
    export_pytorch(network.eval(), arguments)
    flags = [f"--output={','.join(outputs)}", "--scale=255", "--reverse_input_channels", f"--input_model={file}"]
    model, _ = build_ir(file, parse_optimizer_arguments(flags, "benchmark"), "network")
    return at_size(model)


def at_size(model: ov.Model) -> ov.Model:
    """Return a model as `omz_demo` compiles it for images of one size."""
    model = uint8_graph(model)
    model.reshape({port.any_name: ov.PartialShape((1, *SIZE, 3)) for port in model.inputs})
    return model


def measure(models: dict[str, ov.Model], threads: int, precision: str) -> dict[str, list[float]]:
    """Return the times of each model, run in turn."""
    runners = {name: Runner.of(model, threads, precision) for name, model in models.items()}
    for _ in range(ROUNDS + 2):
        for runner in runners.values():
            runner.run()
    return {name: runner.times[2:] for name, runner in runners.items()}


def print_rows(limit: str, precision: str) -> None:
    networks: dict[str, nn.Module] = {BEFORE: BackgroundMatting(width=0.4, refine_mode="full")}
    for name, change in CHANGES.items():
        networks[name] = PlateMatting(**{**STARTER_NETWORK, **change})
    models, sizes = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, network in networks.items():
            torch.manual_seed(0)
            for parameter in network.parameters():  # so that no layer has zeros that could be left out
                parameter.data.add_(0.01 * torch.randn_like(parameter))
            sizes[name] = f"{sum(each.numel() for each in network.parameters()) / 1e6:.2f}"
            outputs = ("pha", "fgr") if name == BEFORE else ("pha",)
            models[name] = graph_of(network, outputs, Path(folder))
    columns = [measure(models, threads, precision) for threads in (1, 2)]
    for name in models:
        cells = [limit, precision, name, sizes[name]]
        for times in columns:
            ratio = statistics.median(a / b for a, b in zip(times[name], times[BEFORE], strict=True))
            cells += [f"{statistics.median(times[name]):.1f}", f"{ratio:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    if len(sys.argv) > 1:
        print_rows(*sys.argv[1:])
        return
    print(f"{machine()}, OpenVINO {ov.get_version()}\n")
    heads = ["instructions", "precision", "network", "million weights"]
    heads += ["1 thread, CPU ms", "ratio", "2 threads, ms", "ratio"]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|", flush=True)
    for limit, precision in LIMITS:
        if precision == "bf16" and "BF16" not in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            continue
        environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": limit}
        subprocess.run([sys.executable, __file__, limit, precision], env=environment, check=True)


if __name__ == "__main__":
    main()
