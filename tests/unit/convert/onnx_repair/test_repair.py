"""All defects at once: the graph that MindSpore 2.10 writes for a small network, and that network in PyTorch."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from helpers.onnx_graphs import (
    check_everywhere,
    graph_of,
    healthy,
    in_onnxruntime,
    indices,
    interpolation,
    node,
    numbers,
    op_types,
    output_shapes,
    tensor,
    unchanged,
    with_branches,
)
from torch.nn import functional as F

from omz.convert.onnx_repair import PASSES, repair
from omz.errors import ConversionError

SIDE = (3, 5)
WEIGHT = numbers(2, 3, 5, 5, seed=1)
TWICE = "Default/t-_Twice"


def network(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Twice as large; and from that, what looks twice as large again, as a probability."""
    larger = F.interpolate(torch.from_numpy(x), scale_factor=2, mode="bilinear", align_corners=False)
    classes = F.conv_transpose2d(F.pad(larger, (0, 1, 0, 1)), torch.from_numpy(WEIGHT), stride=2, padding=2)
    return larger.numpy(), classes[:, :, :-1, :-1].softmax(1).numpy()


def exported() -> onnx.ModelProto:
    """Node for node, and name for name, what MindSpore 2.10 exported."""
    nodes, constants = [], {"d.weight": WEIGHT}
    source, number = "x", 0
    for axis, result in ((2, "9"), (3, "18")):
        length = SIDE[axis - 2]
        lower, upper, share = interpolation(length, 2 * length)
        for which, (index, weights) in enumerate(((lower, 1 - share), (upper, share))):
            names = [f"{result}-{TWICE}/data-{number}", f"{result}-{TWICE}/data-{number + 1}"]
            constants |= dict(zip(names, (index, weights.reshape((-1, 1) if axis == 2 else (-1,))), strict=True))
            gathered = f"{TWICE}/Gather-op{number}"
            nodes.append(node("Gather", [source, names[0]], [gathered], axis=axis))
            nodes.append(node("Mul", [gathered, names[1]], [f"{result}-{which}"]))
            number += 2
        nodes.append(node("Add", [f"{result}-0", f"{result}-1"], [result]))
        source = result
    padding = onnx.numpy_helper.from_array(indices(0, 0, 0, 0, 0, 0, 1, 1))
    cut = {"starts": (0, 0), "ends": (-1, -1), "axes": (2, 3), "steps": (1, 1)}
    constants |= {f"22__{name}_initializer": indices(*values) for name, values in cut.items()}
    constants |= {f"0__{name}_initializer": indices() for name in cut}
    nodes += [
        node("Constant", [], ["19-Default/data-0"], value=padding),
        node("Pad", ["18", "19-Default/data-0"], ["20"]),
        node(
            "ConvTranspose", ["20", "d.weight"], ["21"], dilations=[1, 1], group=1, kernel_shape=[5, 5],
            pads=[2, 2, 2, 2], strides=[2, 2], output_shape=[1, 3, 13, 21],
        ),
        node("Slice", ["21", *(f"22__{name}_initializer" for name in cut)], ["22"]),
        node("Transpose", ["22"], ["22_Transpose"], perm=[0, 3, 2, 1]),
        node("Softmax", ["22_Transpose"], ["22_Softmax"], axis=3),
        node("Transpose", ["22_Softmax"], ["23"], perm=[0, 3, 2, 1]),
        node("Slice", ["23", *(f"0__{name}_initializer" for name in cut)], ["24"]),
    ]  # fmt: skip
    outputs = [tensor("18", [1, 2, 6, 10]), tensor("24", [1, 3, 12, 20])]
    return graph_of(nodes, [tensor("x", [1, 2, *SIDE])], outputs, constants)


def test_as_it_was_exported():
    x = numbers(1, 2, *SIDE)
    model = exported()
    (whole,) = output_shapes(model)  # of which ONNX allows the sides alone
    repair(model, ["image"], ["18-larger", "classes"])
    assert output_shapes(model) == [whole[2:]]
    assert "Gather" not in op_types(model)
    assert op_types(model).count("Resize") == 1
    check_everywhere(model, {"image": x}, *network(x))
    assert unchanged(model, lambda each: repair(each, ["image"], ["18-larger", "classes"]))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_an_open_batch(batch):
    model = exported()
    repair(model, ["image"], ["larger", "classes"], "n")
    x = numbers(batch, 2, *SIDE)
    check_everywhere(model, {"image": x}, *network(x))
    read = {name for each in model.graph.node for name in each.input}
    assert {each.name for each in model.graph.initializer} <= read
    assert unchanged(model, lambda each: repair(each, ["image"], ["larger", "classes"], "n"))


def test_slices_leave_nothing_behind():
    told = {"start": indices(0, 0, 0), "size": indices(1, 2, 2)}
    nodes = [node("Add", ["start", "size"], ["end"]), node("Slice", ["x", "start", "end"], ["y"])]
    model = graph_of(nodes, [tensor("x", [1, 2, 3])], [tensor("y", [1, 2, 2])], told)
    repair(model, ["image"], ["cut"], "n")
    assert {each.name for each in model.graph.initializer} == set(model.graph.node[0].input) - {"image"}
    x = numbers(3, 2, 3)
    check_everywhere(model, {"image": x}, x[:, :, :2])


def test_wrong_names():
    with pytest.raises(ConversionError, match="2 outputs, but 1 names"):
        repair(exported(), ["image"], ["classes"])


@pytest.mark.parametrize("mend", PASSES, ids=lambda mend: mend.__name__)
def test_a_pass_has_nothing_left_to_do(mend):
    model = exported()
    mend(model)
    assert unchanged(model, mend)


def test_healthy_graphs_compute_what_they_did():
    for model in healthy():
        constants = {each.name for each in model.graph.initializer}
        inputs = [each.name for each in model.graph.input if each.name not in constants]
        shape = (1, 3, 5, 6) if "ConvTranspose" in op_types(model) else (1, 3)
        x = numbers(*shape)
        before = in_onnxruntime(model, {"x": x})
        repair(model, inputs, [each.name for each in model.graph.output])
        for got, wanted in zip(in_onnxruntime(model, {"x": x}), before, strict=True):
            np.testing.assert_allclose(got, wanted, atol=1e-5)
    assert unchanged(with_branches(), lambda each: repair(each, ["x"], ["y"]))
