"""Semantic Human Matting in MindSpore: trimap and alpha of a portrait.

Quan Chen et al., "Semantic Human Matting", 2018 (https://arxiv.org/abs/1809.01354), as in MindSpore's model zoo
(``official/cv/semantic_human_matting``, r1.9). Parameters have the names of its checkpoints.

All operators are known to MindSpore's ONNX exporter.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omz.networks.quiet_mindspore import ms, nn, ops

_STAGES = ((2, 24, 2, 2), (3, 32, 3, 2), (4, 64, 4, 2), (5, 96, 3, 1), (6, 160, 3, 2))
"""The number, channels, repeats and first stride of the encoder's stages between the first and the last."""
_EXPANSION = 6
_MULTIPLE = 16  # the encoder halves pictures four times
_SKIPS = (16, 24, 32, 96, 320)
"""Channels of the encoder's five results, finest first."""
_WIDTHS = (16, 32, 64, 128)
"""Channels of the matting network, finest first."""


class SemanticHumanMatting(nn.Cell):
    """Takes (N, 3, H, W) BGR, ``(x - (104, 112, 121)) / 255``, H and W divisible by 16.

    Returns the logits of the trimap (N, 3, H, W) and alpha (N, 1, H, W), which may leave 0 to 1 a little.
    """

    def __init__(self) -> None:
        super().__init__()
        self.t_net = TNet()
        self.m_net = MNet()

    def construct(self, image: Any) -> tuple[Any, Any]:
        """Run the network."""
        if image.shape[2] % _MULTIPLE or image.shape[3] % _MULTIPLE:
            raise ValueError("height and width must be divisible by 16")
        trimap = self.t_net(image)
        classes = ops.softmax(trimap, 1)
        _, present, unsure = ops.split(classes, 1, 1)
        return trimap, ops.add(present, ops.mul(unsure, self.m_net(ops.concat((image, classes), 1))))


