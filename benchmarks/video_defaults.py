"""What the defaults of omz_demo cost in a video of 1920x1080: a table of benchmarks/README.md.

    python benchmarks/video_defaults.py [--layers FOLDER]

Drawn things move in front of a camera on a tripod, and of one in a hand, which sways and turns. With ``--layers``, a
folder of rendered layers as ``starter_quality.py`` takes it, a person does so before a tripod, too, in a third of the
frame. All have noise. Ways take turns, so that ratios hold when the machine's speed drifts; they are the medians of the
rounds. The start of the command is left out.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from commands import machine
from pipeline import RATE, STARTER, Job, walked
from starter_sets import layers, staged_sets
from threads import command

from omz.convert.store import stored_ir
from omz.images.files import write_picture
from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import Drift, make_scene
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter
from omz.zoo import Catalog

ROUNDS = 3
SIZE = (1080, 1920)
FRAMES = 40
NOISE = 2.0  # levels
PERSON, STEP = 3, 2  # the scene of a person, and the pixels that they move from frame to frame
SWAY, TURN = 12.0, 0.3  # pixels and degrees, at most, of a hand
WAYS = {
    "--plain": ("--plain",),
    "--refine off": ("--refine", "off"),
    "--align off --match_exposure off": ("--align", "off", "--match_exposure", "off"),
    "the defaults": (),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=Path)
    given = parser.parse_args()
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    ir = stored_ir(Catalog()[STARTER], Path())
    with tempfile.TemporaryDirectory() as folder:
        for camera, sway in (("tripod", 0.0), ("hand", 1.0)):
            measure(camera, record(Path(folder), ir, camera, sway))
        if given.layers is not None:
            measure("tripod, a person", record_person(Path(folder), ir, given.layers))


def record(folder: Path, ir: Path, camera: str, sway: float) -> Job:
    """Write the video of a camera, and its plate, the same scene from where the first frame was taken."""
    scene = make_scene(0, SIZE, "test", Drift())
    frames = (seen(walked(scene, 4 * index), index, sway) for index in range(FRAMES))
    return filmed(Job(folder / f"{camera}.mp4", folder / f"{camera}.png", ir, SIZE, FRAMES), frames, scene.plate)


def record_person(folder: Path, ir: Path, cache: Path) -> Job:
    """Write the video of a person who moves sideways, and its plate."""
    (stage,) = (each for each in staged_sets(layers(cache)) if each.name == "registered")
    scene = list(stage)[PERSON]
    image, plate, alpha = (
        cv2.resize(each, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
        for each in (scene.picture, scene.plate, scene.alpha)
    )

    def at(index: int) -> np.ndarray:
        way = np.float32([[1, 0, STEP * (index - FRAMES / 2)], [0, 1, 0]])
        share, person = (
            cv2.warpAffine(each, way, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE) for each in (alpha, image)
        )
        return share[..., None] * person + (1 - share[..., None]) * plate

    frames = (at(index) for index in range(FRAMES))
    return filmed(Job(folder / "person.mp4", folder / "person.png", ir, SIZE, FRAMES), frames, plate)


def filmed(job: Job, frames: Iterable[np.ndarray], plate: np.ndarray) -> Job:
    """Write frames and plate with their noise."""
    rng, form = np.random.default_rng(0), choose_format(job.clip, alpha=False)
    write_picture(job.plate, noisy(plate, rng))
    with VideoWriter(job.clip, form, SIZE, Fraction(1, RATE), Fraction(RATE)) as writer:
        for index, frame in enumerate(frames):
            writer.write(noisy(frame, rng), index)
    return job


def seen(picture: np.ndarray, index: int, sway: float) -> np.ndarray:
    """Return what the camera sees; periods of a hand are about a second."""
    phase = 2 * np.pi * index / RATE
    height, width = SIZE
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), sway * TURN * float(np.sin(0.7 * phase)), 1.0)
    turn[:, 2] += sway * SWAY * np.array([np.sin(phase), np.sin(1.3 * phase)])
    return cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def noisy(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(0, NOISE, picture.shape).astype(np.float32)
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def measure(camera: str, job: Job) -> None:
    """Print a row for each way."""
    rounds = [{way: command(job, *flags) for way, flags in WAYS.items()} for _ in range(ROUNDS)]
    heads = (f"1920x1080, {camera}", "frames a second", "of the first", "core ms a frame", "of it")
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    first = next(iter(WAYS))
    for way in WAYS:
        rate, cost = (statistics.median(getattr(each[way], what) for each in rounds) for what in ("rate", "cost"))
        faster = statistics.median(each[way].rate / each[first].rate for each in rounds)
        dearer = statistics.median(each[way].cost / each[first].cost for each in rounds)
        print(f"| {way} | {rate:.1f} | {faster:.2f} | {cost:.0f} | {dearer:.2f} |", flush=True)


if __name__ == "__main__":
    main()
