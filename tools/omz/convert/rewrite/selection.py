"""The blocks that a refiner works on, the cells around them, and where both lie in tables of places.

A block is 4x4 pixels, and so is a cell: a place of the coarse matte. Blocks are cells that are refined. A place is 2x2
pixels. The first layer of a block needs the cells around it, and blocks lie close together, so that most of those are
needed by several blocks, and cost one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omz.convert.rewrite.ops import Value, floats, integers, ops, shape, sides
from omz.convert.rewrite.weights import AROUND, PLACES
from omz.runtime.quiet_openvino import ov

AT_A_TIME = 256
"""Blocks or cells of a turn; lists of them are filled up to whole turns."""
NEIGHBOURS = 3
"""The sides of a block and its neighbours, in cells."""
_OUTSIDE = 2**29  # from a table's end; Gather reads zeros there, and two of them fit in 32 bits


@dataclass(frozen=True)
class Grid:
    """The cells of all images: ``height`` x ``width`` in each of the ``images``, scalars."""

    images: ov.Node
    height: ov.Node
    width: ov.Node

    def framed(self) -> Grid:
        """Return the grid with one more cell at each edge."""
        height, width = (ops.add(side, integers(NEIGHBOURS - 1)) for side in (self.height, self.width))
        return Grid(self.images, height, width)

    def size(self) -> ov.Node:
        """Return the number of cells in all images."""
        return ops.multiply(self.images, ops.multiply(self.height, self.width))

    def places(self) -> Grid:
        """Return the grid of places."""
        height, width = (ops.multiply(side, integers(PLACES)) for side in (self.height, self.width))
        return Grid(self.images, height, width)

    def cell(self, image: Value, row: Value, column: Value) -> ov.Node:
        """Return the numbers of cells in the grids of all images together."""
        return ops.add(ops.multiply(ops.add(ops.multiply(image, self.height), row), self.width), column)


@dataclass(frozen=True)
class Cells:
    """K cells of a ``grid``: ``number`` (K,) in the grids of all images; ``image``, ``row``, ``column`` (K, 1, 1).

    In a framed grid, rows and columns begin at -1.
    """

    grid: Grid
    number: ov.Node
    image: ov.Node
    row: ov.Node
    column: ov.Node


def _cells(grid: Grid, number: ov.Node, first: int = 0) -> Cells:
    """Return cells by their numbers; rows and columns of the grid begin at ``first``."""
    row_of_all = ops.divide(number, grid.width)
    column = ops.subtract(number, ops.multiply(row_of_all, grid.width))
    image = ops.divide(row_of_all, grid.height)
    row = ops.subtract(row_of_all, ops.multiply(image, grid.height))
    row, column = (ops.add(each, integers(first)) for each in (row, column))
    image, row, column = (ops.unsqueeze(each, integers([1, 2])) for each in (image, row, column))
    return Cells(grid, number, image, row, column)


def largest(errors: ov.Output, count: int) -> ov.Output:
    """Return 1 for the ``count`` blocks of each image with the largest expected errors, as far as these are above 0.

    For other blocks it is 0; the result has the shape of ``errors``.
    """
    images, _, height, width = sides(errors)
    grid, size = Grid(images, height, width), ops.multiply(height, width)
    flat = ops.reshape(errors, integers([0, -1]), special_zero=True)
    ranked = ops.topk(flat, ops.minimum(integers(count), size), 1, "max", "value", "i64")
    every = ops.range(integers(0), images, integers(1), "i64")
    numbers = ops.add(ranked.output(1), ops.multiply(ops.unsqueeze(every, integers(1)), size))
    expected = ops.convert(ops.greater(ranked.output(0), floats(0)), "f32")
    listed = [ops.reshape(each, integers([-1]), special_zero=False) for each in (numbers, expected)]
    chosen = ops.scatter_update(ops.broadcast(floats(0), shape(grid.size())), *listed, integers(0))
    return ops.reshape(chosen, ops.shape_of(errors, "i64"), special_zero=False).output(0)


def above(errors: ov.Output, threshold: float) -> ov.Output:
    """Return 1 for blocks whose expected error is above a threshold, and else 0, in the shape of ``errors``."""
    return ops.convert(ops.greater(errors, floats(threshold)), "f32").output(0)


def blocks_of(chosen: ov.Output) -> tuple[Cells, ov.Node]:
    """Return the ``chosen`` blocks, for which the map (N, 1, H/4, W/4) is not 0.

    There is at least one, and as many more as fill the last turn; they are the last one once more. The second result is
    false if no block is chosen, so that the one there is stays as it is.
    """
    images, _, height, width = sides(chosen)
    # The first cell, which fills up where no block is found, stands before the blocks.
    numbers = ops.concat([integers([0]), _listed(chosen)], 0)
    some = ops.greater(_length(numbers), integers(1))
    return _cells(Grid(images, height, width), _filled(numbers)), some


def _length(listed: ov.Node) -> ov.Node:
    return ops.squeeze(ops.shape_of(listed, "i64"), integers(0))


def _filled(numbers: ov.Node) -> ov.Node:
    """Return a list, without its first member, filled up to whole turns by the last one; there is at least one turn."""
    last = ops.subtract(_length(numbers), integers(1))
    turns = ops.divide(ops.add(last, integers(AT_A_TIME - 1)), integers(AT_A_TIME))
    whole = ops.multiply(ops.maximum(turns, integers(1)), integers(AT_A_TIME))
    ranks = ops.range(integers(1), ops.add(whole, integers(1)), integers(1), "i64")
    return ops.gather(numbers, ops.minimum(ranks, last), integers(0))


@dataclass(frozen=True)
class Surroundings:
    """Cells of which blocks need something, each once; all three lists fill whole turns.

    Of the first layer, blocks need themselves and their neighbours, in the framed grid. ``inner`` ones of these have
    all that they read inside of the image, which those at the ``edge`` have not. ``first`` (K, 3, 3) tells for each
    block where it and its neighbours are in the list of inner ones, continued by those at the edge.

    These cells read coarse features at the ``coarse`` cells: themselves and their neighbours, inside of the image.
    ``ranks`` tells for all cells of the grid where in that list they are.
    """

    inner: Cells
    edge: Cells
    first: ov.Node
    coarse: Cells
    ranks: ov.Node


def around(blocks: Cells, chosen: ov.Output) -> Surroundings:
    """Return the cells that blocks need, which are those that are ``chosen``."""
    grid = blocks.grid
    framed = grid.framed()
    near = _with_neighbours(chosen, NEIGHBOURS - 1)
    inner, edge = _divided(_cells(framed, _listed(near), -1), grid)
    coarse = _listed(_with_neighbours(near, 0))
    lists = [_filled(ops.concat([integers([0]), each], 0)) for each in (inner, edge, coarse)]
    ranked = _ranks(framed, ops.concat([inner, edge], 0), ops.concat([_range(inner), _range(edge, lists[0])], 0))
    steps = np.arange(NEIGHBOURS)
    row = ops.add(blocks.row, integers(steps[:, None]))
    column = ops.add(blocks.column, integers(steps))
    first = ops.gather(ranked, framed.cell(blocks.image, row, column), integers(0))
    ranks = _ranks(grid, coarse, _range(coarse))
    return Surroundings(
        _cells(framed, lists[0], -1), _cells(framed, lists[1], -1), first, _cells(grid, lists[2]), ranks
    )


def _with_neighbours(maps: Value, padding: int) -> ov.Output:
    """Return whether a cell or a neighbour is chosen, for a grid with one more cell or one fewer at each edge."""
    pooled: ov.Output = ops.max_pool(maps, [1, 1], [1, 1], [padding] * 2, [padding] * 2, [NEIGHBOURS] * 2).output(0)
    return pooled


def _listed(maps: Value) -> ov.Node:
    """Return the numbers of chosen cells."""
    return _true(ops.reshape(maps, integers([-1]), special_zero=False))


def _divided(cells: Cells, grid: Grid) -> list[ov.Node]:
    """Return the numbers of cells whose neighbours are inside of a grid, and of the others."""
    one = integers(1)
    inside = ops.logical_and(
        _is_between(cells.row, 1, ops.subtract(grid.height, one)),
        _is_between(cells.column, 1, ops.subtract(grid.width, one)),
    )
    inside = ops.reshape(inside, integers([-1]), special_zero=False)
    return [ops.gather(cells.number, _true(each), integers(0)) for each in (inside, ops.logical_not(inside))]


def _range(listed: ov.Node, after: ov.Node | None = None) -> ov.Node:
    """Return where the members of a list are in it, or in another one that it continues."""
    places = ops.range(integers(0), _length(listed), integers(1), "i64")
    return places if after is None else ops.add(places, _length(after))


def _ranks(grid: Grid, numbers: ov.Node, ranks: ov.Node) -> ov.Node:
    """Return the ranks of cells in the order of the grid, and zeros for other cells."""
    return ops.scatter_update(ops.broadcast(integers(0), shape(grid.size())), numbers, ranks, integers(0))


def _true(values: Value) -> ov.Node:
    """Return where values are not zero."""
    return ops.squeeze(ops.non_zero(values, "i64"), integers(0))


def _is_between(value: Value, first: int, end: Value) -> ov.Node:
    return ops.logical_and(ops.greater_equal(value, integers(first)), ops.less(value, end))


def cells_around(cells: Cells, grid: Grid) -> ov.Node:
    """Return where cells and their neighbours lie in a table of a ``grid`` of cells: (K, 3, 3).

    For those outside of the grid, that is where the nearest ones inside are.
    """
    row, column = _neighbours(cells)
    return grid.cell(cells.image, _clipped(row, grid.height), _clipped(column, grid.width))


def cells_inside(cells: Cells, grid: Grid) -> ov.Node:
    """Return :func:`cells_around`, but those outside of the grid are behind the table's end."""
    return _where(cells.image, *_neighbours(cells), grid)


