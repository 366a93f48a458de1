"""Batches of scenes, made ahead by other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from omz.images.arrays import Picture, Pixels, Size
from omz.training.losses import Truth
from omz.training.recipe import Recipe

HELD_OUT, SETTLING = 1_000_003, 2_000_003
"""Added to the seed of a recipe: the seeds of scenes for validation, and for statistics of batch normalisation."""
_SETTLING_BATCHES = 8


class Scene(Protocol):
    """An image with a known matte: all are uint8, (H, W, 3) BGR but ``alpha``, (H, W).

    Without noise, ``image = alpha * foreground + (1 - alpha) * background``.
    """

    @property
    def image(self) -> Picture: ...  # noqa: D102
    @property
    def plate(self) -> Picture: ...  # noqa: D102
    @property
    def alpha(self) -> Pixels: ...  # noqa: D102
    @property
    def foreground(self) -> Picture: ...  # noqa: D102
    @property
    def background(self) -> Picture: ...  # noqa: D102


SceneMaker: TypeAlias = Callable[[int, int, Size], Scene]
"""Makes the scene of a seed, an index and a size (height, width): the same arguments, the same pixels."""


@dataclass(frozen=True)
class Batch:
    """Images and plates, (B, H, W, 3) BGR, true alpha and contrast, (B, H, W), all uint8."""

    image: Tensor
    plate: Tensor
    alpha: Tensor
    contrast: Tensor

    def inputs(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return images and plates as the network takes them, channels last, the layout in which it is fastest."""
        image, plate = (_unit(each.flip(-1).permute(0, 3, 1, 2), device) for each in (self.image, self.plate))
        return image, plate

    def truth(self, device: torch.device) -> Truth:
        """Return what the loss compares with."""
        return Truth(_unit(self.alpha[:, None], device), _unit(self.contrast[:, None], device))


def _unit(levels: Tensor, device: torch.device) -> Tensor:
    return levels.to(device, torch.float32, memory_format=torch.channels_last) / 255


def make_batch(make: SceneMaker, seed: int, indices: range, size: Size) -> Batch:
    """Return the batch of these scenes."""
    images, plates, alphas, contrasts = [], [], [], []
    for index in indices:
        scene = make(seed, index, size)
        images.append(scene.image)
        plates.append(scene.plate)
        alphas.append(scene.alpha)
        distance = cv2.absdiff(scene.foreground, scene.background)
        contrasts.append(distance.mean(axis=2).round().astype(np.uint8))
    stacked = (torch.from_numpy(np.stack(each)) for each in (images, plates, alphas, contrasts))
    return Batch(*stacked)


def settling_batches(recipe: Recipe, step: int, make: SceneMaker) -> list[Batch]:
    """Return batches of the stage of ``step`` (from 0), the same for the whole stage, that no step trains on."""
    stage, _ = recipe.stage_at(step)
    batches = []
    for number in range(_SETTLING_BATCHES):
        indices = range(number * stage.batch, (number + 1) * stage.batch)
        batches.append(make_batch(make, recipe.seed + SETTLING, indices, stage.size_at(number)))
    return batches


class _Steps(Dataset[Batch]):
    """Item i is the batch of step ``first + i``; it depends on the recipe alone, so a resumed run sees the same."""

    def __init__(self, recipe: Recipe, first: int, make: SceneMaker) -> None:
        self._recipe, self._first, self._make = recipe, first, make

    def __len__(self) -> int:
        return self._recipe.steps - self._first

    def __getitem__(self, item: int) -> Batch:
        step = self._first + item
        stage, step_in_stage = self._recipe.stage_at(step)
        first = step * self._recipe.largest_batch
        indices = range(first, first + stage.batch)
        return make_batch(self._make, self._recipe.seed, indices, stage.size_at(step_in_stage))


def batches(recipe: Recipe, first_step: int, make: SceneMaker, workers: int) -> Iterator[Batch]:
    """Yield the batch of each step from ``first_step`` on, made ahead by ``workers`` processes (0: in this one).

    ``make`` must be a function of a module, so that a process can import it.
    """
    steps = _Steps(recipe, first_step, make)
    # Spawned, for a process forked from one in which OpenCV has threads waits for them without end.
    start = "spawn" if workers else None
    yield from DataLoader(
        steps,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_one_thread_a_worker,
        multiprocessing_context=start,
    )


def _one_thread_a_worker(worker: int) -> None:
    cv2.setNumThreads(1)
