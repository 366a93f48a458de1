"""Small graphs, and what three independent runtimes make of them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.nn import functional as F

from omz.runtime.quiet_openvino import core

onnxruntime.set_default_logger_severity(4)
node = helper.make_node
Feeds = Mapping[str, np.ndarray]
Pass = Callable[[onnx.ModelProto], object]


def tensor(name: str, shape: Sequence[int | str] | None, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def graph_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Mapping[str, object] | None = None,
    opset: int = 11,
    domain: str = "",
) -> onnx.ModelProto:
    """Like MindSpore: opset 11, IR 4."""
    told = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, told)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid(domain, opset)], ir_version=4 if opset < 15 else 8
    )


def indices(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def in_onnxruntime(model: onnx.ModelProto, feeds: Feeds) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)


def in_openvino(model: onnx.ModelProto, feeds: Feeds) -> list[np.ndarray]:
    network = core().read_model(io.BytesIO(model.SerializeToString()))
    compiled = core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(dict(feeds))
    return [np.array(results[index]) for index in range(len(compiled.outputs))]


def in_reference(model: onnx.ModelProto, feeds: Feeds) -> list[np.ndarray]:
    return ReferenceEvaluator(model).run(None, dict(feeds))


RUNTIMES = (in_onnxruntime, in_openvino, in_reference)


def check_everywhere(model: onnx.ModelProto, feeds: Feeds, *wanted: np.ndarray, within: float = 1e-5) -> None:
    """The checker and three runtimes have no complaint, and compute what is wanted."""
    onnx.checker.check_model(model, full_check=True)
    for run in RUNTIMES:
        results = run(model, feeds)
        assert len(results) == len(wanted), run.__name__
        for got, expected in zip(results, wanted, strict=True):
            assert got.shape == expected.shape, run.__name__
            np.testing.assert_allclose(got, expected, rtol=0, atol=within, err_msg=run.__name__)


def unchanged(model: onnx.ModelProto, change: Pass) -> bool:
    before = model.SerializeToString()
    change(model)
    return model.SerializeToString() == before


def op_types(model: onnx.ModelProto) -> list[str]:
    return [each.op_type for each in model.graph.node]


def output_shapes(model: onnx.ModelProto) -> list[list[int]]:
    """What the nodes say of the shape of their output."""
    attributes = (attribute for node in model.graph.node for attribute in node.attribute)
    return [[*attribute.ints] for attribute in attributes if attribute.name == "output_shape"]


def interpolation(length: int, after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours and share of the farther one, half-pixel, as MindSpore networks spell them."""
    position = ((np.arange(after) + 0.5) * length / after - 0.5).clip(0, length - 1)
    lower = np.floor(position).astype(np.int32)
    return lower, np.minimum(lower + 1, length - 1), (position - lower).astype(np.float32)


class _Upsampling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 4, 3, 2, 1, output_padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.interpolate(self.up(x), scale_factor=2, mode="bilinear", align_corners=False)
        z = F.interpolate(y, scale_factor=0.5, mode="bilinear", align_corners=True)
        return torch.cat((y[:, :, :-1, 1::2].sum((2, 3)), z.mean((2, 3))), 1) * 2 + torch.arange(8)


def exported_by_pytorch(opset: int) -> onnx.ModelProto:
    buffer = io.BytesIO()
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Upsampling().eval(), (torch.zeros(1, 3, 5, 6),), buffer, opset_version=opset, dynamo=False,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}}, do_constant_folding=False,
        )  # fmt: skip
    return onnx.load_from_string(buffer.getvalue())


def with_branches() -> onnx.ModelProto:
    """An If and a Loop whose bodies read tensors and constants from outside."""
    result = [tensor("inner", None)]
    then = helper.make_graph([node("Add", ["doubled", "one"], ["inner"])], "then", [], result)
    other = helper.make_graph([node("Sub", ["x", "two"], ["inner"])], "other", [], result)
    body = helper.make_graph(
        [node("Identity", ["going"], ["still"]), node("Add", ["sum", "branch"], ["more"])],
        "body",
        [tensor("turn", [], TensorProto.INT64), tensor("going", [], TensorProto.BOOL), tensor("sum", None)],
        [tensor("still", [], TensorProto.BOOL), tensor("more", None)],
    )
    return graph_of(
        [
            node("Mul", ["x", "two"], ["doubled"]),
            node("ReduceSum", ["x"], ["total"], keepdims=0),
            node("Greater", ["total", "zero"], ["positive"]),
            node("If", ["positive"], ["branch"], then_branch=then, else_branch=other),
            node("Loop", ["turns", "always", "x"], ["y"], body=body),
        ],
        [tensor("x", [1, 3])],
        [tensor("y", None)],
        {
            "one": np.float32([1]), "two": np.float32([2]), "zero": np.float32(0), "turns": np.int64(3),
            "always": np.bool_(True),
        },
    )  # fmt: skip


def healthy() -> Iterator[onnx.ModelProto]:
    yield exported_by_pytorch(11)
    yield exported_by_pytorch(17)
    yield with_branches()
    yield graph_of(
        [
            node("Constant", [], ["c"], value_floats=[1.0, 2.0, 3.0]),
            node("Constant", [], ["d"], value_float=2.0),
            node("Clip", ["x", "", "d"], ["low"]),
            node("Mul", ["low", "c"], ["y"]),
        ],
        [tensor("x", ["n", 3]), tensor("default", [1])],
        [tensor("y", ["n", 3])],
        {"default": np.float32([1])},
        opset=12,
    )
