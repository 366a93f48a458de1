"""The quality of the starter model: the tables of its README and of benchmarks/README.md.

    python benchmarks/starter_quality.py [--layers FOLDER] [--lemur FOLDER] [--astronaut] [--sets people,shadow]
                                         [--models FP16,FP16+off,FP16+default]

``--layers`` has the rendered layers of the frozen sets (``starter_sets.py``), which are made there on first use.
``--lemur`` is a folder with ``lemur_alpha.png`` and ``lemur_foreground.png``, a real subject with measured alpha.
``--astronaut`` adds a person to watch, whose alpha is estimated. ``--models`` are variants as ``omz_accuracy`` names
them: FP16 is the network by itself, FP16+default with the steps of ``omz_demo`` by default, FP16+off with those but
``--refine``. Without ``--sets`` a table of drawn scenes comes first, beside the best fixed-threshold difference key.
Execution in f32.

Beside the variants stand mattes made of the true alpha, which tell what an error in the band means: a hard mask, a half
and a quarter of the resolution, and a projection: the true alpha outside the band, and in it that of colours between
the plate and the nearest colours of the subject. Figures are those of the convention ``parts``; ``edge`` is the error
at most 10 pixels from the edge, and ``in shadow`` mean alpha where a cast shadow lies on the background, in percent.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from starter_sets import Frame as KnownFrame
from starter_sets import FrameSet, astronaut_set, layers, lemur_sets, staged_sets

from omz.accuracy.conventions import EDGE_WIDTH, ScoredFrame, find_convention
from omz.accuracy.prediction import Predictor
from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.accuracy.setup import set_up
from omz.convert.store import stored_ir
from omz.images.arrays import Alpha, Picture
from omz.images.compositing import cover
from omz.images.files import read_picture
from omz.images.geometry import resize
from omz.matting.network import MattingNetwork
from omz.metrics.differences import mad, unit
from omz.metrics.regions import edge_band, hair_band
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog
from omz_demo.example import best_difference_key

Frame = tuple[Picture, Picture, Alpha]
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
CAMERA = Drift(shift=(1.0, 0.0), gain=(1.03, 1.03, 1.03), noise=0.01)
MODEL = "background-matting-starter"
FIGURES = ("MAD", "MSE", "GRAD", "band", "edge", "inside", "background", "holes", "ghosts", "fringe", "in shadow")
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


def figures(predicted: ScoredFrame, frame: KnownFrame) -> dict[str, float]:
    """Return the figures of a prediction for a frame."""
    found = find_convention("parts").score(predicted)
    near = edge_band(frame.alpha, EDGE_WIDTH)
    if near.any():
        found["edge"] = 1e3 * mad(predicted.alpha, frame.alpha, near)
    if frame.shadow is not None and frame.shadow.any():
        found["in shadow"] = 1e2 * float(unit(predicted.alpha[frame.shadow]).mean())
    return found


def predicted(predictor: Predictor, frame: KnownFrame) -> ScoredFrame:
    """Return what a variant of the model finds."""
    result = predictor.predict(frame.sample, True)
    return ScoredFrame(result.alpha, frame.alpha, result.foreground, frame.foreground)


def rows(frames: FrameSet, variants: dict[str, Predictor]) -> Iterator[str]:
    """Yield the cells of each variant and each oracle: means over the frames that have a figure."""
    oracles: dict[str, Callable[[Frame], Alpha]] = {
        "hard mask": hard_mask,
        "quarter resolution": partial(reduced, 4),
        "half resolution": partial(reduced, 2),
        "projection": projected,
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in (*variants, *oracles)}
    for frame in frames:
        for name, predictor in variants.items():
            found[name].append(figures(predicted(predictor, frame), frame))
        for name, make in oracles.items():
            oracle = make((frame.picture, frame.plate, frame.alpha))
            found[name].append(figures(ScoredFrame(oracle, frame.alpha), frame))
    for name, each in found.items():
        cells = [_mean([one[figure] for one in each if figure in one]) for figure in FIGURES]
        yield " | ".join([name, *cells])


def _mean(numbers: Sequence[float]) -> str:
    return f"{np.mean(numbers):.2f}" if numbers else ""


def show_drawn_scenes(lemur: Path | None) -> None:
    """Print the network beside the best difference key."""
    matter = MattingNetwork(OpenVINOEngine(stored_ir(Catalog()[MODEL], Path())))
    sets = {
        "40 held-out scenes, 1280x720": synthetic_frames(40, (720, 1280)),
        "40 held-out scenes, 640x360": synthetic_frames(40, (360, 640)),
    }
    if lemur:
        sets["lemur over 4 photographs, 680x440"] = lemur_frames(lemur)
    print("| frames | starter, alpha MAD x1e3 | best difference key (threshold) | ratio |")
    print("|---|---|---|---|")
    for name, frames in sets.items():
        ours, key, threshold = compare(matter, frames)
        print(f"| {name} | {ours:.2f} | {key:.2f} ({threshold}) | {ours / key:.2f} |")
    print()


def show_sets(sets: Sequence[FrameSet], models: str) -> None:
    """Print the figures of each set, and its digest."""
    [setup] = set_up(EvaluationRequest(name=MODEL, models=models, convention="parts"), EvaluationObserver())
    variants = {label: variant.predictor for label, variant in setup.variants.items()}
    print(f"| set | frames | digest | alpha | {' | '.join(FIGURES)} |\n{'|---' * (4 + len(FIGURES))}|")
    for frames in sets:
        digest = frames.digest()
        for row in rows(frames, variants):
            print(f"| {frames.name} | {frames.count} | {digest} | {row} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=Path)
    parser.add_argument("--lemur", type=Path)
    parser.add_argument("--astronaut", action="store_true")
    parser.add_argument("--sets", default="")
    parser.add_argument("--models", default="FP16,FP16+off,FP16+default")
    given = parser.parse_args()
    sets: list[FrameSet] = []
    if given.layers:
        sets += staged_sets(layers(given.layers))
    if given.lemur:
        sets += lemur_sets(given.lemur)
    if given.astronaut:
        sets.append(astronaut_set())
    if given.sets:
        chosen = given.sets.split(",")
        sets = [each for each in sets if each.name in chosen]
    else:
        show_drawn_scenes(given.lemur)
    show_sets(sets, given.models)


if __name__ == "__main__":
    main()
