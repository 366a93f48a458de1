"""The refiner of BackgroundMattingV2: full resolution where the coarse matte is uncertain.

The published network crops a small window around each selected 4x4 block, refines it and pastes it back. These windows
contain no padding, so one dense pass, kept where a block is selected, gives the same result. Without crops and scatters
it runs in any precision (crop boxes in bfloat16 miss their pixel) and for any batch.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from omz.networks.channels import scaled

RefineMode = Literal["full", "sampling", "thresholding"]
REFINE_MODES: tuple[RefineMode, ...] = ("full", "sampling", "thresholding")
_BLOCK = 4


class Refiner(nn.Module):
    """Refine a coarse matte with the full-size images.

    ``mode`` says which 4x4 blocks: ``full`` all, ``sampling`` the ``sample_pixels // 16`` with the largest predicted
    error above 0, ``thresholding`` those with a predicted error above ``threshold``.
    """

    def __init__(
        self,
        mode: RefineMode = "sampling",
        sample_pixels: int = 80_000,
        threshold: float = 0.1,
        width: float = 1.0,
        hidden_channels: int = 32,
    ) -> None:
        super().__init__()
        if mode not in REFINE_MODES:
            raise ValueError(f"unknown refine mode {mode!r}; choose from {', '.join(REFINE_MODES)}")
        self.mode = mode
        self.sample_pixels = sample_pixels
        self.threshold = threshold
        channels = scaled(24, width), scaled(16, width), scaled(12, width)
        self.conv1 = nn.Conv2d(hidden_channels + 4 + 6, channels[0], 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.conv2 = nn.Conv2d(channels[0], channels[1], 3, bias=False)
        self.bn2 = nn.BatchNorm2d(channels[1])
        self.conv3 = nn.Conv2d(channels[1] + 6, channels[2], 3, bias=False)
        self.bn3 = nn.BatchNorm2d(channels[2])
        self.conv4 = nn.Conv2d(channels[2], 4, 3)

    def forward(self, pair: Tensor, coarse: Tensor, err: Tensor, hid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the refined alpha and foreground residual, and the map of refined blocks.

        ``pair`` is (B, 6, H, W), H and W multiples of 4; ``coarse`` (alpha and residual, 4 channels), ``err`` and
        ``hid`` are at the backbone's scale. The results are (B, 4, H, W) and (B, 1, H / 4, W / 4), the latter 0 or 1.
        """
        height, width = pair.shape[-2:]
        quarter = height // _BLOCK, width // _BLOCK
        if self.mode == "full":
            return self._dense(pair, coarse, hid), pair.new_ones(pair.shape[0], 1, *quarter)
        selected = self.select(resize(err, quarter))
        mask = F.interpolate(selected, scale_factor=float(_BLOCK), mode="nearest")
        return torch.where(mask > 0.5, self._dense(pair, coarse, hid), resize(coarse, (height, width))), selected

    def select(self, err: Tensor) -> Tensor:
        """Return the map of blocks to refine, 0 or 1, in the shape of ``err``: (B, 1, h, w)."""
        if self.mode == "thresholding":
            return (err > self.threshold).to(err.dtype)
        flat = err.flatten(1)
        # As many fillers as blocks asked for, so that topk works on small images. No filler is selected, for only
        # blocks with an expected error are.
        count = self.sample_pixels // _BLOCK**2
        candidates = F.pad(flat, (0, count), value=-1.0)
        largest = torch.topk(candidates, count, dim=1).indices
        chosen = torch.zeros_like(candidates).scatter(1, largest, 1.0)[:, : flat.shape[1]]
        return (chosen * (flat > 0).to(err.dtype)).view_as(err)

    def _dense(self, pair: Tensor, coarse: Tensor, hid: Tensor) -> Tensor:
        half = pair.shape[-2] // 2, pair.shape[-1] // 2
        x = torch.cat([resize(torch.cat([hid, coarse], 1), half), resize(pair, half)], 1)
        x = F.relu(self.bn1(self.conv1(F.pad(x, (3, 3, 3, 3)))))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = torch.cat([x, F.pad(pair, (2, 2, 2, 2))], 1)
        x = F.relu(self.bn3(self.conv3(x)))
        refined: Tensor = self.conv4(x)
        return refined


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, C, H, W) to ``size`` (height, width): bilinear, half-pixel centres, no antialiasing."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
