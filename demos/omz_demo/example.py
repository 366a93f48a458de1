"""The demo without a picture of yours: a synthetic pair whose alpha is known."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from omz.accuracy.difference_key import best_difference_key
from omz.accuracy.metrics.differences import mad
from omz.images.arrays import Picture
from omz.images.compositing import composite, cutout, to_uint8
from omz.images.files import write_picture
from omz.images.foreground import estimate_foreground
from omz.images.geometry import resize
from omz.matting import OpenedModel
from omz.runtime.matter import Matter
from omz.synthesis import textures
from omz.synthesis.scene import Scene, make_scene

_SIZE = (720, 1280)
_SERIES = "example"
_SCENE = 42
_TARGET_SEED = 27


def make_example() -> Scene:
    """Return the embedded pair, with the truth about it."""
    return make_scene(_SCENE, _SIZE, _SERIES)


def run_example(opened: OpenedModel, folder: Path) -> tuple[str, dict[str, str]]:
    """Matte the embedded pair, write its pictures into ``folder``, and return a title, and rows of what happened.

    A model that takes no plate sees the picture alone.
    """
    scene = make_example()
    matter = Matter(opened.engine, opened.stretches)
    plate = scene.plate if matter.takes_plate else None
    matter(scene.picture, plate)  # the first run of a size prepares it
    started = time.perf_counter()
    matte = matter(scene.picture, plate)
    matted = time.perf_counter()
    timings = {"matte": matted - started}
    foreground = matte.foreground
    if foreground is None:
        foreground = estimate_foreground(scene.picture, matte.alpha)
        timings["foreground"] = time.perf_counter() - matted
    target = to_uint8(textures.background(np.random.default_rng(_TARGET_SEED), _SIZE))
    placed = composite(matte.alpha, foreground, target)
    alpha = to_uint8(matte.alpha)
    second = to_uint8(foreground) if plate is None else plate
    pictures = {
        "picture.png": scene.picture,
        "foreground.png" if plate is None else "plate.png": second,
        "alpha.png": alpha,
        "cutout.png": cutout(matte.alpha, foreground),
        "composite.png": placed,
        "overview.jpg": _overview(scene.picture, second, np.dstack([alpha] * 3), placed),
    }
    for name, picture in pictures.items():
        write_picture(folder / name, picture)
    rows = {
        "device used": opened.engine.info.device,
        "precision": opened.engine.info.precision,
        "picture": f"{_SIZE[1]}x{_SIZE[0]}",
        "load model": f"{opened.milliseconds:.0f} ms",
        **{step: f"{1e3 * seconds:.0f} ms" for step, seconds in timings.items()},
        "alpha error (MAD x1e3)": f"{1e3 * mad(matte.alpha, scene.alpha):.2f}",
        **({} if plate is None else _difference_key(scene)),
        "pictures": ", ".join(str(folder / name) for name in pictures),
    }
    return f"an embedded synthetic {'picture' if plate is None else 'pair'}", rows


def _difference_key(scene: Scene) -> dict[str, str]:
    """Return the error of the best difference key: what comes of comparing the picture with its plate, and no more."""
    threshold, error = best_difference_key([(scene.picture, scene.plate, scene.alpha)])
    return {f"a difference key's (threshold {threshold})": f"{error:.2f}"}


def _overview(*pictures: Picture) -> Picture:
    """Return four pictures on one sheet, two by two, each at half its size."""
    half = [resize(picture, (_SIZE[0] // 2, _SIZE[1] // 2)) for picture in pictures]
    return np.vstack([np.hstack(half[:2]), np.hstack(half[2:])])
