"""Scenes composed of cached layers: people and objects before plates, seen by a camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Colours, Picture, Size
from omz.synthesis import textures
from omz.synthesis.camera import Drift
from omz.synthesis.layer_cache import Kind, LayerCache
from omz.synthesis.staging import Shadow, Subject, camouflaged, moved, placed, towards_skin

_GRAIN: Size = (1280, 1856)  # of which a part is taken


@dataclass(frozen=True)
class StagedScene:
    """An image with a known matte; all are uint8, (H, W, 3) BGR, but ``alpha``, (H, W).

    Before the camera's noise and compression ``image = alpha * foreground + (1 - alpha) * background``, where
    ``background`` is what is behind the subject in the shot, its shadow included.
    """

    image: Picture
    plate: Picture
    alpha: NDArray[np.uint8]
    foreground: Picture
    background: Picture


@dataclass(frozen=True)
class Stage:
    """What scenes are like: probabilities, unless said otherwise.

    ``people`` is the share of people among subjects, ``several`` that of scenes with more than one, ``camouflage``
    that of subjects which resemble the plate, ``shadow`` of shadows, ``drift`` of changes of the camera between plate
    and image (all others are noise and compression alone). ``only_drift`` and ``only_shadow``, where given, take the
    place of random ones.
    """

    people: float = 0.75
    several: float = 0.2
    empty: float = 0.03
    camouflage: float = 0.3
    shadow: float = 0.5
    drift: float = 0.75
    motion: float = 0.08
    distraction: float = 0.05
    only_drift: Drift | None = None
    only_shadow: Shadow | None = None


@dataclass(frozen=True)
class StagedScenes:
    """The scenes of a cache: call it with (seed, index, size) for one, of ``size`` (height, width).

    The same arguments give the same pixels while the cache has the same layers; processes may share it.
    """

    cache: LayerCache
    stage: Stage = field(default_factory=Stage)

    @property
    def identity(self) -> str:
        """A text that no maker of other scenes has; raises :class:`~omz.errors.ModelFileError` as the cache's does."""
        return f"staged {self.cache.identity} {self.stage}"

    def __call__(self, seed: int, index: int, size: Size) -> StagedScene:
        """Make scene number ``index`` of a seed."""
        rng = np.random.default_rng([seed, index])
        stage = self.stage
        background = self._background(rng, size)
        subject = self._subjects(rng, size)
        if rng.random() < stage.camouflage:
            background, subject = _alike(rng, background, subject)
        if rng.random() < 0.5:
            subject = _lit_alike(rng, subject, background)
        if rng.random() < stage.motion:
            subject = moved(subject, float(rng.uniform(0.005, 0.04)) * size[0], float(rng.uniform(0, np.pi)))
        if rng.random() < stage.empty:
            subject = Subject(np.zeros_like(subject.alpha), subject.colour)
        shadow = stage.only_shadow
        if shadow is None and rng.random() < stage.shadow:
            shadow = Shadow.random(rng)
        behind = background
        if shadow is not None:
            behind = background * shadow.factor(subject.alpha)[..., None]
        if rng.random() < stage.distraction:
            background = self._distracted(rng, background)
        return _photographed(rng, stage, subject, behind, background)

    def _background(self, rng: np.random.Generator, size: Size) -> Colours:
        """Return a part of a plate, mirrored or not, with colours of its own."""
        whole = self.cache.plate(int(rng.integers(self.cache.counts[2])))
        height, width = whole.shape[:2]
        zoom = min(height / size[0], width / size[1]) * float(rng.uniform(0.55, 1))
        tall, wide = int(size[0] * zoom), int(size[1] * zoom)
        top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
        how = cv2.INTER_AREA if zoom > 1.5 else cv2.INTER_LINEAR  # which takes a tenth of the time
        part = cv2.resize(whole[top : top + tall, left : left + wide], size[::-1], interpolation=how)
        if rng.random() < 0.5:
            part = cv2.flip(part, 1)
        gain = rng.uniform(0.7, 1.25) * rng.normal(1, 0.06, 3)
        table = np.clip(np.arange(256)[:, None] * gain / 255, 0, 1).astype(np.float32)
        image = cv2.LUT(part, table[None])
        if rng.random() < 0.4:
            image = cv2.GaussianBlur(image, (0, 0), size[0] * float(rng.uniform(0.001, 0.01)))
        return image

    def _subjects(self, rng: np.random.Generator, size: Size) -> Subject:
        count = 1
        if rng.random() < self.stage.several:
            count = int(rng.integers(2, 4))
        subject: Subject | None = None
        for _ in range(count):
            is_person = rng.random() < self.stage.people
            kind: Kind = "people" if is_person else "objects"
            layer = self.cache.layer(kind, int(rng.integers(1 << 30)))
            high = float(rng.uniform(0.55, 1.15)) if layer.cut else float(rng.uniform(0.3, 0.95))
            new = placed(layer, rng, size, high)
            subject = new if subject is None else new.over(subject)
        assert subject is not None
        return subject

    def _distracted(self, rng: np.random.Generator, background: Colours) -> Colours:
        """Return a plate in which an object lies that is gone in the image."""
        layer = self.cache.layer("objects", int(rng.integers(1 << 30)))
        size = background.shape[0], background.shape[1]
        thing = placed(layer, rng, size, float(rng.uniform(0.08, 0.2)))
        return background + thing.alpha[..., None] * (thing.colour - background)


