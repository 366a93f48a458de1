"""Synthetic scenes as batches of tensors, in the order that a recipe gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from omz.synthesis.scene import make_scene
from omz.training.losses import Truth
from omz.training.recipe import Recipe


@dataclass(frozen=True)
class Batch:
    """Pictures and plates, (B, 3, H, W) RGB, 0 to 1, with the truth about them."""

    picture: Tensor
    plate: Tensor
    truth: Truth

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device, channels last, the layout in which convolutions are fastest."""

        def move(x: Tensor) -> Tensor:
            return x.to(device, memory_format=torch.channels_last)

        return Batch(move(self.picture), move(self.plate), Truth(move(self.truth.pha), move(self.truth.fgr)))


class _Steps(Dataset[Batch]):
    """Item i is the batch of step ``first + i``: a function of the recipe alone, so a resumed run sees the same."""

    def __init__(self, recipe: Recipe, first: int) -> None:
        self._recipe = recipe
        self._first = first

    def __len__(self) -> int:
        return self._recipe.steps - self._first

    def __getitem__(self, item: int) -> Batch:
        step = self._first + item
        stage, _ = self._recipe.stage_at(step)
        largest_batch = max(stage.batch for stage in self._recipe.stages)
        series = f"train-{self._recipe.seed}"
        scenes = [make_scene(step * largest_batch + i, (stage.size, stage.size), series) for i in range(stage.batch)]
        alpha = torch.from_numpy(np.stack([scene.alpha for scene in scenes])[:, None])
        foreground = _tensor([scene.foreground for scene in scenes])
        return Batch(
            picture=_tensor([scene.picture for scene in scenes]),
            plate=_tensor([scene.plate for scene in scenes]),
            truth=Truth(alpha, foreground),
        )


def batches(recipe: Recipe, first_step: int, workers: int) -> Iterator[Batch]:
    """Yield the batch of each step from ``first_step`` on, made ahead of time by ``workers`` processes (0: here)."""
    yield from DataLoader(
        _Steps(recipe, first_step), batch_size=None, num_workers=workers, worker_init_fn=_one_thread_a_worker
    )


def _one_thread_a_worker(worker: int) -> None:
    cv2.setNumThreads(1)


def _tensor(pictures: list[np.ndarray]) -> Tensor:
    rgb = np.stack(pictures)[..., ::-1]
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(0, 3, 1, 2), np.float32) / 255)
