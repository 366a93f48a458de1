"""Batches of scenes, made ahead by other processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from omz.errors import OmzError
from omz.images.arrays import Picture, Pixels, Size
from omz.training.losses import Truth
from omz.training.recipe import Recipe

HELD_OUT, SETTLING = 1_000_003, 2_000_003
"""Added to the seed of a recipe: the seeds of scenes for validation, and for statistics of batch normalisation."""
_SETTLING_BATCHES = 8
_EMPTY, _OPAQUE = 2, 253
_REACH = 3


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


class SceneMaker(Protocol):
    """Makes the scene of a seed, an index and a size (height, width): the same arguments, the same pixels."""

    @property
    def identity(self) -> str:
        """A text that no maker of other scenes has."""
        ...

    def __call__(self, seed: int, index: int, size: Size, /) -> Scene: ...  # noqa: D102


@dataclass(frozen=True)
class Batch:
    """Images and plates, (B, H, W, 3) BGR, and what makes a :class:`Truth`, (B, H, W), all uint8."""

    image: Tensor
    plate: Tensor
    alpha: Tensor
    contrast: Tensor
    band: Tensor

    def inputs(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return images and plates as the network takes them, channels last, the layout in which it is fastest."""
        image, plate = (_unit(each.flip(-1).permute(0, 3, 1, 2), device) for each in (self.image, self.plate))
        return image, plate

    def truth(self, device: torch.device) -> Truth:
        """Return what the loss compares with."""
        maps = (each[:, None] for each in (self.alpha, self.contrast, self.band))
        return Truth(*(_unit(each, device) for each in maps))


def _unit(levels: Tensor, device: torch.device) -> Tensor:
    return levels.to(device, torch.float32, memory_format=torch.channels_last) / 255


def make_batch(make: SceneMaker, seed: int, indices: range, size: Size) -> Batch:
    """Return the batch of these scenes."""
    scenes = []
    for index in indices:
        scene = make(seed, index, size)
        distance = cv2.absdiff(scene.foreground, scene.background)
        contrast = distance.mean(axis=2).round().astype(np.uint8)
        scenes.append((scene.image, scene.plate, scene.alpha, contrast, band(scene.alpha)))
    stacked = (torch.from_numpy(np.stack(each)) for each in zip(*scenes, strict=True))
    return Batch(*stacked)


def band(alpha: Pixels) -> NDArray[np.uint8]:
    """Return 255 where alpha, 0 to 255, is soft, or at most 3 pixels from there, else 0.

    An edge without soft pixels is a band too: where the smallest and the largest alpha nearby are 0 and 255.
    """
    near = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    largest, smallest = cv2.dilate(alpha, near), cv2.erode(alpha, near)
    return np.where((largest > _EMPTY) & (smallest < _OPAQUE), 255, 0).astype(np.uint8)


def settling_batches(recipe: Recipe, step: int, make: SceneMaker) -> list[Batch]:
    """Return batches of the stage of ``step`` (from 0), the same for the whole stage, that no step trains on."""
    stage, _ = recipe.stage_at(step)
    batches = []
    for number in range(_SETTLING_BATCHES):
        indices = range(number * stage.batch, (number + 1) * stage.batch)
        batches.append(make_batch(make, recipe.seed + SETTLING, indices, stage.size_at(number)))
    return batches


class _Steps(Dataset[Batch | OmzError]):
    """Item i is the batch of step ``first + i``; it depends on the recipe alone, so a resumed run sees the same.

    An error is an item too: one that is raised in a process of a :class:`DataLoader` arrives with a traceback as text.
    """

    def __init__(self, recipe: Recipe, first: int, make: SceneMaker) -> None:
        self._recipe, self._first, self._make = recipe, first, make

    def __len__(self) -> int:
        return self._recipe.steps - self._first

    def __getitem__(self, item: int) -> Batch | OmzError:
        step = self._first + item
        stage, step_in_stage = self._recipe.stage_at(step)
        first = step * self._recipe.largest_batch
        indices = range(first, first + stage.batch)
        try:
            return make_batch(self._make, self._recipe.seed, indices, stage.size_at(step_in_stage))
        except OmzError as error:
            return error


def batches(recipe: Recipe, first_step: int, make: SceneMaker, workers: int) -> Iterator[Batch]:
    """Yield the batch of each step from ``first_step`` on, made ahead by ``workers`` processes (0: in this one).

    With workers ``make`` must pickle. Raises the :class:`~omz.errors.OmzError` of a scene that cannot be made.
    """
    steps = _Steps(recipe, first_step, make)
    # Spawned, for a process forked from one in which OpenCV has threads waits for them without end.
    start = "spawn" if workers else None
    loader = DataLoader(
        steps,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_one_thread_a_worker,
        multiprocessing_context=start,
    )
    for batch in loader:
        if isinstance(batch, OmzError):
            raise batch
        yield batch


def _one_thread_a_worker(worker: int) -> None:
    cv2.setNumThreads(1)
