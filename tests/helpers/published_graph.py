"""An ONNX file with the structure of the published background matting graphs, from any weights.

The published graphs crop a window around every block that needs refining, refine all windows as one batch and scatter
them back, where :class:`omz.networks.refiner.Refiner` masks one dense pass. Both hold the same parameters.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from omz.networks.background_matting import BackgroundMatting
from omz.networks.refiner import Refiner, resize

OPSET = 11
_BLOCK = 4
_WINDOW = 8
_INPUTS = ("src", "bgr")
_OUTPUTS = ("pha", "fgr")


class _CropWindows(torch.autograd.Function):
    """Crop 8x8 windows: an exact slice in PyTorch, ``RoiAlign`` in ONNX."""

    @staticmethod
    def forward(_, maps: Tensor, boxes: Tensor, images: Tensor) -> Tensor:
        offsets = torch.arange(_WINDOW)
        left, top = (boxes[:, :2] + 0.5).round().long().unbind(1)
        rows = (top[:, None] + offsets)[:, None, :, None]
        columns = (left[:, None] + offsets)[:, None, None, :]
        channels = torch.arange(maps.shape[1])[:, None, None]
        return maps[images[:, None, None, None], channels, rows, columns]

    @staticmethod
    def symbolic(g, maps, boxes, images):
        # Below opset 16 the operator shifts nothing: a box half a pixel to the left and above has the middle of each
        # of its bins on a pixel, and one sample a bin reads that pixel alone.
        return g.op(
            "RoiAlign",
            maps,
            boxes,
            images,
            output_height_i=_WINDOW,
            output_width_i=_WINDOW,
            spatial_scale_f=1.0,
            sampling_ratio_i=1,
        )


class PatchRefiner(nn.Module):
    """Refine the blocks of ``sampling`` window by window, with the layers of a :class:`Refiner`.

    As in the published graphs, a picture needs as many blocks as are to be refined: ``sample_pixels // 16``.
    """

    def __init__(self, refiner: Refiner) -> None:
        super().__init__()
        if refiner.mode != "sampling":
            raise ValueError(f"the published graphs refine by sampling, not by {refiner.mode}")
        self.count = refiner.sample_pixels // _BLOCK**2
        for name, layer in refiner.named_children():
            self.add_module(name, layer)

    def forward(self, pair: Tensor, coarse: Tensor, err: Tensor, hid: Tensor) -> tuple[Tensor, Tensor]:
        """Take and return what :meth:`Refiner.forward` does."""
        height, width = pair.shape[-2:]
        half = height // 2, width // 2
        selected = self.select(resize(err, (height // _BLOCK, width // _BLOCK)))
        image, row, column = selected[:, 0].nonzero().unbind(1)

        x = _crop(resize(torch.cat([hid, coarse], 1), half), image, row, column, _BLOCK // 2, padding=3)
        y = _crop(resize(pair, half), image, row, column, _BLOCK // 2, padding=3)
        x = F.relu(self.bn1(self.conv1(torch.cat([x, y], 1))))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.interpolate(x, size=(_WINDOW, _WINDOW), mode="nearest")
        y = _crop(pair, image, row, column, _BLOCK, padding=2)
        x = F.relu(self.bn3(self.conv3(torch.cat([x, y], 1))))
        patches = self.conv4(x)
        return _paste(resize(coarse, (height, width)), patches, image, row, column), selected

    def select(self, err: Tensor) -> Tensor:
        """Return the map of blocks to refine, 0 or 1, in the shape of ``err``: (B, 1, h, w)."""
        flat = err.flatten(1)
        largest = torch.topk(flat, self.count, dim=1, sorted=False).indices
        chosen = torch.zeros_like(flat).scatter(1, largest, 1.0)
        return (chosen * (flat > 0).to(flat.dtype)).view_as(err)


def trained(network: BackgroundMatting, state: Mapping[str, Tensor]) -> BackgroundMatting:
    """Give the network generated weights, but an expected error that follows the picture, as training makes it.

    Generated weights alone make the network so sensitive that any rounding turns every output round.
    """
    network.load_state_dict(state)
    weight, bias = network.decoder.conv4.weight, network.decoder.conv4.bias
    with torch.no_grad():
        weight[:, :-6] = 0
        weight[4] = 0
        bias[4] = 0.5
    return network.eval()


def save_published_graph(path: Path, network: BackgroundMatting) -> Path:
    """Write ``network``, whose refine mode is ``sampling``, in the published form to ``path``; return ``path``."""
    published = copy.deepcopy(network)
    published.refiner = PatchRefiner(published.refiner)
    return save_graph(path, published)


def save_graph(path: Path, network: BackgroundMatting) -> Path:
    """Write ``network`` in the form it has, by the same exporter, to ``path``; return ``path``."""
    blocks = max(16, math.ceil(math.sqrt(getattr(network.refiner, "count", 0))))
    example = torch.zeros(1, 3, _BLOCK * blocks, _BLOCK * blocks)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Matte(network),
            (example, example),
            str(path),
            input_names=list(_INPUTS),
            output_names=list(_OUTPUTS),
            opset_version=OPSET,
            dynamic_axes={name: {0: "batch", 2: "height", 3: "width"} for name in (*_INPUTS, *_OUTPUTS)},
            dynamo=False,
        )
    onnx.checker.check_model(str(path), full_check=True)
    return path


class _Matte(nn.Module):
    """Leaves alpha and foreground of what a network says."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network

    def forward(self, src: Tensor, bgr: Tensor) -> tuple[Tensor, Tensor]:
        output = self._network(src, bgr)
        return output.pha, output.fgr


def _crop(maps: Tensor, image: Tensor, row: Tensor, column: Tensor, size: int, padding: int) -> Tensor:
    # The boxes are in the type of the maps, as published: what reduces one reduces the other.
    left = column.to(maps.dtype) * size - 0.5
    top = row.to(maps.dtype) * size - 0.5
    boxes = torch.stack([left, top, left + (size + 2 * padding), top + (size + 2 * padding)], 1)
    return _CropWindows.apply(F.pad(maps, (padding, padding, padding, padding)), boxes, image)


def _paste(whole: Tensor, patches: Tensor, image: Tensor, row: Tensor, column: Tensor) -> Tensor:
    batch, _, height, width = whole.shape
    channels = patches.shape[1]
    channel = torch.arange(channels)[:, None, None]
    offset = torch.arange(_BLOCK)
    plane = image[:, None, None, None] * channels + channel
    y = row[:, None, None, None] * _BLOCK + offset[:, None]
    x = column[:, None, None, None] * _BLOCK + offset
    place = (plane * height + y) * width + x
    return whole.flatten().scatter(0, place.flatten(), patches.flatten()).view(batch, channels, height, width)
