"""Synthetic scenes: an image, its plate, and the true matte."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from omz.images.arrays import Alpha, Picture, Size
from omz.synthesis import textures
from omz.synthesis.camera import Drift
from omz.synthesis.foregrounds import Foreground, foreground

_CAMOUFLAGED = 0.1
_EMPTY = 0.03


@dataclass(frozen=True)
class Scene:
    """An image with a known matte.

    ``picture``, ``plate``, ``foreground`` and ``background`` are (H, W, 3) uint8 BGR, ``alpha`` is (H, W) float32, 0 to
    1. Without noise, ``picture = alpha * foreground + (1 - alpha) * background``; without shadow, the plate is that
    background after ``drift``.
    """

    picture: Picture
    plate: Picture
    alpha: Alpha
    foreground: Picture
    background: Picture
    drift: Drift


def make_scene(index: int, size: Size, series: str = "train", drift: Drift | None = None) -> Scene:
    """Make scene number ``index`` of a ``series``, of ``size`` (height, width): same arguments, same pixels.

    Series ("train", "test", …) are independent of one another. ``drift`` overrides the random one.
    """
    rng = np.random.default_rng([zlib.crc32(series.encode()), index])
    background = textures.background(rng, size)
    near = background[rng.integers(0, size[0]), rng.integers(0, size[1])] if rng.random() < _CAMOUFLAGED else None
    subject = foreground(rng, size, near)
    if rng.random() < _EMPTY:
        subject = Foreground(np.zeros(size, np.float32), subject.colour)
    drawn = Drift.random(rng, max(size))
    drift = drawn if drift is None else drift
    alpha = subject.alpha[..., None]
    behind = drift.shadowed(background, subject.alpha)
    return Scene(
        picture=drift.develop(behind + alpha * (subject.colour - behind), rng),
        plate=drift.develop(drift.plate(background), rng),
        alpha=subject.alpha,
        foreground=Drift().develop(subject.colour, rng),
        background=Drift().develop(behind, rng),
        drift=drift,
    )
