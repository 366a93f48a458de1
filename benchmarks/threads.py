"""One omz.MattingModel called by eight threads, beside omz_demo on the same frames: a table of benchmarks/README.md.

    python benchmarks/threads.py [SHIFT]

The plate is SHIFT pixels off, by default half a pixel. Both do all that they do by default, and take turns, so that
the ratio holds when the machine's speed drifts; it is the median of those of the rounds. The start of the command is
left out. What a frame costs in time of cores hardly depends on what else the machine does. Frames are compared with
those of calls one by one.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from commands import machine
from pipeline import STARTER, WARM, Job, Run, output, prepare

import omz
from omz.convert.store import find_ir
from omz.images.files import read_picture, write_picture
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog

ROUNDS = 5
THREADS, CALLS = 8, 100  # calls of each thread, in all rounds
SIZE = (360, 640)
FRAMES = 60  # of the command's video


def main() -> None:
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    path = find_ir(Catalog()[STARTER])
    if path is None:
        raise SystemExit(f"{STARTER} is to be converted first: omz_converter --name {STARTER}")
    heads = (f"{SIZE[1]}x{SIZE[0]}", "frames a second", "of the first", "core ms a frame", "of it")
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    with tempfile.TemporaryDirectory() as folder:
        job = prepare(Path(folder), path, SIZE, FRAMES)
        frames = [frame.picture for frame in omz.video.read(job.clip)]
        model = omz.MattingModel(path, precision="f32")
        compare(model, moved(job, float(sys.argv[1]) if sys.argv[1:] else 0.5), frames)


def moved(job: Job, shift: float) -> Job:
    """Return a job with a plate that is moved to the right by ``shift`` pixels."""
    if not shift:
        return job
    plate = read_picture(job.plate)
    by = np.array([[1, 0, shift], [0, 1, 0]])
    plate = cv2.warpAffine(plate, by, SIZE[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    path = job.plate.with_name("moved.png")
    write_picture(path, plate)
    return replace(job, plate=path)


def compare(model: omz.MattingModel, job: Job, frames: list[np.ndarray]) -> None:
    """Print a row for each way."""
    plate = read_picture(job.plate)
    wanted = [model(frame, plate).alpha for frame in frames]
    rounds = [(command(job), threads(model, frames, plate, wanted)) for _ in range(ROUNDS)]
    for place, way in enumerate(("omz_demo, the start left out", f"{THREADS} threads x {CALLS} calls")):
        rate, cost = (statistics.median(getattr(each[place], what) for each in rounds) for what in ("rate", "cost"))
        faster = statistics.median(each[place].rate / each[0].rate for each in rounds)
        cheaper = statistics.median(each[0].cost / each[place].cost for each in rounds)
        print(f"| {way} | {rate:.1f} | {faster:.2f} | {cost:.0f} | {cheaper:.2f} |", flush=True)


def command(job: Job, *flags: str) -> Run:
    """Return frames a second and their cost of omz_demo: the difference of a long run and a short one."""
    started = time.perf_counter()
    _, short = output(job.demo("--limit", str(WARM), *flags))
    between = time.perf_counter()
    _, long = output(job.demo(*flags))
    seconds = time.perf_counter() - between - (between - started)
    count = job.frames - WARM
    return Run(count / seconds, 1e3 * (long - short) / count)


def threads(model: omz.MattingModel, frames: list[np.ndarray], plate: np.ndarray, wanted: list[np.ndarray]) -> Run:
    """Return frames a second and their cost of calls from many threads, all of which are right."""
    calls = CALLS // ROUNDS

    def work(number: int) -> int:
        right = 0
        for step in range(calls):
            index = (11 * number + step) % len(frames)
            right += np.array_equal(model(frames[index], plate).alpha, wanted[index])
        return right

    started, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        right = sum(pool.map(work, range(THREADS)))
    seconds, cost = time.perf_counter() - started, time.process_time() - worked
    if right != THREADS * calls:
        raise SystemExit(f"{THREADS * calls - right} of {THREADS * calls} calls were wrong")
    return Run(right / seconds, 1e3 * cost / right)


if __name__ == "__main__":
    main()
