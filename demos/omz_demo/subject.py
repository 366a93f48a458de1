"""The subject of a picture: its alpha, and colours of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass

from omz.images.arrays import Alpha, Colours, Picture
from omz.images.foreground import estimate_foreground
from omz.runtime.matter import Matter, Trimap


@dataclass(frozen=True)
class Subject:
    """What was taken out of a picture, at its size, and how long that took.

    ``trimap`` is None where the network gives none. ``timings`` has a name and milliseconds a step.
    """

    alpha: Alpha
    foreground: Colours
    trimap: Trimap | None
    timings: dict[str, float]


def take_out(matter: Matter, picture: Picture, plate: Picture | None) -> Subject:
    """Matte ``picture``; where the network gives no foreground, estimate it, for the picture has the old background."""
    started = time.perf_counter()
    matte = matter(picture, plate)
    matted = time.perf_counter()
    timings = {"matte": 1e3 * (matted - started)}
    foreground = matte.foreground
    if foreground is None:
        foreground = estimate_foreground(picture, matte.alpha)
        timings["foreground"] = 1e3 * (time.perf_counter() - matted)
    return Subject(matte.alpha, foreground, matte.trimap, timings)
