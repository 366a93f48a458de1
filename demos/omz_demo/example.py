"""Example without a picture of yours: a synthetic pair whose alpha is known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Picture
from omz.images.compositing import composite, cutout, to_uint8
from omz.images.files import write_picture
from omz.images.foreground import estimate_foreground
from omz.images.geometry import resize
from omz.matting.network import Matte, MattingNetwork, View
from omz.matting.resolution import roles_of
from omz.matting.roles import NOTHING_SAID, RoleOptions
from omz.metrics.differences import mad
from omz.models.opening import OpenedModel
from omz.synthesis import textures
from omz.synthesis.scene import Scene, make_scene

_SIZE = (720, 1280)
_SERIES = "example"
_SCENE = 42
_TARGET_SEED = 27
THRESHOLDS = (2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 50, 60, 70, 80)


def make_example() -> Scene:
    """Return the embedded pair, with the truth about it."""
    return make_scene(_SCENE, _SIZE, _SERIES)


def run_example(opened: OpenedModel, folder: Path, options: RoleOptions = NOTHING_SAID) -> tuple[str, dict[str, str]]:
    """Matte the embedded pair, write its pictures into ``folder``, and return a title, and rows of what happened.

    A model that takes no plate sees the picture alone. ``options`` are roles that somebody said.
    """
    scene = make_example()
    matter = MattingNetwork(opened.engine, View(opened.stretches), roles=roles_of(opened.engine, options=options))
    plate = scene.plate if matter.takes_plate else None
    matter(scene.picture, plate)  # the first run of a size prepares it
    started = time.perf_counter()
    matte = matter(scene.picture, plate)
    timings = {"matte": time.perf_counter() - started}
    foreground = matte.foreground
    if foreground is None:
        started = time.perf_counter()
        foreground = estimate_foreground(scene.picture, matte.alpha)
        timings["foreground"] = time.perf_counter() - started
    title, second = "an embedded synthetic pair", {"plate.png": scene.plate}
    if plate is None:
        title, second = "an embedded synthetic image", {"foreground.png": to_uint8(foreground)}
    names = _write(folder, scene.picture, second, Matte(matte.alpha, foreground))
    rows = {
        "device used": opened.engine.info.device,
        "precision": opened.engine.info.precision,
        "image": f"{_SIZE[1]}x{_SIZE[0]}",
        "load model": f"{opened.milliseconds:.0f} ms",
    }
    for step, seconds in timings.items():
        rows[step] = f"{1e3 * seconds:.0f} ms"
    rows["alpha error (MAD x1e3)"] = f"{1e3 * mad(matte.alpha, scene.alpha):.2f}"
    if plate is not None:
        rows.update(_difference_key(scene))
    rows["files"] = ", ".join(str(folder / name) for name in names)
    return title, rows


def _write(folder: Path, picture: Picture, second: dict[str, Picture], matte: Matte) -> list[str]:
    """Write the pictures of the example, a ``second`` beside the picture among them; return their names."""
    assert matte.foreground is not None
    target = to_uint8(textures.background(np.random.default_rng(_TARGET_SEED), _SIZE))
    placed = composite(matte.alpha, matte.foreground, target)
    alpha = to_uint8(matte.alpha)
    pictures = {
        "picture.png": picture,
        **second,
        "alpha.png": alpha,
        "cutout.png": cutout(matte.alpha, matte.foreground),
        "composite.png": placed,
        "overview.jpg": _overview(picture, *second.values(), np.dstack([alpha] * 3), placed),
    }
    for name, shown in pictures.items():
        write_picture(folder / name, shown)
    return list(pictures)


def _difference_key(scene: Scene) -> dict[str, str]:
    """Return the error of the best difference key, which only compares the picture with its plate."""
    threshold, error = best_difference_key([(scene.picture, scene.plate, scene.alpha)])
    return {f"a difference key's (threshold {threshold})": f"{error:.2f}"}


def _overview(*pictures: Picture) -> Picture:
    """Return four pictures on one sheet, two by two, each at half its size."""
    half = [resize(picture, (_SIZE[0] // 2, _SIZE[1] // 2)) for picture in pictures]
    return np.vstack([np.hstack(half[:2]), np.hstack(half[2:])])


def difference_key(picture: Picture, plate: Picture, threshold: int) -> Alpha:
    """Return 1 where any channel differs by more than ``threshold`` levels of 255, else 0: (H, W) float32."""
    return (_largest_difference(picture, plate) > threshold).astype(np.float32)


def best_difference_key(frames: Sequence[tuple[Picture, Picture, Alpha]]) -> tuple[int, float]:
    """Return the one threshold that serves all (picture, plate, true alpha) best, and its mean alpha MAD."""
    totals = dict.fromkeys(THRESHOLDS, 0.0)
    for picture, plate, truth in frames:
        for threshold in THRESHOLDS:
            totals[threshold] += 1e3 * mad(difference_key(picture, plate, threshold), truth)
    best = min(totals, key=totals.__getitem__)
    return best, totals[best] / len(frames)


def _largest_difference(picture: Picture, plate: Picture) -> NDArray[np.int16]:
    difference: NDArray[np.int16] = np.abs(picture.astype(np.int16) - plate).max(2)
    return difference
