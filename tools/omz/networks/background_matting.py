"""BackgroundMattingV2: alpha and foreground from an image and its plate.

Lin et al., "Real-Time High-Resolution Background Matting", 2020 (arXiv 2012.07810). Parameter names and shapes at
width 1 are those of the published MobileNetV2 checkpoint, so it loads strictly.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from omz.networks.channels import scaled
from omz.networks.mobilenet_v2 import Features, MobileNetV2Encoder
from omz.networks.refiner import RefineMode, Refiner, resize


class CoarseMatte(NamedTuple):
    """The output of the base network, (B, C, h, w) at the size of its input.

    ``pha`` and ``err`` lie in 0 to 1; ``residual`` is the foreground minus the image; ``hid`` feeds the refiner.
    """

    pha: Tensor
    residual: Tensor
    err: Tensor
    hid: Tensor


class MattingOutput(NamedTuple):
    """Alpha and foreground, 0 to 1, at full size, then the same, the predicted error and the refined blocks, coarse."""

    pha: Tensor
    fgr: Tensor
    pha_sm: Tensor
    fgr_sm: Tensor
    err_sm: Tensor
    ref_sm: Tensor


class BackgroundMatting(nn.Module):
    """The whole network: base at ``backbone_scale`` of the size, refiner at full size.

    ``width`` scales every channel count; 1 is the published network, with which ``backbone_scale`` 0.25 suits HD and
    0.125 4K. The ``refine_*`` arguments are those of :class:`omz.networks.refiner.Refiner`.
    """

    def __init__(
        self,
        width: float = 1.0,
        backbone_scale: float = 0.25,
        refine_mode: RefineMode = "sampling",
        refine_sample_pixels: int = 80_000,
        refine_threshold: float = 0.1,
    ) -> None:
        super().__init__()
        if not 0 < backbone_scale <= 0.5:
            raise ValueError(f"backbone_scale {backbone_scale} is not above 0 and at most 0.5")
        self.backbone_scale = backbone_scale
        hidden = scaled(32, width)
        self.backbone = MobileNetV2Encoder(6, width)
        self.aspp = ASPP(scaled(320, width), scaled(256, width))
        self.decoder = Decoder(width, out_channels=5 + hidden)
        self.refiner = Refiner(refine_mode, refine_sample_pixels, refine_threshold, width, hidden)

    def forward(self, src: Tensor, bgr: Tensor) -> MattingOutput:
        """Matte ``src`` against the plate ``bgr``: both (B, 3, H, W), RGB, 0 to 1, H and W multiples of 4."""
        pair = torch.cat([src, bgr], 1)
        # By scale, not by size, so that a traced graph computes the size from its input.
        small = F.interpolate(
            pair, scale_factor=self.backbone_scale, mode="bilinear", align_corners=False, recompute_scale_factor=True
        )
        coarse = self.base(small)
        refined, selected = self.refiner(pair, torch.cat([coarse.pha, coarse.residual], 1), coarse.err, coarse.hid)
        return MattingOutput(
            pha=refined[:, :1].clamp(0, 1),
            fgr=(refined[:, 1:] + src).clamp(0, 1),
            pha_sm=coarse.pha,
            fgr_sm=(coarse.residual + small[:, :3]).clamp(0, 1),
            err_sm=coarse.err,
            ref_sm=selected,
        )

    def base(self, pair: Tensor) -> CoarseMatte:
        """Run the base network alone on (B, 6, h, w): image and plate, of any size."""
        features: Features = self.backbone(pair)
        x = self.decoder(self.aspp(features.sixteenth), features, pair)
        return CoarseMatte(
            pha=x[:, :1].clamp(0, 1), residual=x[:, 1:4], err=x[:, 4:5].clamp(0, 1), hid=F.relu(x[:, 5:])
        )


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al., arXiv 1706.05587): one map at five scales."""

    def __init__(self, in_channels: int, out_channels: int, dilations: tuple[int, ...] = (3, 6, 9)) -> None:
        super().__init__()

        def branch(*first: nn.Module) -> nn.Sequential:
            return nn.Sequential(*first, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))

        self.convs = nn.ModuleList(
            [
                branch(nn.Conv2d(in_channels, out_channels, 1, bias=False)),
                *(branch(nn.Conv2d(in_channels, out_channels, 3, 1, d, d, bias=False)) for d in dilations),
                branch(nn.AdaptiveAvgPool2d(1), nn.Conv2d(in_channels, out_channels, 1, bias=False)),
            ]
        )
        joined = out_channels * len(self.convs)
        self.project = nn.Sequential(
            nn.Conv2d(joined, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, ``out_channels``, h, w) for a (B, ``in_channels``, h, w) map."""
        size = x.shape[-2:]
        branches = [conv(x) for conv in self.convs]
        branches[-1] = branches[-1].expand(-1, -1, *size)
        projected: Tensor = self.project(torch.cat(branches, 1))
        return projected


class Decoder(nn.Module):
    """Grow the features back to the size of the input, one skip connection at a time."""

    def __init__(self, width: float, out_channels: int) -> None:
        super().__init__()
        channels = scaled(128, width), scaled(64, width), scaled(48, width)
        self.conv1 = nn.Conv2d(scaled(256, width) + scaled(32, width), channels[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.conv2 = nn.Conv2d(channels[0] + scaled(24, width), channels[1], 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels[1])
        self.conv3 = nn.Conv2d(channels[1] + scaled(16, width), channels[2], 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels[2])
        self.conv4 = nn.Conv2d(channels[2] + 6, out_channels, 3, padding=1)

    def forward(self, x: Tensor, features: Features, pair: Tensor) -> Tensor:
        """Return (B, ``out_channels``, h, w), raw, at the size of ``pair``."""
        x = F.relu(self.bn1(self.conv1(_join(x, features.eighth))))
        x = F.relu(self.bn2(self.conv2(_join(x, features.quarter))))
        x = F.relu(self.bn3(self.conv3(_join(x, features.half))))
        raw: Tensor = self.conv4(_join(x, pair))
        return raw


def _join(x: Tensor, skip: Tensor) -> Tensor:
    height, width = skip.shape[-2:]
    return torch.cat([resize(x, (height, width)), skip], 1)
