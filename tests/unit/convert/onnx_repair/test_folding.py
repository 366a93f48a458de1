"""Computations on constants alone, and what nothing needs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from helpers.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    in_onnxruntime,
    indices,
    node,
    numbers,
    op_types,
    tensor,
    unchanged,
    with_branches,
)

from omz.convert.onnx_repair.folding import fold_constants, remove_dead


def test_the_scalar_that_a_parameter_is_multiplied_by():
    """MindSpore writes it as an integer, casts it, and computes at every run what depends on no picture."""
    model = graph_of(
        [
            node("Constant", [], ["1-Default/Muls-op0_input_y"], value=onnx.numpy_helper.from_array(np.int64(2))),
            node("Cast", ["1-Default/Muls-op0_input_y"], ["cast"], to=onnx.TensorProto.FLOAT),
            node("Mul", ["k", "cast"], ["2"]),
            node("Sqrt", ["2"], ["3"]),
            node("Mul", ["x", "3"], ["4"]),
        ],
        [tensor("x", [1, 2, 3])],
        [tensor("4", [1, 2, 3])],
        {"k": np.float32([[[4], [9]]])},
    )
    x = numbers(1, 2, 3)
    wanted = x * np.sqrt(np.float32([[[8], [18]]]))
    check_everywhere(model, {"x": x}, wanted)
    fold_constants(model)
    assert op_types(model) == ["Constant", "Mul"]
    check_everywhere(model, {"x": x}, wanted)
    assert unchanged(model, fold_constants)


def test_where_a_slice_ends():
    """MindSpore's Slice is told a size, that of ONNX an end: start and size are added in the graph."""
    model = graph_of(
        [node("Add", ["start", "size"], ["end"]), node("Slice", ["x", "start", "end"], ["y"])],
        [tensor("x", [1, 2, 3, 5])],
        [tensor("y", [1, 2, 2, 4])],
        {"start": indices(0, 0, 1, 0), "size": indices(1, 2, 2, 4)},
    )
    fold_constants(model)
    assert op_types(model) == ["Slice"]
    x = numbers(1, 2, 3, 5)
    check_everywhere(model, {"x": x}, x[:, :, 1:3, :4])


def test_a_result_that_is_an_output():
    model = graph_of(
        [node("Neg", ["c"], ["z"]), node("Relu", ["x"], ["y"])],
        [tensor("x", [2])],
        [tensor("y", [2]), tensor("z", [2])],
        {"c": np.float32([1, 2])},
    )
    fold_constants(model)
    for result, wanted in zip(in_onnxruntime(model, {"x": np.float32([-1, 3])}), ([0, 3], [-1, -2]), strict=True):
        np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize(
    ("operator", "constants", "attributes"),
    [
        ("Softmax", {"c": numbers(2, 3, 4)}, {"axis": 1}),  # up to opset 12 over all axes from this one
        ("LogSoftmax", {"c": numbers(2, 3, 4)}, {}),
        ("Hardmax", {"c": numbers(2, 3, 4)}, {}),
        ("RandomNormalLike", {"c": numbers(2)}, {}),
        ("Bernoulli", {"c": np.float32([0.5])}, {}),
        ("ConstantOfShape", {"c": indices(1 << 40)}, {}),
        ("Expand", {"c": np.float32([1]), "d": indices(1 << 11, 1 << 11)}, {}),
        ("SplitToSequence", {"c": numbers(4)}, {}),
        ("Reshape", {"c": numbers(4), "d": indices(3)}, {}),  # cannot be computed
        ("DequantizeLinear", {"c": np.int8([1]), "d": np.float32(2), "e": np.int8(0)}, {}),
    ],
)
def test_what_is_not_computed(operator, constants, attributes):
    model = graph_of([node(operator, list(constants), ["y"], **attributes)], [], [tensor("y", None)], constants)
    assert unchanged(model, fold_constants)


def test_an_initializer_that_may_be_told_otherwise():
    model = graph_of([node("Neg", ["c"], ["y"])], [tensor("c", [2])], [tensor("y", [2])], {"c": np.float32([1, 2])})
    assert unchanged(model, fold_constants)


def test_other_operators_of_the_name_stay():
    model = graph_of([node("Neg", ["c"], ["y"], domain="com.example")], [], [tensor("y", [2])], {"c": np.float32([1])})
    assert unchanged(model, fold_constants)


def test_healthy_graphs_keep_what_they_compute():
    """Healthy is what reads an input, or what tells a constant in another way than MindSpore does."""
    x = numbers(1, 3, 5, 6)
    for model in healthy():
        known = all(each.name != "x" or len(each.type.tensor_type.shape.dim) != 4 for each in model.graph.input)
        if known:
            assert unchanged(model, fold_constants)
        else:
            wanted = in_onnxruntime(model, {"x": x})
            fold_constants(model)
            check_everywhere(model, {"x": x}, *wanted, within=1e-4)


def test_bodies_read_what_was_computed():
    model = with_branches()
    model.graph.node.insert(0, node("Neg", ["minus"], ["one"]))
    model.graph.initializer[0].name = "minus"
    before = in_onnxruntime(model, {"x": numbers(1, 3)})
    fold_constants(model)
    assert "Neg" not in op_types(model)
    np.testing.assert_array_equal(in_onnxruntime(model, {"x": numbers(1, 3)})[0], before[0])


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
