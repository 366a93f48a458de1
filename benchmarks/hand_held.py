"""How well hand-held pairs are matted: the default against the plate that fits perfectly; a table on standard output.

    python benchmarks/hand_held.py

Twenty pairs are made of photographs of scikit-image, of which nothing here knows but OpenCV and NumPy: a camera that
has moved (a random homography, and a lens that distorts), a background of two planes between which it causes parallax,
an exposure step, and grain, drawn after everything is put together. The subject is one of ``omz.synthesis``.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

import omz
from omz.synthesis.foregrounds import foreground

_SIZE = 720, 1280
_MARGIN = 80
_PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry")
_PAIRS = 20
_GRAIN = 2.5  # levels


@dataclass(frozen=True)
class Pair:
    """An image, its plate as it was taken and as it should have been, both (H, W, 3) uint8, and the true alpha."""

    image: NDArray[np.uint8]
    plate: NDArray[np.uint8]
    perfect: NDArray[np.uint8]
    alpha: NDArray[np.float32]


def make_pair(index: int) -> Pair:
    """Return pair number ``index``: the same number, the same pixels."""
    rng = np.random.default_rng([19, index])
    photograph = cv2.cvtColor(getattr(data, _PHOTOGRAPHS[index % len(_PHOTOGRAPHS)])(), cv2.COLOR_RGB2BGR)
    scene = _cover(photograph, (_SIZE[0] + 2 * _MARGIN, _SIZE[1] + 2 * _MARGIN)).astype(np.float32)
    near = _near_plane(rng)
    homography, lens = _camera(rng), rng.uniform(-0.008, 0.008)
    parallax = rng.uniform(-4, 4, 2)
    here = _taken(scene, np.eye(3), 0.0, near, np.zeros(2))
    there = _taken(scene, homography, lens, near, parallax)
    subject = foreground(rng, _SIZE)
    alpha = subject.alpha[..., None]
    composed = 255 * subject.colour * alpha + here * (1 - alpha)
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.97, 1.03, 3)
    return Pair(_grained(composed, rng), _grained(there * gain, rng), _grained(here, rng), subject.alpha)


def _camera(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return what a hand does to a camera: up to 1.5 degrees, 2 %, 2 % of the width, and a little tilt."""
    turn = cv2.getRotationMatrix2D((_SIZE[1] / 2, _SIZE[0] / 2), rng.uniform(-1.5, 1.5), rng.uniform(0.98, 1.02))
    turn[:, 2] += rng.uniform(-0.02, 0.02, 2) * _SIZE[1]
    return np.vstack([turn, [*rng.uniform(-1e-5, 1e-5, 2), 1]])


def _near_plane(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return how near each pixel of the background is, 0 or 1: a part of it, cut off by a slanting line."""
    y, x = np.mgrid[: _SIZE[0], : _SIZE[1]]
    line = _SIZE[0] * rng.uniform(0.45, 0.75) + rng.uniform(-0.2, 0.2) * (x - _SIZE[1] / 2)
    return (y > line).astype(np.float32)


def _taken(
    scene: NDArray[np.float32],
    homography: NDArray[np.float64],
    lens: float,
    near: NDArray[np.float32],
    parallax: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return what a camera sees of the scene, sampled once: through a lens, moved, its near part shifted further."""
    height, width = _SIZE
    y, x = np.mgrid[:height, :width].astype(np.float64)
    right, down = (x - width / 2) / width, (y - height / 2) / width
    radial = 1 + lens * (right**2 + down**2) * 4
    x, y = width / 2 + width * right * radial, height / 2 + width * down * radial
    depth = homography[2, 0] * x + homography[2, 1] * y + homography[2, 2]
    there_x = (homography[0, 0] * x + homography[0, 1] * y + homography[0, 2]) / depth
    there_y = (homography[1, 0] * x + homography[1, 1] * y + homography[1, 2]) / depth
    nearness = cv2.remap(near, there_x.astype(np.float32), there_y.astype(np.float32), cv2.INTER_LINEAR)
    there_x += parallax[0] * nearness + _MARGIN
    there_y += parallax[1] * nearness + _MARGIN
    return cv2.remap(scene, there_x.astype(np.float32), there_y.astype(np.float32), cv2.INTER_CUBIC)


def _cover(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    scale = max(size[0] / picture.shape[0], size[1] / picture.shape[1])
    larger = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = (larger.shape[0] - size[0]) // 2, (larger.shape[1] - size[1]) // 2
    return larger[top : top + size[0], left : left + size[1]]


def _grained(light: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    noisy = np.clip(light + rng.normal(0, _GRAIN, light.shape), 0, 255).round().astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 93])[1], cv2.IMREAD_COLOR)


def main() -> None:
    """Print the table."""
    models = {
        "plain": omz.MattingModel(align="off", match_exposure="off", refine="off"),
        "default": omz.MattingModel(),
        "perfect plate": omz.MattingModel(align="off", match_exposure="off"),
    }
    print("| pair | plain | default | perfect plate | ms of the default |\n|---|---|---|---|---|")
    errors: dict[str, list[float]] = {name: [] for name in models}
    for index in range(_PAIRS):
        pair = make_pair(index)
        for name, model in models.items():
            plate = pair.perfect if name == "perfect plate" else pair.plate
            began = time.perf_counter()
            alpha = model(pair.image, plate).alpha
            if name == "default":
                took = 1e3 * (time.perf_counter() - began)
            errors[name].append(1e3 * float(np.abs(alpha - pair.alpha).mean()))
        row = " | ".join(f"{errors[name][-1]:.1f}" for name in models)
        print(f"| {index} | {row} | {took:.0f} |")
        sys.stdout.flush()
    means = " | ".join(f"{statistics.mean(errors[name]):.1f}" for name in models)
    print(f"| mean | {means} | |")


if __name__ == "__main__":
    main()
