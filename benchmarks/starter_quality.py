"""What the starter model scores, beside the best fixed-threshold difference key: the table of its README.

    python benchmarks/starter_quality.py [FOLDER WITH lemur.png, lemur_alpha.png, lemur_foreground.png]

Held-out synthetic scenes (series "test", which training never draws) and, where the folder is given, a real subject
with measured alpha composited over photographs that scikit-image ships. Execution in f32.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from omz.convert.store import stored_ir
from omz.images.arrays import Alpha, Picture
from omz.images.compositing import cover
from omz.images.files import read_picture
from omz.matting.network import MattingNetwork
from omz.metrics.differences import mad
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog
from omz_demo.example import best_difference_key

Frame = tuple[Picture, Picture, Alpha]
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
CAMERA = Drift(shift=(1.0, 0.0), gain=(1.03, 1.03, 1.03), noise=0.01)


def synthetic_frames(count: int, size: tuple[int, int]) -> list[Frame]:
    """Return held-out scenes as (picture, plate, true alpha)."""
    scenes = (make_scene(index, size, "test") for index in range(count))
    return [(scene.picture, scene.plate, scene.alpha) for scene in scenes]


def lemur_frames(folder: Path) -> list[Frame]:
    """Return a real subject before photographs: noise of 1 %, a plate moved by one pixel and 3 % brighter."""
    from skimage import data

    foreground = read_picture(folder / "lemur_foreground.png").astype(np.float32) / 255
    alpha = cv2.cvtColor(read_picture(folder / "lemur_alpha.png"), cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    frames = []
    for index, name in enumerate(PHOTOGRAPHS):
        photograph = cv2.cvtColor(getattr(data, name)(), cv2.COLOR_RGB2BGR)
        background = cover(photograph, (alpha.shape[0], alpha.shape[1])).astype(np.float32) / 255
        rng = np.random.default_rng(index)
        shot = background + alpha[..., None] * (foreground - background)
        frames.append((CAMERA.develop(shot, rng), CAMERA.develop(CAMERA.plate(background), rng), alpha))
    return frames


def compare(matter: MattingNetwork, frames: Sequence[Frame]) -> tuple[float, float, int]:
    """Return the model's mean alpha MAD, the best difference key's, and that key's threshold."""
    ours = [1e3 * mad(matter(picture, plate).alpha, alpha) for picture, plate, alpha in frames]
    threshold, key = best_difference_key(frames)
    return float(np.mean(ours)), key, threshold


def main() -> None:
    matter = MattingNetwork(OpenVINOEngine(stored_ir(Catalog()["background-matting-starter"], Path())))
    sets = {
        "40 held-out scenes, 1280x720": synthetic_frames(40, (720, 1280)),
        "40 held-out scenes, 640x360": synthetic_frames(40, (360, 640)),
    }
    if len(sys.argv) > 1:
        sets["lemur over 4 photographs, 680x440"] = lemur_frames(Path(sys.argv[1]))
    print("| frames | starter, alpha MAD x1e3 | best difference key (threshold) | ratio |")
    print("|---|---|---|---|")
    for name, frames in sets.items():
        ours, key, threshold = compare(matter, frames)
        print(f"| {name} | {ours:.2f} | {key:.2f} ({threshold}) | {ours / key:.2f} |")


if __name__ == "__main__":
    main()
