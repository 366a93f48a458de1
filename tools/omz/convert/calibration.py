"""Images on which the ranges of a network's values are measured, so that it can run in 8 bits.

The process that measures makes or reads them one at a time, so the objects here are small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from omz.errors import DataError
from omz.images.arrays import Picture, Size
from omz.images.sizes import size_text
from omz.matting.network import STRETCHED, MattingNetwork, View
from omz.matting.resolution import roles_of
from omz.matting.roles import NO_DESCRIPTION, Description, description_of
from omz.runtime.engine import Tensor
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.synthesis.scene import make_scene
from omz.zoo.card import ModelCard

Pair: TypeAlias = tuple[Picture, Picture | None]
"""An image and its plate or None: (H, W, 3) uint8 BGR, of one size."""

_COUNT, _SIZE = 32, (512, 512)
_SERIES = "calibration"

PLATES_BESIDE = "put plates of the same names into a folder bgr beside them"
"""What to do for images of a folder that lack plates."""


@dataclass(frozen=True)
class Calibration:
    """A set of images: ``title`` names it for people, ``digest`` changes with everything that its pixels depend on.

    ``pictures`` can be iterated more than once, and pickled. ``remedy`` is what to do where they lack plates.
    """

    pictures: Iterable[Pair]
    title: str
    digest: str
    remedy: str = PLATES_BESIDE


@dataclass(frozen=True)
class ScenePictures:
    """``count`` synthetic scenes of a series, from the number ``first`` on, of ``size`` (height, width)."""

    count: int
    size: Size
    series: str = _SERIES
    first: int = 0

    def __iter__(self) -> Iterator[Pair]:
        for index in range(self.first, self.first + self.count):
            scene = make_scene(index, self.size, self.series)
            yield scene.picture, scene.plate


def synthetic_calibration(count: int = _COUNT, size: Size = _SIZE, seed: int = 0) -> Calibration:
    """Return synthetic scenes that serve nothing else, others for each ``seed``.

    More or larger ones do not make the starter better on images of 1280x720.
    """
    title = f"{count} synthetic scenes of {size_text(*size)}"
    if seed:
        title += f", seed {seed}"
    pictures = ScenePictures(count, size, first=seed * count)
    return Calibration(pictures, title, hashlib.sha256(f"{title}, {_SERIES}".encode()).hexdigest())


@dataclass(frozen=True)
class FittedSamples:
    """The inputs of the IR at ``ir`` for ``pictures``, fitted as :class:`~omz.matting.network.MattingNetwork` does.

    Plates are ignored if the network takes none. Images whose longer side is above ``side`` are shrunk to it.
    ``said`` has the roles of inputs and outputs, if the IR does not say them. Raises :class:`DataError` for an image
    without the plate that the network takes.
    """

    ir: Path
    pictures: Iterable[Pair]
    stretch: bool = False
    side: int | None = None
    said: Description = NO_DESCRIPTION
    remedy: str = PLATES_BESIDE

    @classmethod
    def of(cls, card: ModelCard, ir: Path, calibration: Calibration) -> FittedSamples:
        """Return the inputs of an IR of ``card``."""
        stretch = card.model_info.resize_type == STRETCHED
        said = description_of(card)
        return cls(ir, calibration.pictures, stretch, card.working_size, said, calibration.remedy)

    def __iter__(self) -> Iterator[Mapping[str, Tensor]]:
        engine = OpenVINOEngine(self.ir)
        view = View(self.stretch, side=self.side, enlarge=False)
        network = MattingNetwork(engine, view, roles_of(engine, self.said))
        for picture, plate in self.pictures:
            if plate is None and network.takes_plate:
                raise DataError(f"{self.ir.stem} takes a plate, and images to calibrate on have none; {self.remedy}")
            yield network.fit(picture, plate if network.takes_plate else None).tensors
