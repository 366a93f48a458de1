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
from real_pictures import PHOTOGRAPHS, Pairs, stock

import omz
from omz.accuracy.datasets.sample import Entry, Sample
from omz.images.arrays import Alpha, Colours, Picture, Size
from omz.images.compositing import cover
from omz.images.geometry import resize
from omz.metrics.regions import background
from omz.synthesis import textures
from omz.synthesis.camera import Drift
from omz.synthesis.layer_cache import CachePlan, LayerCache, fill
from omz.synthesis.staged_scene import Stage, StagedScene, StagedScenes
from omz.synthesis.staging import Shadow

PLAN = CachePlan(people=32, objects=20, plates=32, series="test")
SIZE: Size = (720, 1280)
LEMUR_WIDTHS = (480, 960, 1280, 1920, 3840)

STILL = Drift(noise=0.01)
HAND_HELD = Drift(shift=(1.8, -0.9), noise=0.01)  # 2 pixels
WALKED = Drift(shift=(1.0, 0.0), gain=(1.03, 1.03, 1.03), noise=0.01)
CAST = Shadow(strength=0.4, offset=(0.09, 0.05), blur=0.02)
_GROUNDS: tuple[tuple[str, float | str], ...] = (
    ("beige wall", 1.0),
    ("brown wall", 0.6),
    ("coffee", "coffee"),
    ("rocket", "rocket"),
)
_FACE, _FLAG = np.s_[100:180, 195:260], np.s_[:, :20]  # rows and columns of the astronaut
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


def astronaut_set() -> FrameSet:
    """Return scikit-image's astronaut before walls like her skin, and photographs.

    Her alpha is estimated, by closed-form matting from a trimap around what ``u2netp`` finds: it is good for seeing
    holes in the face, and not for the last thousandth. Needs the extra ``refine``; ``u2netp`` is downloaded.
    """
    picture = stock("astronaut")
    found = omz.MattingModel("u2netp")(picture).alpha > 0.5
    found[_FLAG] = False
    alpha, foreground = _matted(picture, found.astype(np.uint8))
    skin = np.median(picture[_FACE].reshape(-1, 3), axis=0) / 255
    return FrameSet("astronaut", len(_GROUNDS), partial(_before, alpha, foreground, skin))


def _matted(picture: Picture, found: NDArray[np.uint8]) -> tuple[Alpha, Colours]:
    """Return alpha and colours of a subject, 720 high, in the middle of 1280x720; both are estimates."""
    from pymatting import estimate_alpha_cf, estimate_foreground_ml

    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
    inside, outside = cv2.erode(found, disc), 1 - cv2.dilate(found, disc)
    trimap = np.where(inside > 0, 1.0, np.where(outside > 0, 0.0, 0.5))
    image = picture.astype(np.float64) / 255
    alpha = estimate_alpha_cf(image, trimap)
    colours = estimate_foreground_ml(image, alpha)
    side = SIZE[0]
    left = (SIZE[1] - side) // 2
    whole, foreground = np.zeros(SIZE, np.float32), np.zeros((*SIZE, 3), np.float32)
    whole[:, left : left + side] = np.clip(resize(alpha.astype(np.float32), (side, side)), 0, 1)
    foreground[:, left : left + side] = np.clip(resize(colours.astype(np.float32), (side, side)), 0, 1)
    return whole, foreground


def _before(alpha: Alpha, foreground: Colours, skin: NDArray[np.float64], number: int) -> Frame:
    name, ground = _GROUNDS[number]
    rng = np.random.default_rng(number)
    if isinstance(ground, float):
        colour = np.float32(ground * skin)
        scene = np.clip(textures.cloudy(rng, SIZE, np.stack([0.93 * colour, 1.07 * colour])), 0, 1)
    else:
        scene = cover(stock(ground), SIZE).astype(np.float32) / 255
    shot = CAST.factor(alpha)[..., None] * scene
    shot = shot + alpha[..., None] * (foreground - shot)
    picture, plate = WALKED.develop(shot, rng), WALKED.develop(WALKED.plate(scene), rng)
    return Frame(name, picture, plate, alpha, cv2.convertScaleAbs(foreground, alpha=255))
