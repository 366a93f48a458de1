"""Transposed convolutions as MindSpore 2.10 writes them; PyTorch tells what they should compute."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from convert.onnx_repair.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    in_onnxruntime,
    node,
    numbers,
    op_types,
    output_shapes,
    tensor,
    unchanged,
)
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from omz.convert.onnx_repair.conv_transpose import spatial_output_shape

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
