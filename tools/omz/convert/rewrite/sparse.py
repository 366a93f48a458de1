"""The refiner of BackgroundMattingV2 in a sparse form: no RoiAlign, few resizes, the same numbers.

The published graph cuts three windows out around each selected block of 4x4 pixels with RoiAlign, whose boxes lie at
whole pixels, and pastes the results with 64 indices a block. Here, windows are rows of larger tables, which Gather
copies, and a block is one row of the result.

- The first two layers work on windows of 8x8 places, each of which is 2x2 pixels.
- The third and fourth work on 4x4 places, which have their pixels as channels. Nearest enlargement then only adds up
  weights: the four pixels of a place read the same value.
- The coarse matte is enlarged by a convolution to 16 pixels a block, which is what bilinear interpolation is.

The layers run on a few hundred blocks at a time. How many blocks there are is open, but shapes inside are fixed, for
which processors have better code, and what lies between the layers stays in their caches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omz.convert.rewrite.ops import Value, bias, convolution, floats, integers, ops, shape, sides
from omz.convert.rewrite.published import PublishedRefiner
from omz.runtime.quiet_openvino import ov

_AT_A_TIME = 256  # blocks
_BLOCK = 4  # pixels
_PLACES = 2  # the sides of a block in places, each of which is 2x2 pixels
_WIDE, _NARROW = 8, 4  # sides of windows of places
_KERNEL = 3
_COLOURS = 6  # of image and plate
_RESULTS = 4  # alpha, and the foreground less the image
_ROW = _RESULTS * _BLOCK**2


@dataclass(frozen=True)
class _Blocks:
    """The blocks to refine, K in number, of a grid of ``height`` x ``width`` an image.

    ``cell`` (K,) is their number in the grids of all images together, ``image``, ``row`` and ``column`` (K, 1, 1) their
    place. ``wanted`` is false if no block has an expected error, so that the one there is stays as it is.
    """

    height: ov.Node
    width: ov.Node
    cell: ov.Node
    image: ov.Node
    row: ov.Node
    column: ov.Node
    wanted: ov.Node


def sparse_refiner(found: PublishedRefiner) -> ov.Output:
    """Return the refined matte, (N, 4, H, W), of what a published refiner reads; H and W are multiples of 4."""
    blocks = _select(found.errors, found.count)
    given = []
    for maps in (found.features, found.halves):
        pads = integers([0, 0, _KERNEL, _KERNEL])
        given.append(_windows(ops.pad(maps, pads, pads, "constant", floats(0)), blocks, _WIDE))
    # A convolution that only copies: processors do it faster than a transposition.
    places = convolution(found.pictures, _copying(), "refiner/places", padding=2, stride=2)
    given.append(_windows(places, blocks, _NARROW))
    return _paste(found, blocks, _in_turn(given, found))


def _select(errors: Value, count: int) -> _Blocks:
    """Return the ``count`` blocks of each image with the largest expected errors, as far as these are above 0.

    There is at least one block, and as many more as fill the last turn; they are the last one once more.
    """
    _, _, height, width = sides(errors)
    size = ops.multiply(height, width)
    flat = ops.reshape(errors, integers([0, -1]), special_zero=True)
    largest = ops.topk(flat, ops.minimum(integers(count), size), 1, "max", "value", "i64")
    expected = ops.non_zero(ops.greater(largest.output(0), floats(0)), "i64")  # image and rank: (2, K)
    found = ops.gather_nd(largest.output(1), ops.transpose(expected, integers([1, 0])))
    cells = ops.add(ops.multiply(ops.gather(expected, integers(0), integers(0)), size), found)
    number = ops.squeeze(ops.shape_of(cells, "i64"), integers(0))
    turns = ops.maximum(ops.divide(ops.add(number, integers(_AT_A_TIME - 1)), integers(_AT_A_TIME)), integers(1))
    ranks = ops.range(integers(0), ops.multiply(turns, integers(_AT_A_TIME)), integers(1), "i64")
    # The first block of all, which fills up where there is no other, stands before the others.
    listed = ops.concat([integers([0]), cells], 0)
    cell = ops.gather(listed, ops.minimum(ops.add(ranks, integers(1)), number), integers(0))
    image = ops.divide(cell, size)
    inside = ops.subtract(cell, ops.multiply(image, size))
    row = ops.divide(inside, width)
    column = ops.subtract(inside, ops.multiply(row, width))
    some = ops.greater(number, integers(0))
    image, row, column = (ops.unsqueeze(each, integers([1, 2])) for each in (image, row, column))
    return _Blocks(height, width, cell, image, row, column, some)


def _windows(maps: Value, blocks: _Blocks, side: int) -> ov.Node:
    """Return windows of NCHW maps, (K, side, side, C), that begin where the blocks do.

    Two places at a time are copied: blocks begin at even ones, and maps and windows have even sides.
    """
    _, _, height, width = sides(maps)
    channels = maps.get_output_partial_shape(0)[1].get_length()
    y = ops.add(ops.multiply(blocks.row, integers(_PLACES)), integers(np.arange(side)[:, None]))
    x = ops.add(blocks.column, integers(np.arange(side // _PLACES)))
    pairs = ops.divide(width, integers(_PLACES))
    where = ops.add(ops.multiply(ops.add(ops.multiply(blocks.image, height), y), pairs), x)
    gathered = ops.gather(_table(maps, _PLACES * channels), where, integers(0))
    return ops.reshape(gathered, integers([-1, side, side, channels]), special_zero=False)


def _table(maps: Value, columns: int) -> ov.Node:
    """Return NCHW maps as a table: the channels of a place follow each other, and places do so in a row."""
    return ops.reshape(ops.transpose(maps, integers([0, 2, 3, 1])), integers([-1, columns]), special_zero=False)


def _in_turn(windows: list[ov.Node], found: PublishedRefiner) -> ov.Output:
    """Return what the layers make of windows, (K, 64), computed for a few blocks after the other."""
    parameters = []
    for each in windows:
        inner = [side.get_length() for side in list(each.get_output_partial_shape(0))[1:]]
        parameters.append(ops.parameter([_AT_A_TIME, *inner], np.float32))
    patches = _layers(found, *(ops.transpose(each, integers([0, 3, 1, 2])) for each in parameters))
    turns = ops.tensor_iterator()
    turns.set_friendly_name("refiner")
    turns.set_body(ov.Model([patches], parameters, "refiner"))
    part = {"start": 0, "stride": _AT_A_TIME, "part_size": _AT_A_TIME, "end": -1, "axis": 0}
    for parameter, each in zip(parameters, windows, strict=True):
        turns.set_sliced_input(parameter, each.output(0), **part)
    joined: ov.Output = turns.get_concatenated_slices(patches.output(0), **part)
    return joined


def _layers(found: PublishedRefiner, features: Value, halves: Value, pictures: Value) -> ov.Node:
    """Return the refined blocks, in rows: channel, y, x."""
    inner = found.features.get_partial_shape()[1].get_length()
    x = ops.add(
        convolution(features, found.conv1.weights[:, :inner], "refiner/conv1/features"),
        convolution(halves, found.conv1.weights[:, inner:], "refiner/conv1/pictures"),
    )
    x = ops.relu(bias(x, found.conv1.bias))
    x = ops.relu(bias(convolution(x, found.conv2.weights, "refiner/conv2"), found.conv2.bias))
    inner = len(found.conv2.bias)
    x = ops.add(
        convolution(x, _nearest_as_places(found.conv3.weights[:, :inner]), "refiner/conv3/features"),
        convolution(pictures, _as_places(found.conv3.weights[:, inner:]), "refiner/conv3/pictures"),
    )
    x = ops.relu(bias(x, np.tile(found.conv3.bias, _PLACES**2)))
    x = convolution(x, _as_places(found.conv4.weights), "refiner/conv4")
    x = bias(x, np.tile(found.conv4.bias, _PLACES**2))
    split = integers([_AT_A_TIME, _PLACES, _PLACES, _RESULTS, _PLACES, _PLACES])
    x = ops.reshape(x, split, special_zero=False)  # y and x in a place, channel, y and x of the place
    x = ops.transpose(x, integers([0, 3, 4, 1, 5, 2]))
    return ops.reshape(x, integers([_AT_A_TIME, _ROW]), special_zero=False)


def _paste(found: PublishedRefiner, blocks: _Blocks, patches: ov.Output) -> ov.Output:
    """Return the coarse matte at full size, with the patches in their places."""
    pads = integers([0, 0, 1, 1])
    coarse = convolution(ops.pad(found.coarse, pads, pads, "edge"), _enlarging(), "refiner/enlarged")
    table = _table(coarse, _ROW)
    kept = ops.select(blocks.wanted, patches, ops.gather(table, blocks.cell, integers(0)))
    pasted = ops.scatter_update(table, blocks.cell, kept, integers(0))
    batch, _, height, width = sides(found.pictures)
    grid = shape(batch, blocks.height, blocks.width, _RESULTS, _BLOCK, _BLOCK)
    ordered = ops.transpose(ops.reshape(pasted, grid, special_zero=False), integers([0, 3, 1, 4, 2, 5]))
    whole = ops.reshape(ordered, shape(batch, _RESULTS, height, width), special_zero=False)
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
