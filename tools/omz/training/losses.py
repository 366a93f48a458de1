"""The losses of BackgroundMattingV2 (Lin et al., arXiv 2012.07810, and its published training scripts).

All tensors are (B, C, H, W), 0 to 1; every term is a mean over all elements, unweighted.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from omz.networks.background_matting import CoarseMatte, MattingOutput
from omz.networks.refiner import resize


@dataclass(frozen=True)
class Truth:
    """The true matte: ``pha`` (B, 1, H, W) and ``fgr`` (B, 3, H, W)."""

    pha: Tensor
    fgr: Tensor

    def resized(self, size: tuple[int, int]) -> Truth:
        """Return the truth at ``size`` (height, width), bilinear."""
        return Truth(resize(self.pha, size), resize(self.fgr, size))


def base_terms(coarse: CoarseMatte, picture: Tensor, truth: Truth) -> dict[str, Tensor]:
    """Return the terms of the base stage, for a base network run on the ``picture`` in full size."""
    foreground = (coarse.residual + picture).clamp(0, 1)
    error = (coarse.pha.detach() - truth.pha).abs()
    return {**matte_terms(coarse.pha, foreground, truth), "error": F.mse_loss(coarse.err, error)}


def refine_terms(output: MattingOutput, truth: Truth) -> dict[str, Tensor]:
    """Return the terms of the refine stage: the matte at full and at coarse size, and the predicted error."""
    height, width = output.pha.shape[-2:]
    coarse_height, coarse_width = output.pha_sm.shape[-2:]
    small = truth.resized((coarse_height, coarse_width))
    error = (resize(output.pha_sm, (height, width)) - truth.pha).abs()
    coarse = matte_terms(output.pha_sm, output.fgr_sm, small)
    return {
        **matte_terms(output.pha, output.fgr, truth),
        **{f"coarse_{name}": term for name, term in coarse.items()},
        "error": F.mse_loss(resize(output.err_sm, (height, width)), error),
    }


def matte_terms(pha: Tensor, fgr: Tensor, truth: Truth) -> dict[str, Tensor]:
    """Return the L1 terms of alpha, of its Sobel magnitude, and of the foreground where alpha is above 0."""
    present = (truth.pha != 0).to(fgr.dtype)
    return {
        "alpha": F.l1_loss(pha, truth.pha),
        "edges": F.l1_loss(sobel(pha), sobel(truth.pha)),
        "foreground": F.l1_loss(present * fgr, present * truth.fgr),
    }


def sobel(x: Tensor) -> Tensor:
    """Return the Sobel gradient magnitude of (B, 1, H, W): kernels of unit L1 norm, replicated borders."""
    kernel = x.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    gradient = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), torch.stack([kernel, kernel.T])[:, None])
    return (gradient.square().sum(1, keepdim=True) + 1e-6).sqrt()
