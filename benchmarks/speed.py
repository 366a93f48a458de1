"""How long a cut-out takes, what it needs, and how fast scenes are made: the tables of benchmarks/README.md.

    python benchmarks/speed.py

Whole commands are timed from process start to exit, five times after one that does not count; medians are quoted.
The two networks run in turn, so that their ratio holds when the machine's speed drifts.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from commands import machine, time_command

from omz.convert.converter import carry_out
from omz.convert.plan import ConversionSettings, plan_conversion
from omz.convert.pytorch_to_onnx import export_pytorch
from omz.convert.store import stored_ir
from omz.images.files import write_picture
from omz.matting.network import MattingNetwork
from omz.networks.background_matting import BackgroundMatting
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.pytorch_engine import build_network
from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import Scene, make_scene
from omz.zoo import Catalog
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.model_file import Checksum

RUNS = 5
SIZE = (720, 1280)
STARTER = "background-matting-starter"
PUBLISHED = "background-matting-mobilenetv2"


def main() -> None:
    scene = make_scene(0, SIZE, "test")
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OMZ_CACHE_DIR"] = str(Path(folder) / "cache")
        ir = stored_ir(Catalog()[STARTER], Path())
        print("\n| one 1280x720 pair, process start to written file | median s | min | max | peak memory MB |")
        print("|---|---|---|---|---|")
        cache = Path(folder) / "cache"
        for name, emptied in (
            ("compiled-model cache warm", None),
            ("compiled-model cache empty", cache / "compiled"),
            ("first run ever: the starter is converted", cache),
        ):
            seconds, peak = time_demo(Path(folder), scene, emptied)
            print(
                f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} | {peak:.0f} |"
            )
        print("\n| inference on one 1280x720 pair, f32 | median ms | |\n|---|---|---|")
        ours, theirs = time_networks(Path(folder), scene, ir)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(f"| starter | {statistics.median(ours):.0f} | |")
        print(f"| published network | {statistics.median(theirs):.0f} | starter / published {ratio:.2f} |")
    print("\n| synthesis, one core | scenes a second |\n|---|---|")
    for size in ((192, 192), (512, 512), SIZE):
        print(f"| {size[1]}x{size[0]} | {scenes_a_second(size):.1f} |")


def time_demo(folder: Path, scene: Scene, emptied: Path | None) -> tuple[list[float], float]:
    """Return the seconds of each run of the command, and the largest peak memory in MB .

    The folder ``emptied`` is removed before each run.
    """
    write_picture(folder / "picture.png", scene.picture)
    write_picture(folder / "plate.png", scene.plate)
    command = [Path(sys.executable).with_name("omz_demo"), "-i", folder / "picture.png"]
    command += ["--background", folder / "plate.png", "-o", folder / "cutout.png"]
    seconds, peaks = [], []
    for _ in range(RUNS + 1):
        if emptied:
            shutil.rmtree(emptied)
        taken, peak = time_command(command)
        seconds.append(taken)
        peaks.append(peak)
    return seconds[1:], max(peaks)


def time_networks(folder: Path, scene: Scene, starter: Path) -> tuple[list[float], list[float]]:
    """Return milliseconds of the starter and of the published network, run in turn."""
    engines = [OpenVINOEngine(path) for path in (starter, convert_published(folder))]
    for engine in engines:
        MattingNetwork(engine)(scene.picture, scene.plate)
    feed = {
        name: np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        for name, picture in (("src", scene.picture), ("bgr", scene.plate))
    }
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(4 * RUNS):
        for engine, collected in zip(engines, times, strict=True):
            collected.append(1e3 * _seconds(lambda engine=engine: engine.infer(feed)))
    return times


def convert_published(folder: Path) -> Path:
    """Return an IR of the published network. Weights do not change its work, so random ones stand in for the file."""
    card = Catalog()[PUBLISHED]
    source = folder / card.subdirectory / card.files[0].name
    source.parent.mkdir(parents=True)
    torch.save(BackgroundMatting().state_dict(), folder / "weights.pth")
    shape = (1, 3, *SIZE)
    axes = {name: {0: "batch", 2: "height", 3: "width"} for name in ("src", "bgr", "pha", "fgr")}  # as published
    arguments = ExportArguments(
        "omz.networks.background_matting", "BackgroundMatting", {}, folder / "weights.pth", (shape, shape),
        ("src", "bgr"), ("pha", "fgr"), source, 17, {"dynamic_axes": axes},
    )  # fmt: skip
    export_pytorch(build_network(arguments), arguments)
    file = card.files[0].model_copy(update={"size": source.stat().st_size, "checksum": Checksum.of(source)})
    plan = plan_conversion(card.model_copy(update={"files": (file,)}), folder, folder, ConversionSettings(check="none"))
    return carry_out(plan).irs["FP16"].path


def scenes_a_second(size: tuple[int, int], count: int = 30) -> float:
    """Return how many scenes one process makes in a second, OpenCV held to one thread."""
    import cv2

    cv2.setNumThreads(1)
    return count / _seconds(lambda: [make_scene(index, size, "test") for index in range(count)])


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
