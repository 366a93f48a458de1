"""The refiner of BackgroundMattingV2 in a sparse form: no RoiAlign, few resizes, the same numbers.

The published graph cuts three windows out around each selected block of 4x4 pixels with RoiAlign, whose boxes lie at
whole pixels, and pastes the results with 64 indices a block. Here, windows are rows of larger tables, which Gather
copies, and a block is one row of the result.

- The first layer runs on whole maps, whose windows overlap so much that each place would be computed several times.
- The second runs on windows of 6x6 places of half the size.
- The third and fourth run on the same places, each of which has the 2x2 pixels of the full size as channels. Nearest
  enlargement then only adds up weights: the four pixels of a place read the same value.
- The coarse matte is enlarged by a convolution to 16 pixels a block, which is what bilinear interpolation is.

As many blocks are refined as are asked for at most. Those without an expected error do what the first block does, once
more: so shapes are fixed, for which processors have better code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omz.convert.rewrite.ops import Value, bias, convolution, floats, integers, ops, shape, sides
from omz.convert.rewrite.published import PublishedRefiner
from omz.runtime.quiet_openvino import ov

_BLOCK = 4  # pixels
_PLACES = 2  # the sides of a block in places, each of which is 2x2 pixels
_KERNEL = 3
_COLOURS = 6  # of image and plate
_RESULTS = 4  # alpha, and the foreground less the image


@dataclass(frozen=True)
class _Blocks:
    """The selected blocks: ``count`` of each of ``batch`` images, in a grid of ``height`` x ``width``.

    ``index`` (N, K) is their number in the grid, ``row`` and ``column`` (N, K, 1, 1) their place there, ``image``
    (N, 1, 1, 1) that of the batch. ``any`` (N, 1) tells whether there is one at all.
    """

    batch: ov.Node
    height: ov.Node
    width: ov.Node
    index: ov.Node
    row: ov.Node
    column: ov.Node
    image: ov.Node
    any: ov.Node


def sparse_refiner(found: PublishedRefiner) -> ov.Output:
    """Return the refined matte, (N, 4, H, W), of what a published refiner reads; H and W are multiples of 4."""
    blocks = _select(found.errors, found.count)
    x = _first_layer(found, blocks)
    x = ops.relu(bias(convolution(x, found.conv2.weights, "refiner/conv2"), found.conv2.bias))
    inner = x.get_output_partial_shape(0)[1].get_length()
    weights = found.conv3.weights
    x = ops.add(
        convolution(x, _nearest_as_places(weights[:, :inner]), "refiner/conv3/features"),
        convolution(_pictures(found, blocks), _as_places(weights[:, inner:]), "refiner/conv3/pictures"),
    )
    x = ops.relu(bias(x, np.tile(found.conv3.bias, _PLACES**2)))
    x = convolution(x, _as_places(found.conv4.weights), "refiner/conv4")
    x = bias(x, np.tile(found.conv4.bias, _PLACES**2))
    return _paste(found, blocks, _as_blocks(x, blocks))


def _select(errors: Value, count: int) -> _Blocks:
    """Return the ``count`` blocks of each image with the largest expected errors, or all, if there are fewer."""
    batch, _, height, width = sides(errors)
    flat = ops.reshape(errors, integers([0, -1]), special_zero=True)
    most = ops.minimum(integers(count), ops.multiply(height, width))
    largest = ops.topk(flat, most, 1, "max", "value", "i64")
    index = largest.output(1)
    expected = ops.greater(largest.output(0), floats(0))
    first = ops.gather(index, integers([0]), integers(1))
    index = ops.select(expected, index, first)
    row = ops.divide(index, width)
    column = ops.subtract(index, ops.multiply(row, width))
    last = integers([2, 3])
    image = ops.unsqueeze(ops.range(integers(0), batch, integers(1), "i64"), integers([1, 2, 3]))
    any_ = ops.gather(expected, integers([0]), integers(1))
    return _Blocks(batch, height, width, index, ops.unsqueeze(row, last), ops.unsqueeze(column, last), image, any_)


def _first_layer(found: PublishedRefiner, blocks: _Blocks) -> ov.Node:
    """Return the first layer's windows of 6x6 places, (N K, C, 6, 6)."""
    channels, inner = found.conv1.weights.shape[0], found.features.get_partial_shape()[1].get_length()
    parts = found.conv1.weights[:, :inner], found.conv1.weights[:, inner:]
    # Windows reach over the edge by two places, whose own windows reach over it by one more.
    padding = _KERNEL
    features = convolution(found.features, parts[0], "refiner/conv1/features", padding)
    pictures = bias(convolution(found.halves, parts[1], "refiner/conv1/pictures", padding), found.conv1.bias)
    # Added up as windows, not as maps: processors then need not arrange the maps anew.
    where = _windows(blocks, features, side=6)
    windows = [_gathered(maps, where, channels) for maps in (features, pictures)]
    return ops.relu(_channels_first(ops.add(*windows)))


def _pictures(found: PublishedRefiner, blocks: _Blocks) -> ov.Node:
    """Return windows of 4x4 places of image and plate, (N K, 24, 4, 4); a place has its pixels as channels."""
    # A convolution that only copies: processors do it faster than a transposition.
    places = convolution(found.pictures, _copying(), "refiner/places", padding=2, stride=2)
    where = _windows(blocks, places, side=4)
    return _channels_first(_gathered(places, where, _PLACES**2 * _COLOURS))


