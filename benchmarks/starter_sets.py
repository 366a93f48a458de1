"""The frozen sets of frames on which the starter model is scored: each of a seed, and the same on every run.

People, objects and plates are of the series ``test``, so that none of them is in a scene for training. Their layers are
rendered on first use, in minutes, with the extra ``training``. What OpenGL and OpenCV draw may differ in single levels
between machines; a digest beside each table tells whether two runs saw the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from real_pictures import PHOTOGRAPHS, Pairs

from omz.accuracy.datasets.sample import Entry, Sample
from omz.images.arrays import Alpha, Picture, Size
from omz.metrics.regions import background
from omz.synthesis.camera import Drift
from omz.synthesis.layer_cache import CachePlan, LayerCache, fill
from omz.synthesis.staged_scene import Stage, StagedScene, StagedScenes
from omz.synthesis.staging import Shadow

PLAN = CachePlan(people=32, objects=20, plates=32, series="test")
SIZE: Size = (720, 1280)
LEMUR_WIDTHS = (480, 960, 1280, 1920, 3840)

STILL = Drift(noise=0.01)
HAND_HELD = Drift(shift=(1.8, -0.9), noise=0.01)  # 2 pixels
CAST = Shadow(strength=0.4, offset=(0.09, 0.05), blur=0.02)
_SEED = 20_001
_SHADED = 0.9  # of the light that is left where a pixel lies in the shadow
_PLAIN = Stage(several=0.1, empty=0.0, camouflage=0.0, shadow=0.3, motion=0.0, distraction=0.0)


@dataclass(frozen=True)
class Frame:
    """A frame with a known matte; ``shadow`` (H, W) is where its shadow falls on the background, None without one."""

    name: str
    picture: Picture
    plate: Picture
    alpha: Alpha
    foreground: Picture | None = None
    shadow: NDArray[np.bool_] | None = None

    @property
    def sample(self) -> Sample:
        """The frame as a dataset has it."""
        return Sample(
            Entry(self.name, "", 0, {}), self.picture, self.plate, self.alpha.astype(np.float64), self.foreground
        )


@dataclass(frozen=True)
class FrameSet:
    """Frames made on demand: ``count`` of them, by ``make`` from their number."""

    name: str
    count: int
    make: Callable[[int], Frame]

    def __iter__(self) -> Iterator[Frame]:
        """Make the frames one after the other."""
        for number in range(self.count):
            yield self.make(number)

    def digest(self) -> str:
        """Return the beginning of a hash of all pixels."""
        found = hashlib.sha256()
        for frame in self:
            for image in (frame.picture, frame.plate, np.rint(frame.alpha * 255).astype(np.uint8)):
                found.update(np.ascontiguousarray(image).tobytes())
        return found.hexdigest()[:12]


def layers(folder: Path) -> LayerCache:
    """Return the layers of the sets, which are made where the folder lacks them."""
    for _ in fill(folder, PLAN, workers=2):
        pass
    return LayerCache(folder, (PLAN.people, PLAN.objects, PLAN.plates))


def staged_sets(cache: LayerCache) -> Sequence[FrameSet]:
    """Return the sets of composed scenes, 1280x720."""
    people = replace(_PLAIN, people=1.0)
    alone = replace(people, shadow=0.0, several=0.0, only_drift=STILL)
    stages = {
        "people": (24, people),
        "objects": (24, replace(_PLAIN, people=0.0)),
        "camouflage": (16, replace(alone, camouflage=1.0)),
        "shadow": (16, replace(alone, only_shadow=CAST)),
        "registered": (16, alone),
        "hand-held": (16, replace(alone, only_drift=HAND_HELD)),
    }
    return [
        FrameSet(name, count, partial(_staged, StagedScenes(cache, stage))) for name, (count, stage) in stages.items()
    ]


def _staged(scenes: StagedScenes, number: int) -> Frame:
    scene = scenes(_SEED, number, SIZE)
    alpha = (scene.alpha / np.float32(255)).astype(np.float32)
    shadow = _shadow(scene, alpha) if scenes.stage.only_shadow else None
    return Frame(str(number), scene.image, scene.plate, alpha, scene.foreground, shadow)


def _shadow(scene: StagedScene, alpha: Alpha) -> NDArray[np.bool_]:
    """Return where a shadow takes a tenth of the light; noise is averaged away."""
    behind, plate = (
        cv2.GaussianBlur(each, (0, 0), 4).sum(axis=2, dtype=np.float32) for each in (scene.background, scene.plate)
    )
    return (behind < _SHADED * plate) & (plate > 60) & background(alpha)


def lemur_sets(folder: Path, widths: Sequence[int] = LEMUR_WIDTHS) -> Sequence[FrameSet]:
    """Return a real subject before photographs of scikit-image, at several widths; see ``real_pictures.py``."""
    sets = []
    for kind in ("clean", "real"):
        for width in widths:
            names = [f"{kind}/{photograph}/{width}" for photograph in PHOTOGRAPHS]
            sets.append(FrameSet(f"lemur {kind} {width}", len(names), partial(_pair, Pairs(folder, names))))
    return sets


def _pair(pairs: Pairs, number: int) -> Frame:
    sample = pairs.read(pairs.entries[number])
    assert sample.plate is not None
    assert sample.alpha is not None
    return Frame(sample.entry.name, sample.picture, sample.plate, sample.alpha.astype(np.float32), sample.foreground)
