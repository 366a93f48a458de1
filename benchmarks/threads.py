"""One omz.MattingModel called by eight threads, beside omz_demo on the same frames: a table of benchmarks/README.md.

    python benchmarks/threads.py

Both take turns, so that the ratio holds when the machine's speed drifts; it is the median of those of the rounds. The
start of the command is left out. What a frame costs in time of cores hardly depends on what else the machine does.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from commands import machine
from pipeline import STARTER, WARM, Job, Run, output, prepare, wait_until_idle

import omz
from omz.convert.store import find_ir
from omz.images.files import read_picture
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog

ROUNDS = 3
THREADS, CALLS = 8, 100
SIZE = (360, 640)
FRAMES = 400  # of the command's clip


def main() -> None:
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    path = find_ir(Catalog()[STARTER])
    if path is None:
        raise SystemExit(f"{STARTER} is to be converted first: omz_converter --name {STARTER}")
    with tempfile.TemporaryDirectory() as folder:
        job = prepare(Path(folder), path, SIZE, FRAMES)
        plate = read_picture(job.plate)
        frames = [frame.picture for frame, _ in zip(omz.video.read(job.clip), range(CALLS), strict=False)]
        model = omz.MattingModel(path, precision="f32")
        wanted = [model(frame, plate).alpha for frame in frames]
        rounds = [(command(job), threads(model, frames, plate, wanted)) for _ in range(ROUNDS)]
    print(
        f"\n| {SIZE[1]}x{SIZE[0]} | frames a second | of the first | core ms a frame | of it |\n|---|---|---|---|---|"
    )
    for place, name in enumerate(("omz_demo, the start left out", f"{THREADS} threads x {CALLS} calls")):
        rate, cost = (statistics.median(getattr(each[place], what) for each in rounds) for what in ("rate", "cost"))
        faster = statistics.median(each[place].rate / each[0].rate for each in rounds)
        cheaper = statistics.median(each[0].cost / each[place].cost for each in rounds)
        print(f"| {name} | {rate:.1f} | {faster:.2f} | {cost:.0f} | {cheaper:.2f} |")


def command(job: Job) -> Run:
    """Return frames a second and their cost of omz_demo: the difference of a long run and a short one."""
    wait_until_idle()
    started = time.perf_counter()
    _, short = output(job.demo("--limit", str(WARM)))
    between = time.perf_counter()
    _, long = output(job.demo())
    seconds = time.perf_counter() - between - (between - started)
    count = job.frames - WARM
    return Run(count / seconds, 1e3 * (long - short) / count)


def threads(model: omz.MattingModel, frames: list[np.ndarray], plate: np.ndarray, wanted: list[np.ndarray]) -> Run:
    """Return frames a second and their cost of calls from many threads, all of which are right."""

    def work(number: int) -> int:
        right = 0
        for step in range(CALLS):
            index = (number + step) % len(frames)
            right += np.array_equal(model(frames[index], plate).alpha, wanted[index])
        return right

    wait_until_idle()
    started, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        right = sum(pool.map(work, range(THREADS)))
    seconds, cost = time.perf_counter() - started, time.process_time() - worked
    if right != THREADS * CALLS:
        raise SystemExit(f"{THREADS * CALLS - right} of {THREADS * CALLS} calls were wrong")
    return Run(right / seconds, 1e3 * cost / right)


if __name__ == "__main__":
    main()
