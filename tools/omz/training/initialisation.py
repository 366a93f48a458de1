"""How a network starts before it has learnt anything."""

from __future__ import annotations

import torch
from torch import Tensor

from omz.networks.background_matting import BackgroundMatting


def start_from_differences(network: BackgroundMatting) -> None:
    """Make half of the filters that see picture and plate look at their difference, in pairs of opposite sign.

    Matting against a plate is, to begin with, seeing where the two differ. Filters drawn at random would have to learn
    to cancel what both pictures share, exactly, before they saw that; these begin there. Weights alone are set, so the
    network stays what it is.
    """
    with torch.no_grad():
        for weight in (
            network.backbone.features[0][0].weight,  # type: ignore[index]
            network.refiner.conv1.weight,
            network.refiner.conv3.weight,
        ):
            _pair_differences(weight)


def _pair_differences(weight: Tensor) -> None:
    """Rewrite the first half of (out, in, h, w) filters, whose last six inputs are picture and plate."""
    for first in range(0, weight.shape[0] // 2 - 1, 2):
        filters = weight[first : first + 2]
        filters[:, :-6] = 0
        filters[:, -3:] = -filters[:, -6:-3]
        filters[1] = -filters[0]
