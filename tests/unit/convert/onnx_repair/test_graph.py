"""Looking things up."""

from __future__ import annotations

import numpy as np
import onnx
from helpers.onnx_graphs import graph_of, node, tensor, with_branches

from omz.convert.onnx_repair.graph import (
    Lookup,
    add_constant,
    attribute,
    bodies,
    is_onnx,
    names,
    new_name,
    static_shapes,
)


def test_what_is_constant():
    model = graph_of(
        [
            node("Constant", [], ["told"], value=onnx.numpy_helper.from_array(np.float32([1, 2]))),
            node("Constant", [], ["otherwise"], value_floats=[1.0, 2.0]),
            node("Neg", ["x"], ["made"]),
            node("Neg", ["x"], ["strange"], domain="com.example"),
            node("Neg", ["x"], ["full"], domain="ai.onnx"),
        ],
        [tensor("x", [2]), tensor("default", [1])],
        [],
        {"c": np.int64(3), "default": np.float32([1])},
    )
    lookup = Lookup(model.graph)
    assert [name for name in sorted(names(model.graph)) if lookup.is_constant(name)] == ["c", "told"]
    assert lookup.constant("c") == 3
    np.testing.assert_array_equal(lookup.constant("told"), [1, 2])
    assert lookup.constant("default") is None
    assert [name for name in ("made", "strange", "full", "c") if lookup.maker(name, "Neg")] == ["made", "full"]
    assert lookup.maker("made", "Abs") is None
    lookup.add(onnx.numpy_helper.from_array(np.float32(5), "made"))
    assert lookup.constant("made") == 5


def test_operators_and_attributes():
    assert is_onnx(node("Neg", [], []), "Abs", "Neg")
    assert not is_onnx(node("Neg", [], []), "Abs")
    assert not is_onnx(node("Neg", [], [], domain="com.example"), "Neg")
    assert attribute(node("Gather", [], [], axis=2), "axis") == 2
    assert attribute(node("Gather", [], []), "axis", 7) == 7


def test_bodies_and_their_names():
    model = with_branches()
    assert [body.name for each in model.graph.node for body in bodies(each)] == ["other", "then", "body"]
    assert {"inner", "more", "going", "one", "y", "x"} <= names(model.graph)
    taken = names(model.graph)
    assert [new_name("inner", taken), new_name("inner", taken), new_name("free", taken)] == [
        "inner_1",
        "inner_2",
        "free",
    ]


def test_shapes():
    model = graph_of(
        [node("Concat", ["x", "c"], ["y"], axis=1)],
        [tensor("x", ["n", 2]), tensor("unknown", None), tensor("scalar", [])],
        [tensor("y", None)],
        {"c": np.zeros((1, 3), np.float32)},
    )
    assert static_shapes(model) == {"x": (0, 2), "scalar": (), "c": (1, 3), "y": (1, 5)} | {
        "y": static_shapes(model)["y"]
    }
    assert static_shapes(model)["y"][1] == 5


def test_constants_get_names_of_their_own():
    model = graph_of([], [tensor("x", [2])], [])
    taken = names(model.graph)
    added = [add_constant(model, "x", values, taken) for values in (np.arange(4)[::2], np.arange(1))]
    assert added == ["x_1", "x_2"]
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(model.graph.initializer[0]), [0, 2])
