"""Recipes of trainings: the same recipe gives the same weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Literal

Part = Literal["backbone", "aspp", "decoder", "refiner"]


@dataclass(frozen=True)
class Stage:
    """One stage of a training.

    A ``base`` stage trains the base network alone, on scenes of ``size`` x ``size`` pixels in full size; a ``refine``
    stage trains the whole network. ``learning_rates`` are peaks, from which rates fall along a cosine to a fiftieth.
    ``mixed_precision`` computes convolutions in bfloat16.
    """

    name: str
    kind: Literal["base", "refine"]
    size: int
    batch: int
    steps: int
    learning_rates: dict[Part, float]
    mixed_precision: bool = True


@dataclass(frozen=True)
class Recipe:
    """Network and stages; ``seed`` starts the weights and names the series of scenes."""

    width: float
    backbone_scale: float
    stages: tuple[Stage, ...]
    seed: int = 0

    @property
    def steps(self) -> int:
        """The number of steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """Return the stage of ``step`` (from 0), and the step's number in it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise IndexError("step is past the end of the recipe")

    def fingerprint(self, step: int) -> str:
        """Return a hash of the recipe of the first ``step`` steps; later stages may still change."""
        begun, steps = [], 0
        for stage in self.stages:
            if steps < step:
                begun.append(stage)
            steps += stage.steps
        past = asdict(replace(self, stages=tuple(begun)))
        return hashlib.sha256(json.dumps(past, sort_keys=True).encode()).hexdigest()


STARTER = Recipe(
    width=0.4,
    backbone_scale=0.25,
    stages=(
        Stage("base", "base", 160, 16, 1200, {"backbone": 1.5e-3, "aspp": 1.5e-3, "decoder": 1.5e-3}),
        Stage("refine", "refine", 512, 4, 2600, {"backbone": 8e-4, "aspp": 8e-4, "decoder": 8e-4, "refiner": 3e-3}),
        Stage("restart", "refine", 512, 4, 850, {"backbone": 5e-4, "aspp": 5e-4, "decoder": 5e-4, "refiner": 2e-3}),
        Stage(
            "polish", "refine", 512, 4, 200, {"backbone": 1e-4, "aspp": 1e-4, "decoder": 1e-4, "refiner": 3e-4}, False
        ),
    ),
)
"""The recipe of ``background-matting-starter``: less than an hour on two processor cores."""
