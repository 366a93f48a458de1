"""Bounds of what a model computes: never narrower than its values, and those of probabilities where it gives such."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.matting.uint8_graph import ops
from omz.runtime.quiet_openvino import core, ov
from omz.runtime.value_bounds import value_bounds

UNKNOWN = (-math.inf, math.inf)


def picture() -> ov.Node:
    return ops.parameter([1, 3, 4, 4], np.float32, name="picture")


def anything() -> ov.Node:
    return ops.parameter([1, 1, 4, 4], np.float32, name="anything")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (anything, UNKNOWN),
        (picture, (0, 255)),
        (lambda: ops.sigmoid(anything()), (0, 1)),
        (lambda: ops.softmax(picture(), 1), (0, 1)),
        (lambda: ops.clamp(anything(), -2.0, 3.0), (-2, 3)),
        (lambda: ops.tanh(anything()), (-1, 1)),
        (lambda: ops.relu(anything()), (0, math.inf)),
        (lambda: ops.relu(ops.clamp(anything(), -2.0, 3.0)), (0, 3)),
        (lambda: ops.absolute(ops.clamp(anything(), -4.0, 3.0)), (0, 4)),
        (lambda: ops.absolute(ops.clamp(anything(), -4.0, -3.0)), (3, 4)),
        (lambda: ops.subtract(np.float32(1), ops.sigmoid(anything())), (0, 1)),
        (lambda: ops.multiply(ops.sigmoid(anything()), ops.tanh(anything())), (-1, 1)),
        (lambda: ops.divide(picture(), np.float32(-255)), (-1, 0)),
        (lambda: ops.divide(picture(), picture()), UNKNOWN),
        (lambda: ops.minimum(ops.maximum(anything(), np.float32(0)), np.float32(1)), (0, 1)),
        (lambda: ops.multiply(anything(), np.float32(0)), UNKNOWN),  # not a number, perhaps
        (lambda: ops.convert(ops.greater(anything(), np.float32(2)), "f32"), (0, 1)),
        (lambda: ops.reduce_mean(picture(), np.array([1]), True), (0, 255)),
        (lambda: ops.concat([ops.sigmoid(anything()), ops.tanh(anything())], 1), (-1, 1)),
        (lambda: ops.transpose(ops.sigmoid(anything()), np.array([0, 2, 3, 1])), (0, 1)),
        (lambda: ops.add(ops.sigmoid(anything()), anything()), UNKNOWN),
        (lambda: ops.exp(anything()), UNKNOWN),
    ],
)
def test_bounds(make, expected):
    assert value_bounds(make().output(0)) == expected


def test_a_long_way_back_is_given_up():
    node = ops.sigmoid(anything())
    for _ in range(2000):
        node = ops.relu(node)
    assert value_bounds(node.output(0)) == (0, math.inf)


UNARY = [ops.sigmoid, ops.tanh, ops.relu, ops.absolute, lambda node: ops.clamp(node, -0.5, 2.0)]
BINARY = [ops.add, ops.subtract, ops.multiply, ops.divide, ops.minimum, ops.maximum]


@settings(max_examples=60)
@given(data=st.data())
def test_values_lie_within_bounds(data):
    """Graphs of random operations on pictures."""
    source = picture()
    nodes = [source, ops.constant(np.array(data.draw(st.floats(-3, 3)), np.float32))]
    for _ in range(data.draw(st.integers(1, 8))):
        one, other = (data.draw(st.sampled_from(nodes)) for _ in range(2))
        make = data.draw(st.sampled_from([*UNARY, *BINARY]))
        nodes.append(make(one) if make in UNARY else make(one, other))
    last = ops.add(nodes[-1], ops.multiply(source, np.float32(0)))
    low, high = value_bounds(nodes[-1].output(0))
    given = np.random.default_rng(0).integers(0, 256, (1, 3, 4, 4)).astype(np.float32)
    values = core().compile_model(ov.Model([last], [source], "random"), "CPU")(given)[0]
    finite = values[np.isfinite(values)]
    slack = 1e-3 * (1 + np.abs(finite).max(initial=0))
    assert np.all((finite >= low - slack) & (finite <= high + slack))