def _windows(blocks: _Blocks, maps: Value, side: int) -> ov.Node:
    """Return where windows of places begin in pairs of places of ``maps``, (N K, side, side / 2).

    Windows and maps begin at even places, and have even sides.
    """
    _, _, height, width = sides(maps)
    pairs = ops.divide(width, integers(_PLACES))
    y = ops.add(ops.multiply(blocks.row, integers(_PLACES)), integers(np.arange(side)[:, None]))
    x = ops.add(blocks.column, integers(np.arange(side // _PLACES)))
    rows = ops.add(ops.multiply(ops.add(ops.multiply(blocks.image, height), y), pairs), x)
    return ops.reshape(rows, integers([-1, side, side // _PLACES]), special_zero=False)


def _gathered(maps: Value, where: ov.Node, channels: int) -> ov.Node:
    """Return windows (N K, side, side, channels) of ``maps``."""
    windows = ops.gather(_table(maps, _PLACES * channels), where, integers(0))
    side = where.get_output_partial_shape(0)[1].get_length()
    return ops.reshape(windows, integers([-1, side, side, channels]), special_zero=False)


def _table(maps: Value, columns: int) -> ov.Node:
    """Return NCHW maps as a table: the channels of a place follow each other, and places do so in a row."""
    return ops.reshape(ops.transpose(maps, integers([0, 2, 3, 1])), integers([-1, columns]), special_zero=False)


def _channels_first(windows: Value) -> ov.Node:
    return ops.transpose(windows, integers([0, 3, 1, 2]))


def _as_blocks(patches: Value, blocks: _Blocks) -> ov.Node:
    """Return patches, whose channels are those of the pixels of a place, as rows of 64: channel, y, x."""
    sides_ = shape(blocks.batch, -1, _PLACES, _PLACES, _RESULTS, _PLACES, _PLACES)
    split = ops.reshape(patches, sides_, special_zero=False)  # N, K, y in a place, x in it, channel, place's y, x
    ordered = ops.transpose(split, integers([0, 1, 4, 5, 2, 6, 3]))
    return ops.reshape(ordered, shape(blocks.batch, -1, _RESULTS * _BLOCK**2), special_zero=False)


def _paste(found: PublishedRefiner, blocks: _Blocks, patches: Value) -> ov.Output:
    """Return the coarse matte at full size, with the patches, (N, K, 64), in their places."""
    pads = integers([0, 0, 1, 1])
    coarse = convolution(ops.pad(found.coarse, pads, pads, "edge"), _enlarging(), "refiner/enlarged")
    row = _RESULTS * _BLOCK**2
    table = _table(coarse, row)
    start = ops.multiply(ops.squeeze(blocks.image, integers([2, 3])), ops.multiply(blocks.height, blocks.width))
    where = ops.add(start, blocks.index)
    # All blocks of an image without any expected error are its first one: that keeps what it has.
    own = ops.gather(table, ops.gather(where, integers([0]), integers(1)), integers(0))
    kept = ops.select(ops.unsqueeze(blocks.any, integers(2)), patches, own)
    pasted = ops.scatter_update(
        table,
        ops.reshape(where, integers([-1]), special_zero=False),
        ops.reshape(kept, integers([-1, row]), special_zero=False),
        integers(0),
    )
    grid = shape(blocks.batch, blocks.height, blocks.width, _RESULTS, _BLOCK, _BLOCK)
    ordered = ops.transpose(ops.reshape(pasted, grid, special_zero=False), integers([0, 3, 1, 4, 2, 5]))
    _, _, height, width = sides(found.pictures)
    whole = ops.reshape(ordered, shape(blocks.batch, _RESULTS, height, width), special_zero=False)
    whole.set_friendly_name("refiner/refined")
    return whole.output(0)


def _copying() -> NDArray[np.float64]:
    """Return weights that make the 2x2 pixels of each place its channels: y, x, colour."""
    weights = np.zeros((_PLACES, _PLACES, _COLOURS, _COLOURS, _PLACES, _PLACES))
    for y in range(_PLACES):
        for x in range(_PLACES):
            weights[y, x, :, :, y, x] = np.eye(_COLOURS)
    return weights.reshape(-1, _COLOURS, _PLACES, _PLACES)


def _as_places(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the weights (O, C, 3, 3) of a layer on pixels for places, (4 O, 4 C, 2, 2): channels are y, x, channel."""
    outputs, inputs = weights.shape[:2]
    folded = np.zeros((_PLACES, _PLACES, outputs, _PLACES, _PLACES, inputs, _PLACES, _PLACES))
    for y, x, v, u in np.ndindex(_PLACES, _PLACES, _KERNEL, _KERNEL):
        row, column = y + v, x + u
        folded[y, x, :, row % 2, column % 2, :, row // 2, column // 2] += weights[:, :, v, u]
    return folded.reshape(_PLACES**2 * outputs, _PLACES**2 * inputs, _PLACES, _PLACES)


def _nearest_as_places(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return :func:`_as_places` for places whose pixels are all alike: (4 O, C, 2, 2)."""
    folded = _as_places(weights)
    outputs = folded.shape[0]
    summed: NDArray[np.float64] = folded.reshape(outputs, _PLACES**2, -1, _PLACES, _PLACES).sum(1)
    return summed


def _enlarging() -> NDArray[np.float64]:
    """Return weights that enlarge four channels bilinearly to blocks of 4x4 pixels: channel, y, x."""
    taps = np.zeros((_BLOCK, _KERNEL))
    for pixel in range(_BLOCK):
        place = (pixel + 0.5) / _BLOCK + 0.5  # counted from the block before
        before = int(place)
        taps[pixel, before] = before + 1 - place
        taps[pixel, before + 1] = place - before
    weights = np.zeros((_RESULTS, _BLOCK, _BLOCK, _RESULTS, _KERNEL, _KERNEL))
    for channel in range(_RESULTS):
        weights[channel, :, :, channel] = np.einsum("yv,xu->yxvu", taps, taps)
    return weights.reshape(-1, _RESULTS, _KERNEL, _KERNEL)
