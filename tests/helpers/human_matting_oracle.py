"""Semantic Human Matting once more, in PyTorch and double precision, straight from its description: an oracle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F

# Name, expansion's first repeat has this stride, repeats; blocks 1 and 7 are no lists.
_BLOCKS = ((1, 1, 0), (2, 2, 2), (3, 2, 3), (4, 2, 4), (5, 1, 3), (6, 2, 3), (7, 1, 0))


def matte(weights: Mapping[str, np.ndarray], image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the trimap's logits and alpha for an image (N, 3, H, W), preprocessed, as float64."""
    return _Oracle({name: torch.from_numpy(value).double() for name, value in weights.items()})(image)


class _Oracle:
    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        self.w = weights

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = torch.from_numpy(image).double()
        trimap = self.trimap(x)
        p = torch.softmax(trimap, 1)
        alpha = p[:, 1:2] + p[:, 2:3] * self.raw_alpha(torch.cat([x, p], 1))
        return trimap.numpy(), alpha.numpy()

    def conv(self, x: torch.Tensor, name: str, **arguments: int) -> torch.Tensor:
        weight = self.w[f"{name}.weight"]
        return F.conv2d(x, weight, self.w.get(f"{name}.bias"), padding=weight.shape[-1] // 2, **arguments)

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, gamma, beta = (
            self.w[f"{name}.{part}"][:, None, None] for part in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return gamma * (x - mean) / torch.sqrt(variance + 1e-5) + beta

    def block(self, x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        y = F.relu6(self.norm(self.conv(x, f"{name}.conv.0"), f"{name}.conv.1"))
        y = self.conv(y, f"{name}.conv.3", stride=stride, groups=y.shape[1])
        y = F.relu6(self.norm(y, f"{name}.conv.4"))
        y = self.norm(self.conv(y, f"{name}.conv.6"), f"{name}.conv.7")
        return y + x if y.shape == x.shape and stride == 1 else y

    def trimap(self, image: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.conv(image, "t_net.feature.head_conv.0"), "t_net.feature.head_conv.1"))
        results = {}
        for number, stride, repeats in _BLOCKS:
            name = f"t_net.feature.block_{number}"
            for index in range(repeats or 1):
                x = self.block(x, f"{name}.{index}" if repeats else name, stride if index == 0 else 1)
            results[number] = x
        skips = {1: results[1], 2: results[2], 3: results[3], 4: results[5]}
        for level in (5, 4, 3, 2):
            up = f"t_net.s{level}_up_conv"
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = F.relu(self.norm(self.conv(x, f"{up}.1"), f"{up}.2")) + skips[level - 1]
            fusion = f"t_net.s{level - 1}_fusion"
            x = self.norm(self.conv(x, f"{fusion}.0"), f"{fusion}.1")
        return self.conv(x, "t_net.last_conv")

    def raw_alpha(self, x: torch.Tensor) -> torch.Tensor:
        for level in (1, 2, 3, 4):
            name = f"m_net.en_conv_bn_relu_{level}"
            x = F.max_pool2d(F.relu(self.norm(self.conv(x, f"{name}.0"), f"{name}.1")), 3, 2, 1)
        for level in (1, 2, 3, 4):
            name = f"m_net.de_conv_bn_relu_{level}"
            x = F.relu(self.norm(self.conv(x, f"{name}.0"), f"{name}.1"))
            x = F.conv_transpose2d(x, self.w[f"m_net.deconv_{level}.weight"], stride=2, padding=2, output_padding=1)
        return self.conv(x, "m_net.conv")