def _neighbours(cells: Cells) -> tuple[ov.Node, ov.Node]:
    steps = np.arange(NEIGHBOURS) - 1
    return ops.add(cells.row, integers(steps[:, None])), ops.add(cells.column, integers(steps))


def _clipped(value: Value, end: Value) -> ov.Node:
    return ops.maximum(ops.minimum(value, ops.subtract(end, integers(1))), integers(0))


def places_of(cells: Cells, grid: Grid) -> ov.Node:
    """Return where the places of cells, and those around them, lie in a table of a ``grid`` of places: (K, 4, 4).

    Places outside of the grid are behind the table's end.
    """
    return _where(cells.image, *_places(cells), grid)


def _where(image: Value, row: Value, column: Value, grid: Grid) -> ov.Node:
    first = ops.multiply(ops.add(ops.multiply(image, grid.height), row), grid.width)
    outside = integers(_OUTSIDE)
    y = ops.select(_is_between(row, 0, grid.height), first, outside)
    return ops.add(y, ops.select(_is_between(column, 0, grid.width), column, outside))


def places_inside(cells: Cells, grid: Grid) -> ov.Node:
    """Return 1 for places of cells and around them, (K, 4, 4), that are inside of a ``grid`` of places, and else 0."""
    y, x = _places(cells)
    inside = ops.logical_and(_is_between(y, 0, grid.height), _is_between(x, 0, grid.width))
    return ops.convert(inside, "f32")


def _places(cells: Cells) -> tuple[ov.Node, ov.Node]:
    steps = np.arange(AROUND) - 1
    y = ops.add(ops.multiply(cells.row, integers(PLACES)), integers(steps[:, None]))
    return y, ops.add(ops.multiply(cells.column, integers(PLACES)), integers(steps))
