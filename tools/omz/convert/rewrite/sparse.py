"""The refiner of BackgroundMattingV2 in a sparse form: no RoiAlign, few resizes, the same numbers.

The published graph cuts three windows out around each selected block of 4x4 pixels with RoiAlign, whose boxes lie at
whole pixels, runs four layers on each, and pastes the results with 64 indices a block. Here, windows are rows of
tables, which Gather copies, and a block is one row of the result.

- The hidden features, most of the decoder's last layer, are computed at the cells that blocks need: these and others
  up to two cells away, each once. A cell is 4x4 pixels.
- The first layer, which costs most, runs once for each cell that a block or a neighbour of one is. As windows overlap,
  the published graph computes it up to nine times. It reads features that are resized to twice the size. As that is
  linear, its weights include it; only at the edges, where it would read zeros, features are resized by themselves.
- Both are products of matrices. The second layer works on windows of 6x6 places of 2x2 pixels, collected from cells.
- The third and fourth work on 4x4 places, which have their pixels as channels. Nearest enlargement then only adds up
  weights: the four pixels of a place read the same value.
- The coarse matte is enlarged by a convolution to 16 pixels a block, which is what bilinear interpolation is.

The layers run on a few hundred blocks or cells at a time. How many there are is open, but shapes inside are fixed, for
which processors have better code, and what lies between the layers stays in their caches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omz.convert.rewrite.coarse import COLOURS, FEATURES, RESULTS, enlarged_coarse
from omz.convert.rewrite.ops import Value, bias, convolution, floats, integers, ops, shape, sides
from omz.convert.rewrite.published import HEADS, PublishedRefiner
from omz.convert.rewrite.selection import (
    AT_A_TIME,
    NEIGHBOURS,
    Cells,
    Grid,
    around,
    blocks_of,
    cells_around,
    cells_inside,
    places_inside,
    places_of,
)
from omz.convert.rewrite.weights import (
    AROUND,
    CELL,
    PLACES,
    Matrix,
    copying,
    doubling,
    of_cells,
    of_places,
    of_plain_places,
)
from omz.runtime.quiet_openvino import ov

_ROW = RESULTS * CELL**2


def sparse_refiner(found: PublishedRefiner, chosen: ov.Output) -> ov.Output:
    """Return the refined matte, (N, 4, H, W), of what a published refiner reads; H and W are multiples of 4.

    ``chosen`` (N, 1, H/4, W/4) is 1 for the blocks to refine, and 0 for others.
    """
    blocks, some = blocks_of(chosen)
    grid, near = blocks.grid, around(blocks, chosen)
    features = _features(found, near.coarse)
    layers = []
    for cells, layer in ((near.inner, _first_layer), (near.edge, _first_layer_at_edges)):
        where = ops.gather(near.ranks, cells_around(cells, grid), integers(0))
        layers.append(layer(found, cells, _Windows(features, where), grid.places()))
    # A convolution that only copies: processors do it faster than a transposition.
    places = convolution(found.pictures, copying(COLOURS), "refiner/places", stride=2).output(0)
    pictures = _rows(places, places_of(blocks, grid.places()))
    patches = _later_layers(found, _collected(ops.concat(layers, 0).output(0), near.first), pictures)
    return _paste(found, blocks, some, patches)


def _rows(maps: ov.Output, where: Value) -> ov.Node:
    """Return the channels of NCHW maps at places, (..., C), and zeros at places outside of the maps."""
    return ops.gather(_table(maps, _channels(maps)), where, integers(0))


def _table(maps: Value, columns: int) -> ov.Node:
    """Return NCHW maps as a table: the channels of a place follow each other, and places do so in a row."""
    return ops.reshape(ops.transpose(maps, integers([0, 2, 3, 1])), integers([-1, columns]), special_zero=False)


@dataclass(frozen=True)
class _Windows:
    """Rows of a ``table`` (R, C) to be gathered: ``where`` (K, ...) is their numbers."""

    table: ov.Output
    where: ov.Node


def _in_turn(name: str, windows: Sequence[ov.Node | _Windows], layers: Callable[..., ov.Node]) -> ov.Output:
    """Return what layers make of windows, (K, ...), computed for a few of them after the other.

    Windows that are no tensors yet are gathered turn by turn, so that they stay in caches.
    """
    sliced, whole, given = [], [], []
    for each in windows:
        if isinstance(each, _Windows):
            table, where = ops.parameter(each.table.get_partial_shape(), np.float32), _turn_of(each.where)
            whole.append((table, each.table))
            sliced.append((where, each.where))
            given.append(ops.gather(table, where, integers(0)))
        else:
            sliced.append((_turn_of(each), each))
            given.append(sliced[-1][0])
    result = layers(*given)
    turns = ops.tensor_iterator()
    turns.set_friendly_name(f"refiner/{name}")
    turns.set_body(ov.Model([result], [parameter for parameter, _ in (*sliced, *whole)], name))
    part = {"start": 0, "stride": AT_A_TIME, "part_size": AT_A_TIME, "end": -1, "axis": 0}
    for parameter, each in sliced:
        turns.set_sliced_input(parameter, each.output(0), **part)
    for parameter, table in whole:
        turns.set_invariant_input(parameter, table)
    joined: ov.Output = turns.get_concatenated_slices(result.output(0), **part)
    return joined


def _turn_of(windows: ov.Node) -> ov.Node:
    """Return a parameter for the windows of one turn."""
    inner = [side.get_length() for side in list(windows.get_output_partial_shape(0))[1:]]
    return ops.parameter([AT_A_TIME, *inner], windows.get_output_element_type(0))


def _features(found: PublishedRefiner, cells: Cells) -> ov.Output:
    """Return the features at cells, (K, C): hidden ones, and the coarse matte."""
    given = [_rows(found.decoded, cells_inside(cells, cells.grid)), _rows(found.coarse, cells.number)]
    weights = found.last.weights[HEADS:].transpose(2, 3, 1, 0)

    def layer(decoded: ov.Node, coarse: ov.Node) -> ov.Node:
        added = _product(decoded, weights.reshape(-1, weights.shape[-1]))
        hidden = ops.relu(ops.add(added, floats(found.last.bias[None, HEADS:])))
        return ops.concat([hidden, coarse], 1)

    return _in_turn("features", given, layer)


def _first_layer(found: PublishedRefiner, cells: Cells, features: _Windows, grid: Grid) -> ov.Output:
    """Return the first layer at the places of cells, (K, 4 O), which read nothing outside of the ``grid`` of places.

    As resizing is linear, the weights of the layer include it.
    """
    given = [features, _rows(found.halves, places_of(cells, grid))]
    of_features, of_halves = _of_first_layer(found)
    resized = doubling(FEATURES) @ of_features

    def layer(features: ov.Node, halves: ov.Node) -> ov.Node:
        return _activated(found, ops.add(_product(features, resized), _product(halves, of_halves)))

    return _in_turn("conv1", given, layer)


def _first_layer_at_edges(found: PublishedRefiner, cells: Cells, features: _Windows, grid: Grid) -> ov.Output:
    """Return :func:`_first_layer` at cells that read zeros outside, by which resized features are padded."""
    given = [features, _rows(found.halves, places_of(cells, grid)), places_inside(cells, grid)]
    of_features, of_halves = _of_first_layer(found)
    split = integers([AT_A_TIME, AROUND**2, -1])

    def layer(features: ov.Node, halves: ov.Node, inside: ov.Node) -> ov.Node:
        resized = ops.reshape(_product(features, doubling(FEATURES)), split, special_zero=False)
        padded = ops.multiply(resized, ops.reshape(inside, split, special_zero=False))
        return _activated(found, ops.add(_product(padded, of_features), _product(halves, of_halves)))

    return _in_turn("conv1/edges", given, layer)


def _of_first_layer(found: PublishedRefiner) -> list[Matrix]:
    """Return the matrices of the first layer for features and halves."""
    return [of_cells(each) for each in np.split(found.conv1.weights, [FEATURES], axis=1)]


def _product(windows: ov.Node, matrix: Matrix | NDArray[np.float32]) -> ov.Node:
    flat = ops.reshape(windows, integers([AT_A_TIME, len(matrix)]), special_zero=False)
    return ops.matmul(flat, floats(matrix), False, False)


def _activated(found: PublishedRefiner, added: ov.Node) -> ov.Node:
    return ops.relu(ops.add(added, floats(np.tile(found.conv1.bias, PLACES**2)[None])))


def _channels(maps: ov.Output) -> int:
    return int(list(maps.get_partial_shape())[1].get_length())


def _collected(first: ov.Output, neighbours: ov.Node) -> _Windows:
    """Return the first layer around blocks, (K, 3, 2, 3, 2 O), of that at cells."""
    channels = _channels(first) // PLACES**2
    # The two places of a cell's row follow each other.
    table = ops.reshape(first, integers([-1, PLACES * channels]), special_zero=False)
    cells = ops.unsqueeze(ops.multiply(neighbours, integers(PLACES)), integers(2))
    return _Windows(table.output(0), ops.add(cells, integers(np.arange(PLACES)[:, None])))


def _later_layers(found: PublishedRefiner, near: _Windows, pictures: ov.Node) -> ov.Output:
    """Return the refined blocks, in rows: channel, y, x."""
    side = NEIGHBOURS * PLACES
    inner = len(found.conv2.bias)
    features, colours = np.split(found.conv3.weights, [inner], axis=1)

    def layers(near: ov.Node, pictures: ov.Node) -> ov.Node:
        x = ops.reshape(near, integers([AT_A_TIME, side, side, -1]), special_zero=False)
        x, places = (ops.transpose(each, integers([0, 3, 1, 2])) for each in (x, pictures))
        x = ops.relu(bias(convolution(x, found.conv2.weights, "refiner/conv2"), found.conv2.bias))
        x = ops.add(
            convolution(x, of_plain_places(features), "refiner/conv3/features"),
            convolution(places, of_places(colours), "refiner/conv3/pictures"),
        )
        x = ops.relu(bias(x, np.tile(found.conv3.bias, PLACES**2)))
        x = convolution(x, of_places(found.conv4.weights), "refiner/conv4")
        x = bias(x, np.tile(found.conv4.bias, PLACES**2))
        split = integers([AT_A_TIME, PLACES, PLACES, RESULTS, PLACES, PLACES])
        x = ops.reshape(x, split, special_zero=False)  # y and x in a place, channel, y and x of the place
        x = ops.transpose(x, integers([0, 3, 4, 1, 5, 2]))
        return ops.reshape(x, integers([AT_A_TIME, _ROW]), special_zero=False)

    return _in_turn("conv2-4", [near, pictures], layers)


def _paste(found: PublishedRefiner, blocks: Cells, some: ov.Node, patches: ov.Output) -> ov.Output:
    """Return the coarse matte at full size, with the patches in their places if there are some."""
    table = _table(enlarged_coarse(found), _ROW)
    kept = ops.select(some, patches, ops.gather(table, blocks.number, integers(0)))
    pasted = ops.scatter_update(table, blocks.number, kept, integers(0))
    batch, _, height, width = sides(found.pictures)
    grid = shape(batch, blocks.grid.height, blocks.grid.width, RESULTS, CELL, CELL)
    ordered = ops.transpose(ops.reshape(pasted, grid, special_zero=False), integers([0, 3, 1, 4, 2, 5]))
    whole = ops.reshape(ordered, shape(batch, RESULTS, height, width), special_zero=False)
    whole.set_friendly_name("refiner/refined")
    return whole.output(0)
