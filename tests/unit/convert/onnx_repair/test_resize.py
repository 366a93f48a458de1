"""Bilinear resizing that is spelled in gathers; PyTorch tells what it should compute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
import torch
from helpers.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    interpolation,
    node,
    numbers,
    op_types,
    tensor,
    unchanged,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from omz.convert.onnx_repair.folding import remove_dead
from omz.convert.onnx_repair.operators import gathers_to_resize

SHAPE = (1, 2, 3, 5)
COLUMN, FOUR, TABLE = "(n, 1)", "four", "table"


def torch_resized(x: np.ndarray, size: Sequence[int]) -> np.ndarray:
    return F.interpolate(torch.from_numpy(x), size=tuple(size), mode="bilinear", align_corners=False).numpy()


class Spelling:
    """Nodes and constants of one axis after another, in MindSpore's way or another."""

    def __init__(self, shape: Sequence[int], opset: int = 11) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shape, self.opset = list(shape), opset

    def constant(self, value: np.ndarray) -> str:
        name = f"{len(self.constants)}-Default/t-_Twice/data-{len(self.constants)}"
        self.constants[name] = value
        return name

    def sum(self, tensor: str, result: str, axis: int, terms, layout=COLUMN, weights_first=False, swap=False) -> None:
        """Add a sum of gathers, each from indices and weights."""
        products = []
        for number, (indices, weights) in enumerate(terms):
            gathered, product = f"{result}-gather-{number}", f"{result}-product-{number}"
            self.nodes.append(node("Gather", [tensor, self.constant(indices)], [gathered], axis=axis))
            factors = [gathered, self.constant(self.laid_out(weights, axis % len(self.shape), layout))]
            self.nodes.append(node("Mul", factors[::-1] if weights_first else factors, [product]))
            products.append(product)
        self.nodes.append(node("Add", products[::-1] if swap else products, [result]))
        self.shape[axis] = len(terms[0][0])

    def laid_out(self, weights: np.ndarray, axis: int, layout: str) -> np.ndarray:
        rank = len(self.shape)
        if layout == COLUMN:
            return weights.reshape(-1, *(1,) * (rank - 1 - axis))
        side = [len(weights) if each == axis else 1 for each in range(rank)]
        if layout == FOUR:
            return weights.reshape(side)
        full = [len(weights) if each == axis else self.shape[each] for each in range(rank)]
        return np.ascontiguousarray(np.broadcast_to(weights.reshape(side), full))

    def resize(self, tensor: str, result: str, axis: int, after: int, **how) -> None:
        lower, upper, share = interpolation(self.shape[axis], after)
        self.sum(tensor, result, axis, [(lower, 1 - share), (upper, share)], **how)

    def model(self, shape: Sequence[int | str], outputs=("y",), domain: str = "") -> onnx.ModelProto:
        given = [tensor("x", shape)]
        return graph_of(self.nodes, given, [tensor(name, None) for name in outputs], self.constants, self.opset, domain)


def with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    inferred = onnx.shape_inference.infer_shapes(model)
    for value, known in zip(model.graph.output, inferred.graph.output, strict=True):
        value.CopyFrom(known)
    return model


def twice(shape=SHAPE, opset: int = 11, after: tuple[int, int] | None = None, outputs=("y",), **how):
    spelling = Spelling(shape, opset)
    rows, columns = after or (2 * shape[2], 2 * shape[3])
    spelling.resize("x", "rows", 2, rows, **how)
    spelling.resize("rows", "y", 3, columns, **how)
    return with_shapes(spelling.model(shape, outputs))


def mended(model: onnx.ModelProto) -> onnx.ModelProto:
    gathers_to_resize(model)
    assert unchanged(model, gathers_to_resize)
    remove_dead(model)
    return model


@pytest.mark.parametrize("opset", [11, 12, 13, 17, 18, 19, 21])
def test_both_axes_become_one_resize(opset):
    x = numbers(*SHAPE)
    wanted = torch_resized(x, (6, 10))
    model = twice(opset=opset)
    check_everywhere(model, {"x": x}, wanted)
    mended(model)
    assert op_types(model) == ["Resize"]
    assert len(model.graph.initializer) == 2
    check_everywhere(model, {"x": x}, wanted)


