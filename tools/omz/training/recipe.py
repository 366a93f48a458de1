"""Recipes of trainings: the same recipe gives the same weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from omz.checksum import file_digest
from omz.images.arrays import Size


@dataclass(frozen=True)
class Stage:
    """One stage of a training: ``steps`` on batches of ``batch`` scenes.

    Steps take turns with the ``sizes`` (height, width). ``rate`` is the peak of the learning rate, which falls along a
    cosine to a fiftieth. With ``settled``, batch normalisation keeps statistics that are computed on scenes of these
    sizes at the start of the stage: for large images, of which few fit into a batch. ``mixed_precision`` computes
    convolutions in bfloat16, on devices that have it.
    """

    name: str
    sizes: tuple[Size, ...]
    batch: int
    steps: int
    rate: float
    settled: bool = False
    mixed_precision: bool = True

    def size_at(self, step: int) -> Size:
        """Return the size of the scenes of ``step`` (from 0, in this stage)."""
        return self.sizes[step % len(self.sizes)]


@dataclass(frozen=True)
class StopRule:
    """Stop at the first validation from ``step`` on if its ``figure`` is above ``most``."""

    step: int
    figure: str
    most: float


@dataclass(frozen=True)
class Weights:
    """Weights of the terms of the loss, beside that of the mean error of alpha, which is 1.

    ``band`` is added to the weight of a pixel in the band, so that those inside and in the background keep theirs.
    """

    band: float = 4.0
    laplacian: float = 1.0
    composition: float = 1.0


@dataclass(frozen=True)
class Validation:
    """Held-out scenes: ``count`` of ``size`` (height, width), looked at ``every`` so many steps and at the end."""

    every: int = 500
    count: int = 16
    size: Size = (360, 640)


@dataclass(frozen=True)
class Recipe:
    """Network, stages and loss; ``seed`` starts the weights and names the series of scenes.

    ``network`` has arguments of :class:`omz.networks.plate_matting.PlateMatting`. The result is the moving average of
    the weights, of which a step keeps the share ``average``. ``start`` is a file of weights to begin with, those of an
    earlier training; None begins anew.
    """

    stages: tuple[Stage, ...]
    network: dict[str, Any]
    weights: Weights = Weights()
    average: float = 0.999
    validation: Validation = Validation()
    stop_rules: tuple[StopRule, ...] = ()
    seed: int = 0
    start: Path | None = None

    @property
    def steps(self) -> int:
        """The number of steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    @property
    def largest_batch(self) -> int:
        """The number of scenes that is set aside for each step."""
        return max(stage.batch for stage in self.stages)

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """Return the stage of ``step`` (from 0), and the step's number in it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise IndexError("step is past the end of the recipe")

    def fingerprint(self, step: int, scenes: str) -> str:
        """Return a hash of what made the first ``step`` steps; later stages, and how a run is watched, may change.

        ``scenes`` is the identity of what makes the scenes.
        """
        begun, steps = [], 0
        for stage in self.stages:
            if steps < step:
                begun.append(stage)
            steps += stage.steps
        past = asdict(replace(self, stages=tuple(begun), start=None))
        del past["validation"], past["stop_rules"]
        past["scenes"] = scenes
        if self.start is not None:
            past["start"] = file_digest(self.start, "sha256")
        return hashlib.sha256(json.dumps(past, sort_keys=True).encode()).hexdigest()


STARTER_NETWORK = {
    "widths": (24, 48, 64, 96, 160),
    "depths": (1, 3, 4, 4, 4),
    "fine": 16,
    "fine_blocks": 3,
    "tolerant": 16,
}

_SMALL = ((512, 512), (384, 640), (640, 384))
_REAL = ((720, 1280), (1280, 720))

STARTER = Recipe(
    network={**STARTER_NETWORK, "depths": (1, 2, 3, 3, 3), "fine_blocks": 2},
    stages=(
        Stage("learn", _SMALL, 4, 11_000, 2e-3),
        Stage("real size", _REAL, 1, 2_000, 3e-4, settled=True),
    ),
    stop_rules=(StopRule(3_000, "band", 220.0),),
)
"""The first training of ``background-matting-starter``, from nothing, of a network with fewer blocks."""

CONTINUED = Recipe(
    network=STARTER_NETWORK,
    stages=(
        Stage("learn on", _SMALL, 4, 4_500, 1.2e-3),
        Stage("real size", _REAL, 1, 900, 3e-4, settled=True),
    ),
    weights=Weights(band=6.0),
    seed=1,
)
"""A later training, which begins with the weights of one before; further blocks begin as bypasses."""