class TNet(nn.Cell):
    """The trimap network: (N, 3, H, W) to logits (N, 3, H, W); an encoder like MobileNetV2's, and a decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.feature = _Encoder()
        for level in (5, 4, 3, 2):
            before, after = _SKIPS[level - 1], _SKIPS[level - 2]
            grown = (_Twice(), _conv(before, after, 3, bias=True), nn.BatchNorm2d(after), nn.ReLU())
            setattr(self, f"s{level}_up_conv", nn.SequentialCell(*grown))
            fused = (_conv(after, after, 3, bias=True), nn.BatchNorm2d(after))
            setattr(self, f"s{level - 1}_fusion", nn.SequentialCell(*fused))
        self.last_conv = _conv(_SKIPS[0], 3, 3, bias=True)

    def construct(self, image: Any) -> Any:
        """Run the network."""
        s1, s2, s3, s4, s5 = self.feature(image)
        s4 = self.s4_fusion(ops.add(self.s5_up_conv(s5), s4))
        s3 = self.s3_fusion(ops.add(self.s4_up_conv(s4), s3))
        s2 = self.s2_fusion(ops.add(self.s3_up_conv(s3), s2))
        s1 = self.s1_fusion(ops.add(self.s2_up_conv(s2), s1))
        return self.last_conv(s1)


class MNet(nn.Cell):
    """The matting network: picture and trimap (N, 6, H, W) to a raw alpha (N, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        for level, (before, after) in enumerate(itertools.pairwise((6, *_WIDTHS)), 1):
            setattr(self, f"en_conv_bn_relu_{level}", _conv_bn_relu(before, after))
        coarse_first = (_WIDTHS[-1], *_WIDTHS[::-1])
        for level, (before, after) in enumerate(itertools.pairwise(coarse_first), 1):
            setattr(self, f"de_conv_bn_relu_{level}", _conv_bn_relu(before, after))
            setattr(self, f"deconv_{level}", nn.Conv2dTranspose(after, after, 5, 2, "pad", 2))
        self.conv = _conv(_WIDTHS[0], 1, 5)
        self.pool = nn.SequentialCell(_Pad(1, 1), nn.MaxPool2d(3, 2))  # a pool that pads cannot be exported
        self.one_more = _Pad(0, 1)
        self.one_less = _OneLess()

    def construct(self, picture_and_trimap: Any) -> Any:
        """Run the network."""
        x = self.pool(self.en_conv_bn_relu_1(picture_and_trimap))
        x = self.pool(self.en_conv_bn_relu_2(x))
        x = self.pool(self.en_conv_bn_relu_3(x))
        x = self.pool(self.en_conv_bn_relu_4(x))
        x = self.one_less(self.deconv_1(self.one_more(self.de_conv_bn_relu_1(x))))
        x = self.one_less(self.deconv_2(self.one_more(self.de_conv_bn_relu_2(x))))
        x = self.one_less(self.deconv_3(self.one_more(self.de_conv_bn_relu_3(x))))
        x = self.one_less(self.deconv_4(self.one_more(self.de_conv_bn_relu_4(x))))
        return self.conv(x)


class _Encoder(nn.Cell):
    """MobileNetV2 at full width with a stem of stride 1; returns five results, finest first."""

    def __init__(self) -> None:
        super().__init__()
        self.head_conv = nn.SequentialCell(_conv(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU())
        self.block_1 = _InvertedResidual(32, 16, 1, 1)
        before = 16
        for stage, channels, repeats, stride in _STAGES:
            blocks = []
            for index in range(repeats):
                blocks.append(_InvertedResidual(before, channels, stride if index == 0 else 1, _EXPANSION))
                before = channels
            setattr(self, f"block_{stage}", nn.SequentialCell(blocks))
        self.block_7 = _InvertedResidual(before, 320, 1, _EXPANSION)

    def construct(self, image: Any) -> tuple[Any, ...]:
        s1 = self.block_1(self.head_conv(image))
        s2 = self.block_2(s1)
        s3 = self.block_3(s2)
        s4 = self.block_5(self.block_4(s3))
        s5 = self.block_7(self.block_6(s4))
        return s1, s2, s3, s4, s5


class _InvertedResidual(nn.Cell):
    """Expand, filter channel by channel, project; add the input if it has the same shape."""

    def __init__(self, before: int, after: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.conv = nn.SequentialCell(
            _conv(before, wide, 1),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            _conv(wide, wide, 3, stride, group=wide),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            _conv(wide, after, 1),
            nn.BatchNorm2d(after),
        )
        self.adds = stride == 1 and before == after

    def construct(self, x: Any) -> Any:
        result = self.conv(x)
        return ops.add(x, result) if self.adds else result


class _Twice(nn.Cell):
    """Doubles height and width by bilinear interpolation between the centres of pixels.

    Each axis is a weighted sum of two gathers, for MindSpore's own resizing cannot be exported.
    """

    def construct(self, x: Any) -> Any:
        x = self.along(x, 2, (-1, 1))
        return self.along(x, 3, (-1,))

    def along(self, x: Any, axis: int, column: tuple[int, ...]) -> Any:
        lower, upper, share = neighbours(x.shape[axis])
        near = ops.mul(ops.gather(x, ms.Tensor(lower), axis), ms.Tensor((1 - share).reshape(column)))
        far = ops.mul(ops.gather(x, ms.Tensor(upper), axis), ms.Tensor(share.reshape(column)))
        return ops.add(near, far)


class _Pad(nn.Cell):
    """Adds ``before`` rows of zeros above and columns to the left, ``after`` below and to the right."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.pad = ops.Pad(((0, 0), (0, 0), (before, after), (before, after)))

    def construct(self, x: Any) -> Any:
        return self.pad(x)


class _OneLess(nn.Cell):
    """Cuts off the last row and the last column."""

    def construct(self, x: Any) -> Any:
        return x[:, :, :-1, :-1]


def neighbours(length: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Return where the pixels of a line twice as long lie in one of ``length`` pixels.

    They are the pixel before, the pixel after (both at most the outermost), and the weight of the latter: int32, int32
    and float32, each of ``2 * length``.
    """
    position = ((np.arange(2 * length) + 0.5) / 2 - 0.5).clip(0, length - 1)
    lower = np.floor(position).astype(np.int32)
    return lower, np.minimum(lower + 1, length - 1), (position - lower).astype(np.float32)


def _conv(before: int, after: int, kernel: int, stride: int = 1, group: int = 1, bias: bool = False) -> nn.Cell:
    return nn.Conv2d(before, after, kernel, stride, "pad", kernel // 2, group=group, has_bias=bias)


def _conv_bn_relu(before: int, after: int) -> nn.Cell:
    return nn.SequentialCell(_conv(before, after, 3), nn.BatchNorm2d(after), nn.ReLU())