@settings(max_examples=30)  # each is compiled by several runtimes
@given(
    shape=st.tuples(st.just(1), st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)),
    after=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    layout=st.sampled_from([COLUMN, FOUR, TABLE]),
    weights_first=st.booleans(),
    swap=st.booleans(),
    negative=st.booleans(),
    columns_first=st.booleans(),
)
@example((1, 1, 3, 3), (1, 1), COLUMN, False, False, False, False)
def test_any_size_and_spelling(shape, after, layout, weights_first, swap, negative, columns_first):
    spelling = Spelling(shape)
    how = {"layout": layout, "weights_first": weights_first, "swap": swap}
    first, last = (3, 2) if columns_first else (2, 3)
    spelling.resize("x", "between", first - 4 * negative, after[first - 2], **how)
    spelling.resize("between", "y", last - 4 * negative, after[last - 2], **how)
    x = numbers(*shape)
    model = mended(with_shapes(spelling.model(shape)))
    check_everywhere(model, {"x": x}, torch_resized(x, after))
    if all(new % old == 0 for old, new in zip(shape[2:], after, strict=True)):
        assert op_types(model) == ["Resize"]


@given(before=st.integers(1, 300), after=st.integers(1, 300))
def test_sizes_are_those_of_the_gathers(before, after):
    """A scale such as 1/49 has no exact number: 49 times it is less than 1 in some precision."""
    spelling = Spelling((1, 1, 1, before))
    spelling.resize("x", "y", 3, after)
    x = numbers(1, 1, 1, before)
    check_everywhere(
        mended(with_shapes(spelling.model((1, 1, 1, before)))), {"x": x}, torch_resized(x, (1, after)), within=2e-4
    )


def test_what_is_read_in_between_stays_right():
    x = numbers(*SHAPE)
    model = twice(outputs=("rows", "y", "rows-product-0", "y-gather-1"))
    results = [torch_resized(x, (6, 5)), torch_resized(x, (6, 10))]
    lower, _, share = interpolation(3, 6)
    results += [x[:, :, lower] * (1 - share)[:, None], results[0][:, :, :, interpolation(5, 10)[1]]]
    check_everywhere(model, {"x": x}, *results)
    check_everywhere(mended(model), {"x": x}, *results)
    assert op_types(model).count("Resize") == 2


def test_an_axis_twice_stays_two_steps():
    spelling = Spelling(SHAPE)
    spelling.resize("x", "once", 3, 10)
    spelling.resize("once", "y", 3, 20)
    x = numbers(*SHAPE)
    model = mended(with_shapes(spelling.model(SHAPE)))
    assert op_types(model) == ["Resize", "Resize"]
    check_everywhere(model, {"x": x}, torch_resized(torch_resized(x, (3, 10)), (3, 20)))


def test_an_open_batch():
    spelling = Spelling(SHAPE)
    spelling.resize("x", "rows", 2, 6)
    spelling.resize("rows", "y", 3, 10)
    model = mended(with_shapes(spelling.model(["n", *SHAPE[1:]])))
    assert op_types(model) == ["Resize"]
    x = numbers(4, *SHAPE[1:])
    check_everywhere(model, {"x": x}, torch_resized(x, (6, 10)))


def test_onnx_by_its_full_name():
    spelling = Spelling(SHAPE)
    spelling.resize("x", "y", 3, 10)
    for each in spelling.nodes:
        each.domain = "ai.onnx"
    model = spelling.model(SHAPE, domain="ai.onnx")
    gathers_to_resize(model)
    assert op_types(model)[-1] == "Resize"


def test_a_name_that_is_taken():
    model = twice()
    model.graph.node.append(node("Identity", ["x"], ["y_scales"]))
    model.graph.output.append(tensor("y_scales", SHAPE))
    x = numbers(*SHAPE)
    check_everywhere(mended(model), {"x": x}, torch_resized(x, (6, 10)), x)


