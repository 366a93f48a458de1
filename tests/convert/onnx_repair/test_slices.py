"""Slices along no axis, which MindSpore writes for those that keep all of the example."""

from __future__ import annotations

import pytest
from convert.onnx_repair.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    in_openvino,
    indices,
    node,
    numbers,
    op_types,
    tensor,
    unchanged,
)

from omz.convert.onnx_repair.slices import let_through_what_is_whole


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
