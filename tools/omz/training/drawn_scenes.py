"""The scenes of :mod:`omz.synthesis`, as training takes them."""

from __future__ import annotations

from dataclasses import dataclass

from omz.images.arrays import Picture, Pixels, Size
from omz.images.compositing import to_uint8
from omz.synthesis.scene import make_scene


@dataclass(frozen=True)
class DrawnScene:
    """A drawn scene; see :class:`omz.training.batches.Scene`."""

    image: Picture
    plate: Picture
    alpha: Pixels
    foreground: Picture
    background: Picture


@dataclass(frozen=True)
class DrawnScenes:
    """Makes drawn scenes; see :class:`omz.training.batches.SceneMaker`."""

    identity: str = "drawn"

    def __call__(self, seed: int, index: int, size: Size) -> DrawnScene:
        """Return scene number ``index`` of the series of ``seed``, of ``size`` (height, width)."""
        scene = make_scene(index, size, f"train-{seed}")
        return DrawnScene(scene.picture, scene.plate, to_uint8(scene.alpha), scene.foreground, scene.background)


drawn_scene = DrawnScenes()
