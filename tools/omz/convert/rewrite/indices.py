"""The indices of selected blocks in a published graph: tried out, for every exporter computes them in its own way.

They depend on the expected errors alone. For errors drawn at random, it is known which blocks are the largest, where
their crops lie, and where their results belong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omz.convert.rewrite.ops import ops
from omz.runtime.quiet_openvino import core, ov

_BLOCK, _RESULTS = 4, 4
_CROPS = (2, 3), (2, 3), (4, 2)
"""Step from block to block and padding of the three crops, in pixels of their maps."""
_SHARES = 0.9, 0.02
"""Shares of blocks with an expected error that are tried: one is more than are refined, the other may be fewer."""


@dataclass(frozen=True)
class Places:
    """Where a graph computes or uses indices: three crops, and the paste of ``patches`` into ``enlarged``."""

    enlarged: ov.Output
    patches: ov.Output
    crops: tuple[ov.Node, ...]
    paste: ov.Node


def indices_problem(model: ov.Model, errors: ov.Output, count: int, places: Places) -> str | None:
    """Say what is wrong with the indices of the blocks with the ``count`` largest ``errors``; None if nothing is."""
    try:
        run = _Trial(model, errors, places)
        for seed, share in enumerate(_SHARES):
            drawn = _draw(seed, share, run.shape)
            if not _fits(run(drawn, count), _expected(drawn, count), run.shape):
                return "its blocks are chosen, cut out or pasted in another way than published"
    except RuntimeError:
        return "its choice of blocks does not run by itself"
    return None


class _Trial:
    """The part of a model that computes indices, in which a parameter takes the place of the errors."""

    def __init__(self, model: ov.Model, errors: ov.Output, places: Places) -> None:
        self.shape = tuple(errors.get_shape())
        copy = model.clone()
        nodes = {node.get_friendly_name(): node for node in copy.get_ordered_ops()}
        crops = [nodes[crop.get_friendly_name()] for crop in places.crops]
        wanted = []
        for crop in crops:
            pad = crop.input_value(0).get_node()
            wanted += [crop.input_value(1), crop.input_value(2), *map(pad.input_value, (1, 2, 3))]
        paste = nodes[places.paste.get_friendly_name()]
        wanted += [paste.input_value(1), paste.input_value(3)]
        wanted = [ops.convert(each, "f64").output(0) for each in wanted]  # keeps constants apart from each other
        parameters = []
        for value in (errors, places.enlarged, places.patches):
            parameter = ops.parameter(value.get_partial_shape(), value.get_element_type())
            nodes[value.get_node().get_friendly_name()].output(value.get_index()).replace(parameter.output(0))
            parameters.append(parameter)
        self._parameters = [*copy.get_parameters(), *parameters]
        part = ov.Model(wanted, self._parameters, "indices")
        self._compiled = core().compile_model(part, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def __call__(self, errors: NDArray[np.float32], count: int) -> list[NDArray[Any]]:
        given = []
        random = np.random.default_rng(0)
        for parameter in self._parameters:
            sides = [side.get_length() if side.is_static else count for side in parameter.get_partial_shape()]
            given.append(random.random(sides, np.float32))
        given[-3] = errors  # see the order of the parameters
        results = self._compiled(given)
        return [np.array(results[port]) for port in self._compiled.outputs]


def _draw(seed: int, share: float, shape: Sequence[int]) -> NDArray[np.float32]:
    """Return errors, all different, of which ``share`` is above 0, and at least one."""
    size = int(np.prod(shape))
    below = size - max(1, int(share * size))
    values = (np.arange(size) - below + 0.5) / size
    return np.random.default_rng(seed).permutation(values).astype(np.float32).reshape(shape)


def _expected(errors: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return image, row and column of the blocks to refine, in order: (blocks, 3)."""
    found = []
    for image, grid in enumerate(errors[:, 0]):
        limit = max(np.sort(grid, axis=None)[-count], 0)
        chosen = np.argwhere((grid >= limit) & (grid > 0))
        found += [(image, *place) for place in chosen]
    return np.array(found)


def _fits(results: list[NDArray[Any]], blocks: NDArray[np.int64], shape: Sequence[int]) -> bool:
    *crops, where, axis = results
    images = crops[1].ravel()
    pasted = _pasted(blocks, shape)
    if axis.ravel().tolist() != [0] or len(images) != len(blocks) or where.size != pasted.size:
        return False
    where = where.reshape(pasted.shape)
    order = np.argsort(where[:, 0])  # graphs may list blocks in any order
    for number, (step, padding) in enumerate(_CROPS):
        boxes, of_image, before, after, filling = crops[5 * number : 5 * number + 5]
        corner = blocks[:, :0:-1] * step - 0.5
        if not np.array_equal(boxes[order], np.hstack([corner, corner + step + 2 * padding])):
            return False
        pads = [0, 0, padding, padding]
        if before.tolist() != pads or after.tolist() != pads or filling.ravel().tolist() != [0]:
            return False
        if not np.array_equal(of_image.ravel()[order], blocks[:, 0]):
            return False
    return np.array_equal(where[order], pasted)


def _pasted(blocks: NDArray[np.int64], shape: Sequence[int]) -> NDArray[np.int64]:
    """Return where the pixels of each block belong in the flat matte: (blocks, 64), in the order channel, y, x."""
    height, width = shape[2] * _BLOCK, shape[3] * _BLOCK
    image, row, column = (blocks[:, axis].reshape(-1, 1, 1, 1) for axis in range(3))
    steps = np.arange(_BLOCK)
    plane = image * _RESULTS + np.arange(_RESULTS)[:, None, None]
    y, x = row * _BLOCK + steps[:, None], column * _BLOCK + steps
    flat: NDArray[np.int64] = ((plane * height + y) * width + x).reshape(len(blocks), -1)
    return flat