def _alike(rng: np.random.Generator, background: Colours, subject: Subject) -> tuple[Colours, Subject]:
    """Make the plate like the subject, or parts of the subject like the plate."""
    if rng.random() < 0.5:
        return towards_skin(background, subject, rng), subject
    size = subject.alpha.shape[0], subject.alpha.shape[1]
    noise = textures.fractal_noise(rng, (size[0] // 8, size[1] // 8), int(rng.integers(2, 6)), 0.4)
    soft = np.clip((cv2.resize(noise, size[::-1]) - rng.uniform(0.3, 0.6)) * rng.uniform(4, 20), 0, 1)
    return background, camouflaged(subject, background, float(rng.uniform(0.6, 1)), soft)


def _lit_alike(rng: np.random.Generator, subject: Subject, background: Colours) -> Subject:
    """Move a subject's light towards the background's."""
    inside = (subject.alpha > 0.5).view(np.uint8)
    own, around = np.array(cv2.mean(subject.colour, inside)[:3]), np.array(cv2.mean(background)[:3])
    gain = np.clip((around + 0.05) / (own + 0.05), 0.5, 1.8) ** rng.uniform(0.2, 0.8)
    return Subject(subject.alpha, np.clip(subject.colour * gain.astype(np.float32), 0, 1))


def _photographed(
    rng: np.random.Generator, stage: Stage, subject: Subject, behind: Colours, background: Colours
) -> StagedScene:
    """Compose the image, and let the camera see image and plate alike."""
    drift = stage.only_drift
    if drift is None:
        drift = Drift.random(rng, max(subject.alpha.shape)) if rng.random() < stage.drift else Drift()
    noise = float(rng.uniform(0.002, 0.025)) if stage.only_drift is None else drift.noise
    quality = int(rng.integers(55, 97)) if stage.only_drift is None and rng.random() < 0.4 else drift.jpeg_quality
    blur = float(rng.uniform(0.3, 0.9)) if rng.random() < 0.4 else 0.0
    moved_plate = drift.plate(background)
    parts = (subject.alpha, subject.colour, behind, moved_plate)
    if blur:  # the lens softens alpha as it does colours
        parts = tuple(cv2.GaussianBlur(each, (0, 0), blur) for each in parts)
    alpha, colour, behind, moved_plate = parts
    shot = behind + alpha[..., None] * (colour - behind)
    quiet = rng.random() < 0.3  # the plate is a mean of several frames
    image = _seen(rng, shot, noise, quality)
    plate = _seen(rng, moved_plate, noise * (0.4 if quiet else 1), quality)
    levels, foreground, real = (cv2.convertScaleAbs(each, alpha=255) for each in (alpha, colour, behind))
    return StagedScene(image, plate, levels, foreground, real)


def _seen(rng: np.random.Generator, light: Colours, noise: float, quality: int) -> Picture:
    """Return a photograph: noisy, and compressed."""
    height, width = light.shape[:2]
    grain = _grain()
    if height > _GRAIN[0] or width > _GRAIN[1]:
        grain = np.tile(grain, (1 + height // _GRAIN[0], 1 + width // _GRAIN[1], 1))
    top, left = int(rng.integers(grain.shape[0] - height + 1)), int(rng.integers(grain.shape[1] - width + 1))
    light = cv2.scaleAdd(grain[top : top + height, left : left + width], noise, light)
    picture = cv2.convertScaleAbs(cv2.threshold(light, 0, 0, cv2.THRESH_TOZERO)[1], alpha=255)
    if quality:
        _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
    return picture


@cache
def _grain() -> NDArray[np.float32]:
    """Return normal noise, of which each photograph takes a part, for drawing it anew takes longer than all else."""
    return np.random.default_rng(0).standard_normal((*_GRAIN, 3), np.float32)
