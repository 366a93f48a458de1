"""Shadows of a real subject: left in alpha, and kept for composites; the table of benchmarks/README.md.

    python benchmarks/shadows.py FOLDER_WITH_LEMUR

The subject of real_pictures.py stands before four photographs of 1280x720, made as its *real* pairs are, with shadows
of several depths. Each is cut out with ``keep_shadow``, and set before another photograph, where the truth is the same
subject and the same shadow. Figures are thousandths of full scale:

- ghost: mean alpha that is too much, outside of the subject;
- without, with: mean error of the composite where the shadow falls, without and with the shadow that was found;
- exact: the same with the true shadow, which no method can do better than with this alpha;
- false: mean shadow where there is none.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2
import numpy as np
from commands import machine
from real_pictures import PHOTOGRAPHS, Plane, moved, photographed, stock, subject

import omz
from omz.images.arrays import Picture
from omz.images.compositing import cover

SIZE = (720, 1280)
SHADOWS = ((0.0, (40.0, 15.0), 18.0), (0.15, (40.0, 15.0), 25.0), (0.35, (60.0, 10.0), 6.0), (0.6, (-50.0, 20.0), 12.0))
"""Depth, movement right and down, and blur in pixels."""

_SHIFT, _GAIN, _QUALITY = (2.0, -1.0), 1.05, 92
_APART = np.ones((9, 9), np.uint8)


@dataclass(frozen=True)
class Figures:
    """Figures of a scene, see above."""

    ghost: float
    without: float
    kept: float
    exact: float
    false: float


def measure(model: omz.MattingModel, folder: Path, photograph: str, number: int) -> Figures:
    """Return the figures of a photograph with the shadow of a ``number``."""
    depth, offset, blur = SHADOWS[number]
    rng = np.random.default_rng([PHOTOGRAPHS.index(photograph), number])
    foreground, alpha = subject(folder, SIZE)
    scene = cover(stock(photograph), SIZE).astype(np.float32)
    plate = moved(scene, _SHIFT, 1, cv2.BORDER_REPLICATE) * np.float32(_GAIN)
    shadow = np.float32(depth) * cv2.GaussianBlur(moved(alpha, offset, 1), (0, 0), blur)
    image = before(scene, alpha, foreground, shadow)
    matte = model(photographed(image, rng, _QUALITY), photographed(plate, rng, _QUALITY))
    assert matte.shadow is not None
    target = cover(stock(PHOTOGRAPHS[PHOTOGRAPHS.index(photograph) - 1]), SIZE).astype(np.float32)
    truth = before(target, alpha, foreground, shadow)
    falls = shadow * (1 - alpha) > 0.02 if depth else np.ones(SIZE, bool)
    errors = []
    for each in (np.zeros_like(shadow), matte.shadow, shadow):
        placed = before(target, matte.alpha, 255 * matte.foreground, each)
        errors.append(float(np.abs(placed - truth)[falls].mean()) / 255)
    outside = cv2.dilate((alpha > 0.02).astype(np.uint8), _APART) == 0
    false = float((matte.shadow * (1 - alpha))[shadow < 0.01].mean())
    return Figures(float((matte.alpha * outside).mean()), *errors, false)


def before(behind: Picture | Plane, alpha: Plane, foreground: Plane, shadow: Plane) -> Plane:
    """Return the subject before a background, on which its shadow falls."""
    lit = behind * (1 - shadow[..., None])
    placed: Plane = lit + alpha[..., None] * (foreground - lit)
    return placed


def main() -> None:
    folder = Path(sys.argv[1])
    model = omz.MattingModel(keep_shadow=True)
    print(f"{machine()}\n\n| shadow | ghost | without | with | exact | false |\n|---|---|---|---|---|---|", flush=True)
    for number, (depth, *_) in enumerate(SHADOWS):
        found = [astuple(measure(model, folder, photograph, number)) for photograph in PHOTOGRAPHS]
        means = [f"{1e3 * statistics.fmean(figures):.2f}" for figures in zip(*found, strict=True)]
        print(f"| {depth:.0%} | {' | '.join(means)} |", flush=True)


if __name__ == "__main__":
    main()
