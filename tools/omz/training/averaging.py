"""The moving average of a network's weights, which is better than any of those that it averages.

Statistics of batch normalisation are not averaged: those of one network do not suit the sums of another. They are
recomputed on scenes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from omz.networks.plate_matting import PlateMatting
from omz.training.batches import Batch


def average_of(network: PlateMatting) -> PlateMatting:
    """Return a network to hold the average, at first the network itself."""
    average = copy.deepcopy(network).eval()
    return average.requires_grad_(False)


def follow(average: PlateMatting, network: PlateMatting, kept: float, step: int) -> None:
    """Move the ``average`` towards the ``network`` after ``step`` (from 0): it keeps the share ``kept``, less at first.

    Statistics are those of the network, for one whose normalisation is settled.
    """
    share = min(kept, (step + 1) / (step + 10))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - share)
        for mine, other in zip(average.buffers(), network.buffers(), strict=True):
            mine.copy_(other)


def settle(network: PlateMatting, batches: Iterable[Batch], device: torch.device) -> None:
    """Recompute the statistics of batch normalisation on ``batches``: their mean over these."""
    was_training = network.training
    norms = list(norms_of(network))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # which averages
    network.train()
    with torch.no_grad():
        for batch in batches:
            network.raw(*batch.inputs(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(was_training)


def norms_of(network: nn.Module) -> Iterator[nn.BatchNorm2d]:
    """Yield the layers of batch normalisation."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            yield module
