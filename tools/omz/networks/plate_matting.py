"""A small network that finds alpha from an image and its plate, made for processors.

What costs time on a processor is memory: layers at full size, and changes of layout. So both images are read by
convolutions alone, which fold them to a half and a quarter of the size; blocks are separable (Howard et al., arXiv
1704.04861); maps are added, not concatenated; and the last step is a shuffle of pixels (Shi et al., arXiv 1609.05158),
with nothing behind it that would need more than half precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_COLOURS = 3
_FOLD = 2
_LARGE_FROM = 2  # the level from which on kernels are 5x5: maps are so small there that this costs nothing
_PHASES = _FOLD * _FOLD
"""The pixels of full size that a place at half the size stands for."""


class PlateMatting(nn.Module):
    """Alpha from an image and its plate.

    The coarse part works at 1/4 of the size and below, one level for each of ``widths``, its channels, with as many
    blocks as ``depths`` says. The fine part works at half the size, with ``fine`` channels and ``fine_blocks`` blocks;
    ``tolerant`` are the channels of :class:`TolerantComparison`.
    """

    def __init__(
        self,
        widths: Sequence[int] = (24, 48, 64, 96, 160),
        depths: Sequence[int] = (1, 3, 4, 4, 4),
        fine: int = 16,
        fine_blocks: int = 3,
        tolerant: int = 16,
    ) -> None:
        super().__init__()
        self.difference = DifferenceFold()
        self.look = nn.Conv2d(_COLOURS, fine, _FOLD, _FOLD, bias=False)
        self.look_at_difference = nn.Conv2d(self.difference.channels, fine, 1)
        self.compare = TolerantComparison(tolerant, widths[0])
        self.down = Separable(fine, widths[0], stride=2)
        self.coarse = Pyramid(widths, depths)
        self.up = nn.Conv2d(widths[0], fine, 1)
        self.fine = nn.Sequential(*(Separable(fine, fine) for _ in range(fine_blocks)))
        self.alpha = nn.Conv2d(fine, _PHASES, 1)
        self.slope = nn.Conv2d(fine, self.difference.channels, 1)
        self.project = nn.Conv2d(self.difference.channels, _PHASES, 1, bias=False)
        self._start()

    def forward(self, src: Tensor, bgr: Tensor) -> Tensor:
        """Return alpha, (B, 1, H, W), 0 to 1: both images are (B, 3, H, W), RGB, 0 to 1, H and W multiples of 4."""
        return self.raw(src, bgr).clamp(0, 1)

    def raw(self, src: Tensor, bgr: Tensor) -> Tensor:
        """Return alpha before it is clipped, for training: beyond 0 and 1 there is no way back for a clipped one."""
        difference = self.difference(src, bgr)
        x = F.relu(self.look(src) + self.look_at_difference(difference))
        coarse = self.coarse(F.relu(self.compare(src, bgr) + self.down(x)))
        x = F.relu(x + enlarge(self.up(coarse), x))
        x = self.fine(x)
        # Where both colours are known, alpha is linear in the difference (Levin et al., "A closed-form solution to
        # natural image matting", 2008): the network gives slope and offset, the images the detail.
        folded = self.alpha(x) + self.project(difference * self.slope(x))
        return F.pixel_shuffle(folded, _FOLD)

    def _start(self) -> None:
        """Start with an alpha of 1/2 everywhere, and with products that add up over the colours of each pixel."""
        with torch.no_grad():
            for layer, offset in ((self.alpha, 0.5), (self.slope, 0.0)):
                layer.weight.zero_()
                layer.bias.fill_(offset)  # type: ignore[union-attr]
            self.project.weight.copy_(torch.eye(_PHASES).repeat(1, _COLOURS)[..., None, None])


class DifferenceFold(nn.Module):
    """The difference of two images, the four pixels of each 2x2 block as channels of one place; trained on from there.

    In the order in which :func:`torch.nn.functional.pixel_unshuffle` has them.
    """

    channels = _COLOURS * _PHASES

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Conv2d(_COLOURS, self.channels, _FOLD, _FOLD, bias=False)
        self.plate = nn.Conv2d(_COLOURS, self.channels, _FOLD, _FOLD, bias=False)
        fold = torch.eye(self.channels).reshape(self.channels, _COLOURS, _FOLD, _FOLD)
        with torch.no_grad():
            self.image.weight.copy_(fold)
            self.plate.weight.copy_(-fold)

    def forward(self, src: Tensor, bgr: Tensor) -> Tensor:
        """Return (B, 12, H / 2, W / 2)."""
        folded: Tensor = self.image(src) + self.plate(bgr)
        return folded


class TolerantComparison(nn.Module):
    """What image and plate show in blocks of 4x4 pixels, and what the image shows beyond all that is near in the plate.

    A plate that moved by less than a block stays between the least and the largest of its neighbours, so the parts
    beyond them are those of a subject, not those of a hand-held camera.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.see = nn.Conv2d(_COLOURS, channels, 4, 4, bias=False)
        self.image = nn.Conv2d(channels, out_channels, 1)
        self.plate = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.above = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.below = nn.Conv2d(channels, out_channels, 1, bias=False)

    def forward(self, src: Tensor, bgr: Tensor) -> Tensor:
        """Return (B, ``out_channels``, H / 4, W / 4), raw."""
        image, plate = self.see(src), self.see(bgr)
        highest = F.max_pool2d(plate, 3, 1, 1)
        lowest = -F.max_pool2d(-plate, 3, 1, 1)
        beyond = self.above(F.relu(image - highest)) + self.below(F.relu(lowest - image))
        compared: Tensor = self.image(image) + self.plate(plate) + beyond
        return compared


class Pyramid(nn.Module):
    """Maps at 1, 1/2, 1/4, … of the size, and back to 1, adding on the way what was left behind there."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for level, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            kernel = 5 if level >= _LARGE_FROM else 3
            before = [Separable(widths[level - 1], width, kernel, stride=2), nn.ReLU()] if level else []
            self.levels.append(nn.Sequential(*before, *(Separable(width, width, kernel) for _ in range(depth))))
        self.bridges = nn.ModuleList(nn.Conv2d(low, high, 1) for high, low in pairwise(widths))
        self.merges = nn.ModuleList(Separable(width, width) for width in widths[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Return a map in the shape of ``x``: (B, ``widths[0]``, h, w), of any size."""
        left: list[Tensor] = []
        for level in self.levels:
            x = level(x)
            left.append(x)
        x = left.pop()
        for bridge, merge in zip(reversed(self.bridges), reversed(self.merges), strict=True):
            beside = left.pop()
            x = merge(F.relu(beside + enlarge(bridge(x), beside)))
        return x


class Separable(nn.Module):
    """A convolution in each channel, and one across them; with a bypass, and rectified, if the shape stays."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, kernel, stride, kernel // 2, groups=in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.keeps_shape = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, ``out_channels``, h / stride, w / stride), rounded up."""
        y: Tensor = self.norm(self.pointwise(F.relu(self.depthwise(x))))
        return F.relu(x + y) if self.keeps_shape else y


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Return ``x`` at twice the size, or one less, that of ``like``: each value fills its 2x2 places."""
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")
