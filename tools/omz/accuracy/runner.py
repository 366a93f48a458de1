"""Run models over the same frames and average what the metrics say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, fields

import numpy as np

from omz.accuracy.metrics import alpha_grad, alpha_mad, alpha_mse, foreground_mse
from omz.runtime.matter import Matte, Matter
from omz.synthesis.scene import Scene


@dataclass(frozen=True)
class Scores:
    """The four figures of a model card, convention ``omz``: lower is better. NaN means there was nothing to measure."""

    alpha_mad: float
    alpha_mse: float
    alpha_grad: float
    foreground_mse: float


LABELS = dict(
    zip(
        (field.name for field in fields(Scores)),
        ("alpha MAD x1e3", "alpha MSE x1e3", "alpha GRAD /1e3", "foreground MSE x1e3"),
        strict=True,
    )
)


def score(matte: Matte, scene: Scene) -> Scores:
    """Compare one matte with the truth of its scene; without a foreground, that has no figure."""
    truth = scene.foreground.astype(np.float32) / 255
    return Scores(
        alpha_mad=alpha_mad(matte.alpha, scene.alpha),
        alpha_mse=alpha_mse(matte.alpha, scene.alpha),
        alpha_grad=alpha_grad(matte.alpha, scene.alpha),
        foreground_mse=math.nan if matte.foreground is None else foreground_mse(matte.foreground, truth, scene.alpha),
    )


def mean(scores: Iterable[Scores]) -> Scores:
    """Average frames; a frame without a figure (NaN) does not count for that figure."""
    columns = zip(*(astuple(one) for one in scores), strict=True)
    return Scores(*(_mean([value for value in column if not math.isnan(value)]) for column in columns))


def evaluate(
    models: Mapping[str, Matter], scenes: Iterable[Scene], on_scene: Callable[[], None] = lambda: None
) -> dict[str, Scores]:
    """Return the mean scores of each model over ``scenes``; every scene is made once and shown to all.

    A model that takes no plate is shown the picture alone.
    """
    collected: dict[str, list[Scores]] = {name: [] for name in models}
    for scene in scenes:
        for name, matter in models.items():
            matte = matter(scene.picture, scene.plate if matter.takes_plate else None)
            collected[name].append(score(matte, scene))
        on_scene()
    return {name: mean(frames) for name, frames in collected.items()}


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
