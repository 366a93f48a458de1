"""The loss: the error of alpha, more of it in the band, at all scales, and as it is seen in a composite.

All tensors are (B, 1, H, W), 0 to 1, but for a predicted alpha, which is not clipped: where it leaves 0 to 1, it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from omz.training.recipe import Weights

LEVELS = 5
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


@dataclass(frozen=True)
class Truth:
    """The true ``alpha``, and two more maps.

    ``contrast`` is the mean distance of foreground and background over the colours; ``band`` is 1 where alpha is soft,
    and near there, else 0.
    """

    alpha: Tensor
    contrast: Tensor
    band: Tensor


def loss_terms(alpha: Tensor, truth: Truth, weights: Weights) -> dict[str, Tensor]:
    """Return the weighted terms of the loss, by name; it is their sum.

    The composition is that of Xu et al., "Deep image matting" (arXiv 1703.03872), by L1: between composites with true
    colours, before the true background, only alpha differs, so their distance is its error times the contrast.
    """
    error = (alpha - truth.alpha).abs()
    return {
        "alpha": error.mean(),
        "band": weights.band * (error * truth.band).mean(),
        "laplacian": weights.laplacian * laplacian_loss(alpha, truth.alpha),
        "composition": weights.composition * (error * truth.contrast).mean(),
    }


def laplacian_loss(alpha: Tensor, truth: Tensor) -> Tensor:
    """Return the L1 distance of Laplacian pyramids of five levels, each one twice the weight of the one before.

    Hou and Liu, "Context-aware image matting" (arXiv 1909.09725), by means, as in the training of Robust Video Matting.
    """
    difference = alpha - truth  # the pyramid is linear
    loss = alpha.new_zeros(())
    for level in range(LEVELS):
        detail, difference = split_scales(difference)
        loss = loss + 2**level * detail.abs().mean()
    return loss / LEVELS


def split_scales(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what half the size cannot hold, (B, 1, H, W), and the rest at that size, rounded up.

    Burt and Adelson, "The Laplacian pyramid as a compact image code" (1983), bilinear on the way back.
    """
    row = x.new_tensor(_BINOMIAL) / sum(_BINOMIAL)
    kernel = torch.outer(row, row)[None, None]
    margin = len(_BINOMIAL) // 2
    smooth = F.conv2d(F.pad(x, (margin,) * 4, mode="replicate"), kernel, stride=2)
    return x - F.interpolate(smooth, size=x.shape[-2:], mode="bilinear", align_corners=False), smooth
