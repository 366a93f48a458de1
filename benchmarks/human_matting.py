"""What the repair of MindSpore's ONNX export is worth in OpenVINO: the table of benchmarks/README.md.

    python benchmarks/human_matting.py

The network of semantic_human_matting with random weights, which do not change its work, is exported once; the file as
MindSpore writes it and the repaired one run in turn, so that their ratio holds when the machine's speed drifts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from commands import machine

from omz.convert.mindspore_to_onnx import export_plain
from omz.convert.onnx_repair import repair
from omz.networks.quiet_mindspore import ms
from omz.networks.semantic_human_matting import SemanticHumanMatting
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog
from omz.zoo.export_arguments import parse_export_arguments

RUNS = 60
WARM_UPS = 5
NAME = "semantic_human_matting"


def main() -> None:
    print(f"{machine()}, OpenVINO {ov.get_version()}, MindSpore {ms.__version__}\n")
    with tempfile.TemporaryDirectory() as folder:
        arguments = parse_export_arguments(Catalog()[NAME], Path(folder), Path(folder))
        plain = export_plain(SemanticHumanMatting(), arguments, Path(folder))
        model = onnx.load(str(plain))
        repair(model, arguments.input_names, arguments.output_names)
        repaired = Path(folder, "repaired.onnx")
        onnx.save(model, str(repaired))
        (shape,) = arguments.input_shapes
        print("| execution | plain export, median ms | repaired, median ms | repaired / plain |\n|---|---|---|---|")
        for precision in ("f32", "bf16"):
            before, after = time_in_turn((plain, repaired), shape, precision)
            ratio = statistics.median(a / b for a, b in zip(after, before, strict=True))
            print(f"| {precision} | {statistics.median(before):.1f} | {statistics.median(after):.1f} | {ratio:.2f} |")


def time_in_turn(files: tuple[Path, ...], shape: tuple[int, ...], precision: str) -> list[list[float]]:
    """Return the milliseconds of each run of each file."""
    image = np.random.default_rng(0).random(shape, np.float32)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    requests = [ov.Core().compile_model(file, "CPU", settings).create_infer_request() for file in files]
    times: list[list[float]] = [[] for _ in files]
    for run in range(RUNS + WARM_UPS):
        for request, collected in zip(requests, times, strict=True):
            started = time.perf_counter()
            request.infer([image])
            if run >= WARM_UPS:
                collected.append(1e3 * (time.perf_counter() - started))
    return times


if __name__ == "__main__":
    main()
