"""Small ONNX networks that take and give what matting networks do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _value(name: str, channels: int | str, height: int | str, width: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, height, width])


def _save(path: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "matting", inputs, outputs, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def save_two_pictures(path: Path, height: int, width: int) -> Path:
    """RGB, 0 to 1: ``pha`` is 1.7 times the red difference and half the blue one, less 0.05; ``fgr`` 0.9 src + 0.03."""
    nodes = [
        helper.make_node("Sub", ["src", "bgr"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("Mul", ["distance", "weights"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "axis"], ["sum"], keepdims=1),
        helper.make_node("Sub", ["sum", "less"], ["pha"]),
        helper.make_node("Mul", ["src", "dim"], ["dimmed"]),
        helper.make_node("Add", ["dimmed", "lift"], ["fgr"]),
    ]
    constants = {
        "weights": np.array([1.7, 0, 0.5]).reshape(1, 3, 1, 1),
        "less": np.array(0.05),
        "dim": np.array(0.9),
        "lift": np.array(0.03),
    }
    inputs = [_value(name, 3, height, width) for name in ("src", "bgr")]
    outputs = [_value("pha", 1, height, width), _value("fgr", 3, height, width)]
    saved = _save(path, nodes, inputs, outputs, constants)
    model = onnx.load(saved)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    onnx.save(model, saved)
    return saved


def save_recurrent(path: Path, height: int, width: int) -> Path:
    """BGR, 0 to 255: states r1 to r4, of other shapes, count the frames seen; ``pha`` is their sum over 100.

    State n grows by n with every frame, so that one that is fed back wrongly shows.
    """
    shapes = {number: (number, height // 2, width // 2) for number in range(1, 5)}
    nodes = [
        helper.make_node("Mul", ["src", "nothing"], ["black"]),
        helper.make_node("Add", ["black", "half"], ["fgr"]),
        helper.make_node("ReduceMean", ["black"], ["zero"], axes=[1], keepdims=1),
    ]
    total = "zero"
    for number in shapes:
        nodes += [
            helper.make_node("Add", [f"r{number}", f"step{number}"], [f"rr{number}"]),
            helper.make_node("ReduceMean", [f"rr{number}"], [f"mean{number}"], keepdims=0),
            helper.make_node("Div", [f"mean{number}", "hundred"], [f"share{number}"]),
            helper.make_node("Add", [total, f"share{number}"], [f"total{number}" if number < 4 else "pha"]),
        ]
        total = f"total{number}"
    constants = {"nothing": np.array(0), "half": np.array(0.5), "hundred": np.array(100)}
    constants |= {f"step{number}": np.array(number) for number in shapes}
    inputs = [_value("src", 3, height, width), *(_value(f"r{number}", *shape) for number, shape in shapes.items())]
    outputs = [_value("pha", 1, height, width), _value("fgr", 3, height, width)]
    outputs += [_value(f"rr{number}", *shape) for number, shape in shapes.items()]
    return _save(path, nodes, inputs, outputs, constants)


def save_one_picture(path: Path, height: int | str, width: int | str) -> Path:
    """BGR, 0 to 255: ``trimap`` is the picture, and ``alpha`` the green channel times 1.07, less 10.305, of 255."""
    nodes = [
        helper.make_node("Mul", ["image", "green"], ["chosen"]),
        helper.make_node("ReduceSum", ["chosen", "axis"], ["sum"], keepdims=1),
        helper.make_node("Sub", ["sum", "less"], ["levels"]),
        helper.make_node("Div", ["levels", "most"], ["alpha"]),
        helper.make_node("Identity", ["image"], ["trimap"]),
    ]
    constants = {
        "green": np.array([0, 1.07, 0]).reshape(1, 3, 1, 1),
        "less": np.array(10.305),
        "most": np.array(255),
    }
    outputs = [_value("trimap", 3, height, width), _value("alpha", 1, height, width)]
    saved = _save(path, nodes, [_value("image", 3, height, width)], outputs, constants)
    model = onnx.load(saved)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    onnx.save(model, saved)
    return saved
