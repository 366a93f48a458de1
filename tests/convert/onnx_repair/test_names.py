"""Names of inputs and outputs."""

from __future__ import annotations

import numpy as np
import pytest
from convert.onnx_repair.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    in_onnxruntime,
    node,
    numbers,
    tensor,
    unchanged,
    with_branches,
)
from hypothesis import given
from hypothesis import strategies as st

from omz.convert.onnx_repair.names import rename_ports
from omz.errors import ConversionError

SHAPE = [2, 3]
A, B = numbers(*SHAPE), numbers(*SHAPE, seed=1)


def four_ports():
    """Computes a - b, which is read inside as MindSpore's trimap is, and 2 (a - b) + b."""
    return graph_of(
        [node("Sub", ["a", "b"], ["y"]), node("Mul", ["y", "c"], ["t"]), node("Add", ["t", "b"], ["z"])],
        [tensor("a", SHAPE), tensor("b", SHAPE)],
        [tensor("y", SHAPE), tensor("z", SHAPE)],
        {"c": np.float32([2])},
    )


WISHES = ("a", "b", "y", "z", "c", "t", "c_inner", "t_inner", "a_inner", "image")


@given(st.permutations(WISHES))
def test_any_names(wishes):
    model = four_ports()
    rename_ports(model, wishes[:2], wishes[2:4])
    assert [value.name for value in model.graph.input] == wishes[:2]
    assert [value.name for value in model.graph.output] == wishes[2:4]
    check_everywhere(model, dict(zip(wishes, (A, B), strict=False)), A - B, 2 * (A - B) + B)
    assert unchanged(model, lambda each: rename_ports(each, wishes[:2], wishes[2:4]))


def test_what_bodies_read_is_renamed():
    for wish in ("image", "one", "inner", "more", "branch", "doubled"):
        model, x = with_branches(), np.abs(numbers(1, 3))
        rename_ports(model, [wish], ["result"])
        np.testing.assert_allclose(in_onnxruntime(model, {wish: x})[0], x + 3 * (2 * x + 1), rtol=1e-6)


def test_right_names_stay():
    for model in healthy():
        constants = {each.name for each in model.graph.initializer}
        inputs = [value.name for value in model.graph.input if value.name not in constants]
        outputs = [value.name for value in model.graph.output]
        assert unchanged(model, lambda each, i=inputs, o=outputs: rename_ports(each, i, o))


def test_an_initializer_that_is_an_input_is_no_port():
    model = four_ports()
    model.graph.input.append(tensor("c", [1]))
    rename_ports(model, ["c", "d"], ["e", "f"])
    check_everywhere_but_defaults = in_onnxruntime(model, {"c": A, "d": B})
    np.testing.assert_allclose(check_everywhere_but_defaults[1], 2 * (A - B) + B, rtol=1e-6)


def test_one_tensor_twice():
    """MindSpore writes one name twice where a network returns one result twice."""
    model = graph_of([node("Relu", ["x"], ["1"])], [tensor("x", SHAPE)], [tensor("1", SHAPE), tensor("1", SHAPE)])
    rename_ports(model, ["image"], ["first", "second"])
    assert [value.name for value in model.graph.output] == ["first", "second"]
    check_everywhere(model, {"image": A}, A.clip(0), A.clip(0))


def test_an_input_that_is_an_output():
    model = graph_of([node("Relu", ["x"], ["1"])], [tensor("x", SHAPE)], [tensor("x", SHAPE), tensor("1", SHAPE)])
    rename_ports(model, ["image"], ["same", "positive"])
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["same", "positive"]
    check_everywhere(model, {"image": A}, A, A.clip(0))


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (["a"], ["y", "z"], "the network has 2 inputs, but 1 names are given: a"),
        (["a", "b"], ["x", "y", "z"], "the network has 2 outputs, but 3 names are given: x, y, z"),
        (["a", "b"], ["y", "y"], "need different names, not a, b, y, y"),
        (["a", "b"], ["a", "y"], "need different names, not a, b, a, y"),
    ],
)
def test_wrong_names(inputs, outputs, message):
    with pytest.raises(ConversionError, match=message):
        rename_ports(four_ports(), inputs, outputs)
