"""Figures of a network on held-out scenes, by parts of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from omz.images.arrays import Alpha, Picture
from omz.images.compositing import to_uint8
from omz.metrics.differences import mad
from omz.metrics.parts import ghosts, holes, part_of_mad
from omz.metrics.regions import background, hair_band, subject
from omz.networks.plate_matting import PlateMatting
from omz.training.batches import HELD_OUT, Batch, SceneMaker, make_batch
from omz.training.recipe import Recipe

FIGURES = ("mad", "band", "inside", "background", "holes", "ghosts")
"""Means over scenes; the first four times 1000, the others percent. See :mod:`omz.metrics.parts`."""


def held_out_scenes(recipe: Recipe, make: SceneMaker) -> list[Batch]:
    """Return the scenes for validation, one a batch."""
    plan = recipe.validation
    return [make_batch(make, recipe.seed + HELD_OUT, range(i, i + 1), plan.size) for i in range(plan.count)]


def predict(network: PlateMatting, batch: Batch, device: torch.device) -> Alpha:
    """Return the alpha of the only scene of a batch, (H, W)."""
    with torch.inference_mode():
        return network(*batch.inputs(device))[0, 0].cpu().numpy()


def true_alpha(batch: Batch) -> Alpha:
    """Return the true alpha of the only scene of a batch, (H, W)."""
    return (batch.alpha[0].numpy() / 255).astype(np.float32)


def stencil(batch: Batch) -> Alpha:
    """Return the true alpha, rounded: the hard mask that a network has to beat in the band."""
    return (batch.alpha[0].numpy() > 127).astype(np.float32)


def figures(scenes: Sequence[Batch], alpha_of: Callable[[Batch], Alpha]) -> dict[str, float]:
    """Return the mean of each figure over the scenes that have it: a scene without a subject has no band."""
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    for scene in scenes:
        for name, value in _figures(alpha_of(scene), true_alpha(scene)):
            found[name].append(value)
    return {name: float(np.nanmean(values)) for name, values in found.items() if not np.isnan(values).all()}


def _figures(predicted: Alpha, truth: Alpha) -> Iterator[tuple[str, float]]:
    yield "mad", 1e3 * mad(predicted, truth)
    soft = hair_band(truth)
    yield "band", 1e3 * mad(predicted, truth, soft) if soft.any() else np.nan
    yield "inside", 1e3 * part_of_mad(predicted, truth, subject(truth))
    yield "background", 1e3 * part_of_mad(predicted, truth, background(truth))
    yield "holes", 1e2 * holes(predicted, truth)
    yield "ghosts", 1e2 * ghosts(predicted, truth)


def sheet(scenes: Sequence[Batch], alphas: Sequence[Alpha]) -> Picture:
    """Return a picture with a row a scene: image, plate, true alpha, predicted alpha."""
    rows = []
    for scene, alpha in zip(scenes, alphas, strict=True):
        greys = [np.repeat(grey[..., None], 3, axis=2) for grey in (scene.alpha[0].numpy(), to_uint8(alpha))]
        rows.append(np.hstack([scene.image[0].numpy(), scene.plate[0].numpy(), *greys]))
    return np.vstack(rows)
