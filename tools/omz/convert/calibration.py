"""Pictures on which the ranges of a network's values are measured, so that it can run in 8 bits.

They are made or read one at a time, in the process that measures, so what stands for them here is small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from omz.images.arrays import Picture, Size
from omz.runtime.engine import Tensor
from omz.runtime.matter import Matter
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.synthesis.scene import make_scene

Pair: TypeAlias = tuple[Picture, Picture | None]
"""A picture and its plate, None where there is none: (H, W, 3) uint8 BGR, of one size."""

_COUNT, _SIZE = 32, (512, 512)
_SERIES = "calibration"


@dataclass(frozen=True)
class Calibration:
    """A set of pictures: ``title`` is what people call it, ``digest`` changes with whatever its pixels depend on.

    ``pictures`` can be gone through more than once, and pickled.
    """

    pictures: Iterable[Pair]
    title: str
    digest: str


@dataclass(frozen=True)
class ScenePictures:
    """The first ``count`` synthetic scenes of a series, of ``size`` (height, width)."""

    count: int
    size: Size
    series: str = _SERIES

    def __iter__(self) -> Iterator[Pair]:
        for index in range(self.count):
            scene = make_scene(index, self.size, self.series)
            yield scene.picture, scene.plate


def synthetic_calibration(count: int = _COUNT, size: Size = _SIZE) -> Calibration:
    """Return synthetic scenes that nothing else is measured on.

    The starter needs no more of them, and no larger ones, for pictures of 1280x720.
    """
    title = f"{count} synthetic scenes of {size[1]}x{size[0]}"
    return Calibration(ScenePictures(count, size), title, hashlib.sha256(f"{title}, {_SERIES}".encode()).hexdigest())


@dataclass(frozen=True)
class FittedSamples:
    """The inputs of the IR at ``ir`` for ``pictures``, fitted as :class:`~omz.runtime.matter.Matter` does.

    Plates are left out where the network takes none.
    """

    ir: Path
    pictures: Iterable[Pair]
    stretch: bool = False

    def __iter__(self) -> Iterator[Mapping[str, Tensor]]:
        matter = Matter(OpenVINOEngine(self.ir), self.stretch)
        for picture, plate in self.pictures:
            yield matter.show(picture, plate if matter.takes_plate else None).tensors
