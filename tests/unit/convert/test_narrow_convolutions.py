"""Convolutions to one channel against ONNX Runtime, which runs the source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from omz.convert.onnx_to_ir import build_ir
from omz.runtime.quiet_openvino import core
from omz.zoo.optimizer_arguments import parse_optimizer_arguments

SIZE = (9, 11)


def write(path: Path, weights: np.ndarray, **attributes: object) -> Path:
    """Write an ONNX file of one convolution with a bias and a sigmoid."""
    bias = np.arange(len(weights), dtype=np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "weights", "bias"], ["y"], **attributes),
        helper.make_node("Sigmoid", ["y"], ["z"]),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, weights.shape[1], *SIZE])
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "yz"]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    graph = helper.make_graph(nodes, "narrow", [given], made, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("shape", "attributes", "is_split"),
    [
        ((1, 32, 3, 3), {"pads": [1, 1, 1, 1]}, True),
        ((1, 64, 3, 3), {}, True),
        ((1, 48, 3, 3), {"pads": [2, 2, 2, 2], "dilations": [2, 2]}, True),
        ((1, 32, 3, 5), {"pads": [0, 2, 1, 3]}, True),
        ((1, 32, 2, 4), {"auto_pad": "SAME_UPPER"}, True),
        ((1, 32, 4, 3), {"auto_pad": "SAME_LOWER"}, True),
        ((1, 32, 3, 3), {"auto_pad": "VALID"}, True),
        ((1, 32, 1, 1), {}, False),
        ((1, 32, 5, 5), {}, False),
        ((1, 8, 3, 3), {}, False),
        ((2, 32, 3, 3), {}, False),
        ((1, 32, 3, 3), {"strides": [2, 2]}, False),
    ],
)
def test_a_convolution_to_one_channel_is_split_and_gives_the_same(tmp_path, shape, attributes, is_split):
    random = np.random.default_rng(3)
    weights = (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    path = write(tmp_path / "narrow.onnx", weights, **attributes)
    pixels = random.standard_normal((1, shape[1], *SIZE)).astype(np.float32)
    model, _ = build_ir(path, parse_optimizer_arguments(["--input_model=x"], "here"), "narrow")
    kinds = [node.get_type_name() for node in model.get_ordered_ops()]
    assert kinds.count("Convolution") == 1 + is_split
    assert [port.any_name for port in model.outputs] == ["y", "z"]
    expected = onnxruntime.InferenceSession(path).run(None, {"x": pixels})
    found = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([pixels])
    for index, value in enumerate(expected):
        np.testing.assert_allclose(found[index], value, rtol=0, atol=1e-5)
