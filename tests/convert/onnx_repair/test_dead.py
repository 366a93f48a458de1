"""What nothing needs."""

from __future__ import annotations

import numpy as np
import onnx
from convert.onnx_repair.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    in_onnxruntime,
    node,
    numbers,
    op_types,
    tensor,
    unchanged,
    with_branches,
)

from omz.convert.onnx_repair.dead import remove_dead


def test_dead_chains_go():
    model = graph_of(
        [
            node("Mul", ["x", "dead"], ["a"]),
            node("Add", ["x", "c"], ["y"]),
            node("Clip", ["a", "", "high"], ["b"]),
        ],
        [tensor("x", [2])],
        [tensor("y", [2])],
        {"c": np.float32([1, 2]), "dead": np.float32([3, 4]), "high": np.float32(1)},
    )
    model.graph.value_info.extend([tensor("a", [2]), tensor("c", [2]), tensor("b", [2])])
    remove_dead(model)
    assert op_types(model) == ["Add"]
    assert [each.name for each in model.graph.initializer] == ["c"]
    assert [each.name for each in model.graph.value_info] == ["c"]
    x = numbers(2)
    check_everywhere(model, {"x": x}, x + np.float32([1, 2]))
    assert unchanged(model, remove_dead)


def test_an_empty_name_keeps_nothing_alive():
    model = graph_of(
        [node("Dropout", ["x"], ["", "mask"]), node("Clip", ["x", "", "high"], ["y"])],
        [tensor("x", [2])],
        [tensor("y", [2])],
        {"high": np.float32(1)},
    )
    remove_dead(model)
    assert op_types(model) == ["Clip"]


def test_a_default_of_an_input_stays():
    """Without it, who runs the model would have to tell the input."""
    model = graph_of(
        [node("Relu", ["x"], ["y"])], [tensor("x", [2]), tensor("c", [1])], [tensor("y", [2])], {"c": np.float32([1])}
    )
    assert unchanged(model, remove_dead)
    in_onnxruntime(model, {"x": numbers(2)})


def test_what_bodies_read_stays():
    model = with_branches()
    model.graph.node.insert(0, node("Neg", ["x"], ["dead"]))
    x = np.abs(numbers(1, 3))
    remove_dead(model)
    assert "Neg" not in op_types(model)
    np.testing.assert_allclose(in_onnxruntime(model, {"x": x})[0], x + 3 * (2 * x + 1), rtol=1e-6)
    np.testing.assert_allclose(in_onnxruntime(model, {"x": -x})[0], -x + 3 * (-x - 2), rtol=1e-6)


def test_a_constant_that_is_an_output_stays():
    model = graph_of([], [tensor("x", [1])], [tensor("c", [1])], {"c": np.float32([1])})
    assert unchanged(model, remove_dead)


def test_healthy_graphs_stay():
    for model in healthy():
        inferred = onnx.shape_inference.infer_shapes(model)
        inferred.graph.value_info.append(tensor(inferred.graph.input[0].name, None))
        for each in (model, inferred):
            assert unchanged(each, remove_dead)