def near_misses():
    lower, upper, share = interpolation(5, 10)
    near, far = (lower, 1 - share), (upper, share)

    def along(terms, axis=3, shape=SHAPE, **how):
        spelling = Spelling(shape)
        spelling.sum("x", "y", axis, terms, **how)
        return spelling.model(shape)

    corners = np.linspace(0, 4, 10).astype(np.float32)
    left = np.minimum(corners.astype(np.int64), 3)
    yield "align_corners", along([(left, 1 - (corners - left)), (left + 1, corners - left)])
    thirds = (np.arange(10) / 2).astype(np.float32)
    left = thirds.astype(np.int64)
    yield "asymmetric", along([(left, 1 - (thirds - left)), (np.minimum(left + 1, 4), thirds - left)])
    yield "a weight off", along([near, (upper, share + np.float32(1e-4))])
    yield "edges beyond", along([(lower, 1 - share), (np.minimum(lower + 1, 3), share)])
    yield (
        "channels",
        along(
            [
                (np.int64([0, 0, 1, 1]), np.float32([1, 0.75, 0.25, 0])),
                (np.int64([1] * 4), np.float32([0, 0.25, 0.75, 1])),
            ],
            1,
        ),
    )
    batch = interpolation(2, 4)
    yield "batch", along([(batch[0], 1 - batch[2]), (batch[1], batch[2])], 0, (2, 1, 3, 5))
    yield "rank 6", along([near, far], 5, (1, 1, 1, 1, 3, 5))
    yield "rank 1", along([near, far], 0, (5,))
    yield "float64", along([(lower, (1 - share).astype(np.float64)), (upper, share.astype(np.float64))])
    model = along([near, far])
    model.graph.input.append(tensor("z", SHAPE))
    model.graph.node[2].input[0] = "z"
    yield "two tensors", model
    model = along([near, far])
    model.graph.node[2].attribute[0].i = 2
    yield "two axes", model
    model = along([near, far], layout=TABLE)
    table = onnx.numpy_helper.to_array(model.graph.initializer[1]).copy()
    table[0, 1, 0] += 0.1
    model.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(table, model.graph.initializer[1].name))
    yield "weights that vary over another axis", model
    model = along([near, far])
    model.graph.input.append(tensor(model.graph.initializer[0].name, [10], onnx.TensorProto.INT32))
    yield "an initializer that is an input", model
    model = along([near, far])
    del model.graph.initializer[0]
    model.graph.input.append(tensor(model.graph.node[0].input[1], [10], onnx.TensorProto.INT32))
    yield "indices that are an input", model
    model = along([near, far])
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "w"
    yield "a width that is open", model
    model = along([near, far])
    model.graph.node[4].domain = "com.example"
    model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
    yield "another Add", model
    yield "widening weights", _widening()
    yield "nothing gathered", along([(np.zeros(0, np.int64), np.zeros(0, np.float32))] * 2)
    yield "nothing gathered, one weight", along([(np.zeros(0, np.int64), np.ones(1, np.float32))] * 2)
    yield "no rank", _scalar()
    model = twice(SHAPE, 11)
    model.opset_import[0].version = 10
    yield "opset 10", model


def _widening() -> onnx.ModelProto:
    spelling = Spelling((1, 1, 3, 5))
    lower, upper, share = interpolation(5, 10)
    spelling.shape[1] = 4
    spelling.sum("x", "y", 3, [(lower, 1 - share), (upper, share)], layout=TABLE)
    return spelling.model((1, 1, 3, 5))


def _scalar() -> onnx.ModelProto:
    nodes = [node("Mul", ["x", "c"], ["a"]), node("Mul", ["x", "c"], ["b"]), node("Add", ["a", "b"], ["y"])]
    return graph_of(nodes, [tensor("x", [])], [tensor("y", [])], {"c": np.float32(2)})


@pytest.mark.parametrize(("model"), [pytest.param(model, id=name) for name, model in near_misses()])
def test_something_else_stays(model):
    assert unchanged(model, gathers_to_resize)


def test_healthy_graphs_stay():
    for model in healthy():
        assert unchanged(model, gathers_to_resize)
