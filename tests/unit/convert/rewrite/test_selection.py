"""The cells that blocks need against a search through all blocks."""

from __future__ import annotations

import numpy as np
import pytest

from omz.convert.rewrite.ops import ops
from omz.convert.rewrite.selection import AT_A_TIME, around, blocks_of, cells_around, largest
from omz.runtime.quiet_openvino import core, ov

Place = tuple[int, ...]
"""Image, row and column."""


def run(errors: np.ndarray, count: int) -> dict[str, np.ndarray]:
    given = ops.parameter([-1, 1, -1, -1], np.float32)
    chosen = largest(given.output(0), count)
    blocks, some = blocks_of(chosen)
    near = around(blocks, chosen)
    values = {"blocks": blocks.number, "some": some, "first": near.first}
    for name, cells in (("inner", near.inner), ("edge", near.edge), ("coarse", near.coarse)):
        values[name] = ops.concat([*(ops.squeeze(each, np.array([1, 2])) for each in _places(cells))], 0)
    read = [cells_around(cells, blocks.grid) for cells in (near.inner, near.edge)]
    values["read"] = ops.gather(near.ranks, ops.concat(read, 0), np.array(0))
    values["cells"] = ops.concat(read, 0)
    values["numbers"] = near.coarse.number
    model = ov.Model([ops.convert(each, "f64") for each in values.values()], [given], "selection")
    results = core().compile_model(model, "CPU")([errors])
    return {name: np.array(results[index]).astype(int) for index, name in enumerate(values)}


def _places(cells) -> tuple[ov.Node, ...]:
    return cells.image, cells.row, cells.column


def places(listed: np.ndarray) -> list[Place]:
    return list(map(tuple, listed.reshape(3, -1).T.tolist()))


def neighbours(place: Place) -> set[Place]:
    image, row, column = place
    return {(image, row + y, column + x) for y in (-1, 0, 1) for x in (-1, 0, 1)}


@pytest.mark.parametrize(("shape", "count"), [((1, 1, 9, 12), 7), ((2, 1, 6, 5), 30), ((1, 1, 1, 2), 1)])
def test_each_cell_that_blocks_need_is_listed_once(shape, count):
    errors = np.random.default_rng(0).permutation(np.prod(shape)).astype(np.float32).reshape(shape)
    found = run(errors, count)
    _, _, height, width = shape
    blocks = [divmod(number, height * width) for number in found["blocks"].tolist()]
    blocks = [(image, *divmod(rest, width)) for image, rest in blocks]
    expected = set().union(*map(neighbours, blocks))
    framed = set().union(*map(neighbours, expected))
    inside = {(image, row, column) for image, row, column in framed if 0 <= row < height and 0 <= column < width}
    inner = {place for place in expected if 0 < place[1] < height - 1 and 0 < place[2] < width - 1}
    listed = [places(found[name]) for name in ("inner", "edge")]
    assert set(places(found["coarse"])) == inside
    assert set(listed[1]) == expected - inner
    assert not inner or set(listed[0]) == inner
    assert all(len(each) % AT_A_TIME == 0 for each in (*listed, blocks))
    both = listed[0] + listed[1]
    for block, where in zip(blocks, found["first"], strict=True):
        assert [both[rank] for rank in where.ravel()] == sorted(neighbours(block))


def test_cells_read_coarse_features_of_their_neighbours():
    found = run(np.random.default_rng(1).random((1, 1, 8, 8), np.float32), 20)
    known = set(found["numbers"].tolist())
    for cells, ranks in zip(found["cells"], found["read"], strict=True):
        if set(cells.ravel().tolist()) <= known:  # not where a list is filled up
            assert np.array_equal(found["numbers"][ranks], cells)


def test_no_expected_error_leaves_one_block_that_is_not_wanted():
    found = run(np.zeros((1, 1, 5, 5), np.float32), 4)
    assert not found["some"]
    assert set(found["blocks"].tolist()) == {0}
