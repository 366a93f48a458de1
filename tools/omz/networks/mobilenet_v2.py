"""MobileNetV2 as an encoder to a sixteenth of the resolution, with skip features."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from omz.networks.channels import scaled

# (expansion, channels at width 1, repeats, stride of the first, dilation), torchvision's numbering from index 1 on.
# The published network keeps the stride of the sixth stage at 1 and dilates what follows it.
_STAGES = (
    (1, 16, 1, 1, 1),
    (6, 24, 2, 2, 1),
    (6, 32, 3, 2, 1),
    (6, 64, 4, 2, 1),
    (6, 96, 3, 1, 1),
    (6, 160, 1, 1, 1),
    (6, 160, 2, 1, 2),
    (6, 320, 1, 1, 2),
)
_STEM = 32
_SKIP_AFTER = (1, 3, 6)


class Features(NamedTuple):
    """Encoder output; each tensor is (B, C, ceil(H / scale), ceil(W / scale))."""

    half: Tensor
    quarter: Tensor
    eighth: Tensor
    sixteenth: Tensor


class MobileNetV2Encoder(nn.Module):
    """Encode a (B, ``in_channels``, H, W) batch; ``width`` scales every channel count."""

    def __init__(self, in_channels: int, width: float = 1.0) -> None:
        super().__init__()
        channels = scaled(_STEM, width)
        layers: list[nn.Module] = [_conv_bn_relu6(in_channels, channels, 3, stride=2)]
        for expansion, stage_channels, repeats, stride, dilation in _STAGES:
            for repeat in range(repeats):
                out = scaled(stage_channels, width)
                layers.append(InvertedResidual(channels, out, expansion, stride if repeat == 0 else 1, dilation))
                channels = out
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Features:
        """Return the features at a half, a quarter, an eighth and a sixteenth of the size of ``x``."""
        skips = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in _SKIP_AFTER:
                skips.append(x)
        half, quarter, eighth = skips
        return Features(half, quarter, eighth, x)


class InvertedResidual(nn.Module):
    """Expand, filter each channel on its own, project; add the input if the shapes allow it."""

    def __init__(self, in_channels: int, out_channels: int, expansion: int, stride: int, dilation: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.has_shortcut = stride == 1 and in_channels == out_channels
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(_conv_bn_relu6(in_channels, hidden, 1))
        layers += [
            _conv_bn_relu6(hidden, hidden, 3, stride=stride, dilation=dilation, groups=hidden),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the filtered features, at 1 / stride of the size of ``x``."""
        y: Tensor = self.conv(x)
        return x + y if self.has_shortcut else y


def _conv_bn_relu6(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Sequential:
    padding = (kernel - 1) // 2 * dilation
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU6(inplace=True))
