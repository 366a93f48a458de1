from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from scipy.special import softmax

from omz.convert.onnx_repair.dead import remove_dead
from omz.convert.onnx_repair.softmax import softmax_in_place
from omz.runtime.quiet_openvino import ov

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
