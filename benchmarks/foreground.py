"""How long the estimation of foreground colours takes, and how good it is: the table of benchmarks/README.md.

    python benchmarks/foreground.py

The estimator of omz and that of pymatting run in turn in one process, on one core, so that their ratio holds when the
machine's speed drifts. Images are composites of textures, of which the foreground is known.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator

os.environ["NUMBA_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):  # others than Linux may use more cores
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])

import cv2
import numpy as np
from commands import machine
from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

from omz.images.arrays import Alpha, Colours, Picture, Size
from omz.images.foreground import estimate_foreground
from omz.synthesis.textures import background

RUNS = 7
SIZES = ((960, 1280), (1080, 1920), (2160, 3840))
BANDS = (0.01, 0.05, 0.2)
WAVES = 40  # around the subject

Estimator = Callable[[Picture, Alpha], Colours]


def main() -> None:
    cv2.setNumThreads(1)
    print(f"{machine()}; OpenCV {cv2.__version__}, NumPy {np.__version__}\n")
    heads = ("image", "band", "omz, CPU ms", "pymatting, CPU ms", "omz / pymatting", "error of omz", "of pymatting")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for size in SIZES:
        for share in BANDS:
            print(f"| {size[1]}x{size[0]} | {share:.0%} | {' | '.join(compare(size, share))} |", flush=True)


def compare(size: Size, share: float) -> Iterator[str]:
    """Yield the cells of a row."""
    alpha = wavy_disc(size, share)
    truth, behind = (background(np.random.default_rng(seed), size) for seed in (1, 2))
    picture = np.rint(255 * (behind + alpha[..., None] * (truth - behind))).astype(np.uint8)
    band = (alpha > 0.02) & (alpha < 0.98)
    estimators: tuple[Estimator, Estimator] = (estimate_foreground, by_pymatting)
    errors = [255 * np.abs(estimate(picture, alpha) - truth)[band].mean() for estimate in estimators]
    ours, theirs = time_in_turn(estimators, picture, alpha)
    yield f"{statistics.median(ours):.0f}"
    yield f"{statistics.median(theirs):.0f}"
    yield f"{statistics.median(a / b for a, b in zip(ours, theirs, strict=True)):.2f}"
    yield from (f"{error:.1f}" for error in errors)


def wavy_disc(size: Size, share: float) -> Alpha:
    """Return alpha that is neither 0 nor 1 in that share of the pixels."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    y, x = y - size[0] / 2, x - size[1] / 2
    radius = min(size) * (1 / 3.5 + np.sin(WAVES * np.arctan2(y, x)) / 15)
    distance = radius - np.hypot(y, x)
    narrow, wide = 0.0, float(min(size))
    while wide - narrow > 0.01:
        edge = (narrow + wide) / 2
        alpha = np.clip(distance / edge + 0.5, 0, 1).astype(np.float32)
        if np.mean((alpha > 0) & (alpha < 1)) < share:
            narrow = edge
        else:
            wide = edge
    return alpha


def by_pymatting(picture: Picture, alpha: Alpha) -> Colours:
    return estimate_foreground_ml(picture.astype(np.float32) * np.float32(1 / 255), alpha)


def time_in_turn(estimators: tuple[Estimator, ...], picture: Picture, alpha: Alpha) -> list[list[float]]:
    """Return the milliseconds of the processor for each run of each estimator."""
    times: list[list[float]] = [[] for _ in estimators]
    for _ in range(RUNS):
        for estimate, collected in zip(estimators, times, strict=True):
            started = time.process_time()
            estimate(picture, alpha)
            collected.append(1e3 * (time.process_time() - started))
    return times


if __name__ == "__main__":
    main()
