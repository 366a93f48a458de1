"""Operators as MindSpore 2.10 writes them; PyTorch tells what transposed convolutions should compute."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    in_onnxruntime,
    in_openvino,
    indices,
    node,
    numbers,
    op_types,
    output_shapes,
    tensor,
    unchanged,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from scipy.special import softmax
from torch.nn import functional as F

from omz.convert.onnx_repair.folding import remove_dead
from omz.convert.onnx_repair.operators import let_through_what_is_whole, softmax_in_place, spatial_output_shape
from omz.runtime.quiet_openvino import ov

IN, OUT = 2, 3


def transposed(side: tuple[int, int], output: tuple[int, ...], weight: np.ndarray, **attributes) -> onnx.ModelProto:
    convolution = node(
        "ConvTranspose", ["x", "w"], ["y"], dilations=[1, 1], group=1, kernel_shape=weight.shape[2:],
        output_shape=output, **attributes,
    )  # fmt: skip
    shape = (1, OUT, *output[-2:])
    return graph_of([convolution], [tensor("x", [1, IN, *side])], [tensor("y", shape)], {"w": weight})


def truth(x: np.ndarray, weight: np.ndarray, stride: int, ends: tuple[int, int, int, int]) -> np.ndarray:
    """Every pixel spread over its kernel, then top, bottom, left and right cut off, less than nothing added."""
    whole = F.conv_transpose2d(torch.from_numpy(x), torch.from_numpy(weight), stride=stride)
    top, bottom, left, right = ends
    return F.pad(whole, (-left, -right, -top, -bottom)).numpy()


def test_only_sides_are_left_in_the_shape():
    x, weight = numbers(1, IN, 4, 5), numbers(IN, OUT, 5, 5, seed=1)
    wanted = truth(x, weight, 2, (2, 2, 2, 2))
    model = transposed((4, 5), wanted.shape, weight, pads=[2, 2, 2, 2], strides=[2, 2])
    assert output_shapes(model) == [[*wanted.shape]]  # of which ONNX allows the sides alone
    spatial_output_shape(model)
    assert output_shapes(model) == [[*wanted.shape[2:]]]
    onnx.checker.check_model(model, full_check=True)
    check_everywhere(model, {"x": x}, wanted)
    assert unchanged(model, spatial_output_shape)


@settings(max_examples=30)  # each is compiled by several runtimes
@given(kernel=st.integers(1, 5), stride=st.integers(1, 3), side=st.tuples(st.integers(2, 5), st.integers(2, 5)))
def test_same(kernel, stride, side):
    """MindSpore: as long as what goes in times the stride, the first end cut off a pixel less, if there is one more."""
    more = kernel - stride
    first, last = (more // 2, more - more // 2) if more > 0 else (0, more)
    x, weight = numbers(1, IN, *side), numbers(IN, OUT, kernel, kernel, seed=1)
    wanted = truth(x, weight, stride, (first, last, first, last))
    assert wanted.shape[2:] == (side[0] * stride, side[1] * stride)
    model = transposed(side, wanted.shape, weight, auto_pad="SAME_LOWER", strides=[stride] * 2)
    spatial_output_shape(model)
    check_everywhere(model, {"x": x}, wanted)
    assert unchanged(model, spatial_output_shape)


@settings(max_examples=30)  # each is compiled by several runtimes
@given(
    ends=st.tuples(*[st.integers(0, 2)] * 4), stride=st.integers(1, 3), side=st.tuples(st.integers(3, 5), st.just(4))
)
def test_pads_in_the_order_of_mindspore(ends, stride, side):
    """Top, bottom, left, right."""
    x, weight = numbers(1, IN, *side), numbers(IN, OUT, 5, 5, seed=1)
    wanted = truth(x, weight, stride, ends)
    model = transposed(side, wanted.shape, weight, pads=ends, strides=[stride] * 2)
    spatial_output_shape(model)
    check_everywhere(model, {"x": x}, wanted)
    assert unchanged(model, spatial_output_shape)


def test_valid():
    x, weight = numbers(1, IN, 4, 5), numbers(IN, OUT, 2, 2, seed=1)
    wanted = truth(x, weight, 3, (0, -1, 0, -1))
    model = transposed((4, 5), wanted.shape, weight, auto_pad="VALID", strides=[3, 3])
    spatial_output_shape(model)
    for result in in_onnxruntime(model, {"x": x}):
        np.testing.assert_allclose(result, wanted, atol=1e-5)


def test_healthy_graphs_stay():
    kept = (*healthy(), transposed((4, 5), (7, 9), numbers(IN, OUT, 5, 5), pads=[2, 2, 2, 2], strides=[2, 2]))
    assert any("ConvTranspose" in op_types(model) for model in kept)
    for model in kept:
        assert unchanged(model, spatial_output_shape)


def test_other_operators_of_the_name_stay():
    strange = transposed((4, 5), (1, OUT, 7, 9), numbers(IN, OUT, 5, 5))
    strange.graph.node[0].domain = "com.example"
    assert unchanged(strange, spatial_output_shape)
    without_kernel = transposed((4, 5), (1, OUT, 7, 9), numbers(IN, OUT, 5, 5))
    del without_kernel.graph.node[0].attribute[2]
    assert unchanged(without_kernel, spatial_output_shape)


SHAPE = (2, 3, 5, 7)
SWAP = [0, 3, 2, 1]


def model(before=SWAP, after=SWAP, axis: int | None = 3, outputs=("y",), opset: int = 11) -> onnx.ModelProto:
    """What MindSpore writes for softmax over channels; a Pad of opset 11 and newer stands before it."""
    told = {} if axis is None else {"axis": axis}
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["padded"]),
        helper.make_node("Transpose", ["padded"], ["swapped"], perm=before),
        helper.make_node("Softmax", ["swapped"], ["likely"], **told),
        helper.make_node("Transpose", ["likely"], ["y"], perm=after),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list("nchw")) for name in outputs]
    pads = helper.make_tensor("pads", TensorProto.INT64, [8], [0] * 8)
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)]
    graph = helper.make_graph(nodes, "graph", given, values, [pads])
    return helper.make_model(graph, ir_version=4 if opset < 13 else 8, opset_imports=[helper.make_opsetid("", opset)])


@pytest.mark.parametrize("opset", [11, 13, 17])
@pytest.mark.parametrize(("order", "axis"), [(SWAP, 1), ([3, 1, 2, 0], 0), ([0, 1, 3, 2], 2)])
def test_the_transpositions_go_and_the_result_stays(order, axis, opset):
    mended = model(order, order, opset=opset)
    softmax_in_place(mended)
    remove_dead(mended)
    onnx.checker.check_model(mended, full_check=True)
    assert [node.op_type for node in mended.graph.node] == ["Pad", "Softmax"]
    x = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32) * 9
    expected = softmax(x.astype(np.float64), axis)
    (ours,) = onnxruntime.InferenceSession(mended.SerializeToString()).run(None, {"x": x})
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    read = ov.Core().read_model(mended.SerializeToString())
    compiled = ov.Core().compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled([x])[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    "healthy",
    [
        model(after=[0, 3, 1, 2]),  # does not bring the axis back
        model(before=[0, 2, 3, 1], after=[0, 2, 3, 1]),  # not its own inverse
        model(axis=1),
        model(axis=None),  # axis 1 in opset 11
        model(outputs=("y", "likely")),
        model(before=[0, 1, 2, 3], after=[0, 1, 2, 3]),
        model(before=[1, 0, 2, 3], after=[1, 0, 2, 3]),
    ],
)
def test_what_is_something_else_stays_as_it_is(healthy):
    before = healthy.SerializeToString()
    softmax_in_place(healthy)
    assert healthy.SerializeToString() == before


def sliced(**told):
    return graph_of([node("Slice", ["x", *told], ["y"])], [tensor("x", [1, 2, 3])], [tensor("y", [1, 2, 3])], told)


def test_a_slice_along_no_axis():
    model, x = sliced(starts=indices(), ends=indices(), axes=indices(), steps=indices()), numbers(1, 2, 3)
    with pytest.raises(RuntimeError):
        in_openvino(model, {"x": x})
    let_through_what_is_whole(model)
    assert op_types(model) == ["Identity"]
    check_everywhere(model, {"x": x}, x)
    assert unchanged(model, let_through_what_is_whole)


def test_other_slices_stay():
    assert unchanged(sliced(starts=indices(0), ends=indices(1)), let_through_what_is_whole)
    old = graph_of([node("Slice", ["x"], ["y"], starts=[0], ends=[1])], [tensor("x", [1])], [tensor("y", [1])], opset=9)
    assert unchanged(old, let_through_what_is_whole)
    for model in healthy():
        assert unchanged(model, let_through_what_is_whole)
