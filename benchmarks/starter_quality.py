"""What the network of the starter model scores by itself: the tables of its README and of benchmarks/README.md.

    python benchmarks/starter_quality.py [FOLDER WITH lemur.png, lemur_alpha.png, lemur_foreground.png]

Held-out synthetic scenes (series "test", which training never draws) and, where the folder is given, a real subject
with measured alpha composited over photographs that scikit-image ships. Execution in f32.

Beside it stand the best fixed-threshold difference key, and mattes made of the true alpha, which tell what an error in
the band means: a hard mask, a half and a quarter of the resolution, and a projection: the true alpha outside the band,
and in it that of colours between the plate and the nearest colours of the subject.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from omz.accuracy.conventions import EDGE_WIDTH, ScoredFrame, find_convention
from omz.convert.store import stored_ir
from omz.images.arrays import Alpha, Picture
from omz.images.compositing import cover
from omz.images.files import read_picture
from omz.images.geometry import resize
from omz.matting.network import MattingNetwork
from omz.metrics.differences import mad
from omz.metrics.regions import edge_band, hair_band
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog
from omz_demo.example import best_difference_key

Frame = tuple[Picture, Picture, Alpha]
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
CAMERA = Drift(shift=(1.0, 0.0), gain=(1.03, 1.03, 1.03), noise=0.01)
STILL = Drift(noise=0.01)
HAND_HELD = Drift(shift=(1.8, -0.9), noise=0.01)
SHADOW = Drift(shadow=0.4, shadow_offset=(60.0, 30.0), noise=0.01)
FIGURES = ("MAD", "band", "edge", "inside", "background", "holes", "ghosts", "GRAD")
_OPAQUE, _ENOUGH = 0.95, 0.01  # alpha of the subject's own colours, and the share of them that tells a colour
_REACHES = (4, 8, 16, 32, 64, 128)  # pixels
_REDUCED = 4  # for colours change slowly


def synthetic_frames(count: int, size: tuple[int, int], drift: Drift | None = None) -> list[Frame]:
    """Return held-out scenes as (picture, plate, true alpha), with drifts of their own unless there is one for all."""
    scenes = (make_scene(index, size, "test", drift) for index in range(count))
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


def hard_mask(frame: Frame) -> Alpha:
    """Return a stencil: the true alpha, rounded."""
    return (frame[2] > 0.5).astype(np.float32)


def reduced(factor: int, frame: Frame) -> Alpha:
    """Return the true alpha at a part of the resolution, brought back."""
    height, width = frame[2].shape
    small = resize(frame[2], (max(1, height // factor), max(1, width // factor)))
    return np.clip(resize(small, (height, width)), 0, 1)


def projected(frame: Frame) -> Alpha:
    """Return the true alpha, but in the band that of colours between the plate and the nearest of the subject."""
    picture, plate = (each.astype(np.float32) / 255 for each in frame[:2])
    truth = frame[2]
    height, width = truth.shape
    opaque = (truth > _OPAQUE).astype(np.float32)
    size = height // _REDUCED, width // _REDUCED
    weights, weighted = resize(opaque, size), resize(picture * opaque[..., None], size)
    colours = np.zeros_like(weighted)
    for reach in reversed(_REACHES):  # nearer ones, where there are enough, take the place of those farther off
        there, spread = (cv2.GaussianBlur(each, (0, 0), reach / _REDUCED) for each in (weights, weighted))
        enough = there > _ENOUGH
        colours[enough] = spread[enough] / there[enough][:, None]
    span = resize(colours, (height, width)) - plate
    share = ((picture - plate) * span).sum(axis=2) / np.maximum(np.square(span).sum(axis=2), 1e-6)
    return np.where(hair_band(truth), np.clip(share, 0, 1), truth)


def figures(predicted: Alpha, truth: Alpha) -> dict[str, float]:
    """Return the figures of an alpha; ``edge`` is the error at most 10 pixels from the edge."""
    found = find_convention("parts").score(ScoredFrame(predicted, truth))
    near = edge_band(truth, EDGE_WIDTH)
    if near.any():
        found["edge"] = 1e3 * mad(predicted, truth, near)
    return found


def rows(matter: MattingNetwork, frames: Sequence[Frame]) -> Iterator[str]:
    """Yield the cells of the starter and of each oracle: means over the frames that have a figure."""
    makers: dict[str, Callable[[Frame], Alpha]] = {
        "starter": lambda frame: matter(frame[0], frame[1]).alpha,
        "hard mask": hard_mask,
        "quarter resolution": partial(reduced, 4),
        "half resolution": partial(reduced, 2),
        "projection": projected,
    }
    for name, make in makers.items():
        found = [figures(make(frame), frame[2]) for frame in frames]
        means = [np.mean([each[figure] for each in found if figure in each]) for figure in FIGURES]
        yield " | ".join([name, *(f"{mean:.2f}" for mean in means)])


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
    for name, drift in (("still", STILL), ("hand-held", HAND_HELD), ("shadow", SHADOW)):
        sets[f"20 held-out scenes, 1280x720, {name}"] = synthetic_frames(20, (720, 1280), drift)
    print(f"\n| frames | alpha | {' | '.join(FIGURES)} |\n{'|---' * (2 + len(FIGURES))}|")
    for name, frames in sets.items():
        for row in rows(matter, frames):
            print(f"| {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
