"""The layers of small networks that stay in float, named one by one."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from helpers.onnx_graphs import graph_of, node, tensor

from omz.convert.float_layers import always_in_float, outermost_convolutions, sums_of_layers
from omz.runtime.quiet_openvino import core, ov

WEIGHTS = {"w": np.ones((3, 3, 1, 1), np.float32), "three": np.float32(3), "none": np.float32(0)}
POOL = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


def conv(name: str, given: str) -> onnx.NodeProto:
    return named("Conv", name, given, "w")


def named(kind: str, name: str, *given: str, **attributes: object) -> onnx.NodeProto:
    return node(kind, list(given), [name], name=name, **attributes)


def network(*nodes: onnx.NodeProto) -> ov.Model:
    ports = [tensor("src", (1, 3, 8, 8))], [tensor(nodes[-1].output[0], (1, 3, 8, 8))]
    graph = graph_of(list(nodes), *ports, WEIGHTS)
    return core().read_model(graph.SerializeToString())


def test_both_ends_stay_in_float_and_all_that_is_behind_the_last_convolutions():
    model = network(
        conv("first", "src"), named("Relu", "r", "first"), conv("middle", "r"), named("Relu", "s", "middle"),
        conv("left", "s"), conv("right", "s"), named("Add", "sum", "left", "right"), named("Sigmoid", "alpha", "sum"),
    )  # fmt: skip
    assert {*outermost_convolutions(model)} == {"first", "left", "right"}
    assert {*always_in_float(model)} == {"first", "left", "right", "sum", "alpha"}


def test_a_network_of_ends_alone_may_be_quantised_as_a_whole():
    assert always_in_float(network(conv("first", "src"), named("Relu", "r", "first"), conv("last", "r"))) == []


@pytest.mark.parametrize(
    ("before", "is_signed"),
    [
        (("Relu",), False),
        (("Sigmoid",), False),
        (("Clip", "none", "three"), False),
        (("Clip", "", "three"), True),
        (("Neg",), True),
        (("Add", "three"), True),
    ],
    ids=str,
)
def test_maxima_of_signed_numbers_stay_in_float(before, is_signed):
    kind, *more = before
    model = network(
        conv("first", "src"), named(kind, "x", "first", *more),
        named("MaxPool", "pool", "x", **POOL), named("MaxPool", "again", "pool", **POOL), conv("middle", "again"),
        conv("last", "middle"),
    )  # fmt: skip
    assert {"pool", "again"}.issubset(always_in_float(model)) == is_signed
    assert {"pool", "again"}.isdisjoint(always_in_float(model)) != is_signed


def test_what_is_joined_is_signed_where_a_part_of_it_is():
    model = network(
        conv("first", "src"), named("Relu", "r", "first"), named("Concat", "one", "r", "r", axis=2),
        named("Concat", "other", "r", "first", axis=2), named("MaxPool", "p", "one", **POOL),
        named("MaxPool", "q", "other", **POOL), conv("middle", "p"), conv("beside", "q"),
        named("Add", "sum", "middle", "beside"), conv("last", "sum"),
    )  # fmt: skip
    assert {"p", "q"} & {*always_in_float(model)} == {"q"}


def test_sums_are_those_of_two_results():
    model = network(
        conv("first", "src"), named("Add", "biased", "first", "three"), named("Mul", "scaled", "biased", "three"),
        named("Add", "sum", "scaled", "first"), named("Mul", "product", "sum", "biased"),
        named("Sub", "difference", "product", "sum"), conv("last", "difference"),
    )  # fmt: skip
    assert sums_of_layers(model) == ["sum", "product", "difference"]
