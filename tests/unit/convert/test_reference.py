"""What a source gives for the inputs of its IR, against numpy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from omz.convert.exported import Exported
from omz.convert.onnx_to_ir import build_ir
from omz.convert.pytorch_to_onnx import export_pytorch
from omz.convert.reference import source_task
from omz.convert.samples import Sample, sample_inputs
from omz.convert.source_run import Reference, run_source
from omz.errors import ConversionError
from omz.runtime.pytorch_engine import PyTorchEngine
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.optimizer_arguments import parse_optimizer_arguments

Arrays = Mapping[str, np.ndarray]
Side = int | str
PAIR = "--input=src,bgr"
LAYOUTS = "--layout=src(NCHW),bgr(NCHW)"


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[Side]],
    outputs: Sequence[str],
    constants: Arrays | None = None,
    types: Mapping[str, int] | None = None,
) -> Path:
    """Write an ONNX file; inputs have float32 unless ``types`` tells otherwise."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [
            helper.make_tensor_value_info(name, (types or {}).get(name, TensorProto.FLOAT), list(shape))
            for name, shape in inputs.items()
        ],
        [helper.make_tensor_value_info(name, (types or {}).get(name, TensorProto.FLOAT), None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def pair_model(path: Path, shape: Sequence[Side]) -> Path:
    """Write an ONNX file with src, bgr, their sum, and both side by side, which need inputs of the same size."""
    nodes = [
        helper.make_node("Relu", ["src"], ["positive"], name="node_positive"),
        helper.make_node("Add", ["positive", "positive"], ["double"], name="node_double"),
        helper.make_node("Neg", ["bgr"], ["hidden"], name="node_hidden"),
        helper.make_node("Sub", ["src", "hidden"], ["sum"], name="node_sum"),
        helper.make_node("Concat", ["src", "bgr"], ["both"], name="node_both", axis=1),
    ]
    return save(path, nodes, {"src": shape, "bgr": shape}, ["double", "sum", "both"])


def run(source: Path, *flags: str, count: int = 1, **pictures: str) -> Reference:
    """Convert, make samples for the IR, and let the source run on them."""
    arguments = parse_optimizer_arguments(["--input_model=x", *flags], "here")
    model, preprocessing = build_ir(source, dataclasses.replace(arguments, **pictures), "net")
    return run_source(source_task(model, preprocessing, source), tuple(sample_inputs(model, count)))


def expected(sample: Sample) -> dict[str, np.ndarray]:
    """Compute what the pair model gives."""
    nothing = np.zeros_like(next(iter(sample.values())))
    src, bgr = sample.get("src", nothing), sample.get("bgr", nothing)
    positive = np.maximum(src, 0)
    return {
        "positive": positive, "double": 2 * positive, "hidden": -bgr, "sum": src + bgr,
        "both": np.concatenate([src, bgr], 1),
    }  # fmt: skip


def assert_gives(reference: Reference, names: Sequence[str], prepared: Callable[[Sample], Sample] = dict) -> None:
    assert len(reference.results) == len(reference.samples) > 0
    for result, sample in zip(reference.results, reference.samples, strict=True):
        assert sorted(result) == sorted(names)
        for name in names:
            np.testing.assert_allclose(result[name], expected(prepared(sample))[name], rtol=1e-6, atol=1e-6)


@pytest.fixture
def source(tmp_path) -> Path:
    return pair_model(tmp_path / "net.onnx", [1, 3, "height", "width"])


def test_all_outputs_come_from_onnx_runtime_which_says_its_version(source):
    reference = run(source, count=3)
    assert reference.source == f"ONNX Runtime {version('onnxruntime')}"
    assert len(reference.samples) == 3
    assert_gives(reference, ["double", "sum", "both"])


def test_what_is_baked_into_the_ir_is_done_outside(source):
    def prepared(sample: Sample) -> Sample:
        return {name: (values[:, ::-1] - 10) / 4 for name, values in sample.items()}

    flags = (PAIR, LAYOUTS, "--reverse_input_channels", "--mean_values=[10,10,10]", "--scale=4")
    assert_gives(run(source, *flags), ["double", "sum", "both"], prepared)


def test_the_samples_are_as_the_ir_takes_them(source):
    flags = (PAIR, "--layout=src(NCHW->NHWC),bgr(NCHW->NHWC)", "--reverse_input_channels")
    reference = run(source, *flags)
    assert reference.samples[0]["src"].shape[3] == 3
    assert_gives(
        reference,
        ["double", "sum", "both"],
        lambda sample: {name: values[..., ::-1].transpose(0, 3, 1, 2) for name, values in sample.items()},
    )


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("hidden", ["hidden"]),
        ("sum,hidden", ["sum", "hidden"]),
        ("positive", ["positive"]),
        ("node_hidden,node_double", ["hidden", "double"]),
        ("node_positive:0,both", ["positive", "both"]),
        ("0:node_double", ["positive"]),
        ("1:node_sum,sum", ["hidden", "sum"]),
    ],
)
def test_inner_tensors_and_nodes_are_asked_for_too(source, asked, names):
    assert_gives(run(source, f"--output={asked}"), names)


@pytest.mark.parametrize("asked", ["double", "positive", "node_positive"])
@pytest.mark.parametrize("shape", [[1, 3, "height", "width"], [1, 3, 16, 24]])
def test_an_ir_may_have_fewer_inputs_than_its_source(tmp_path, asked, shape):
    """The second input has gone with the outputs that needed it, but other outputs of the file still do."""
    reference = run(pair_model(tmp_path / "net.onnx", shape), f"--output={asked}", "--input=src")
    assert list(reference.samples[0]) == ["src"]
    assert_gives(reference, ["double" if asked == "double" else "positive"])


def test_inputs_that_have_gone_may_be_of_any_type(tmp_path):
    nodes = [
        helper.make_node("Neg", ["src"], ["out"]),
        helper.make_node("Where", ["on", "src", "half"], ["chosen"]),
        helper.make_node("Gather", ["src", "which"], ["some"], axis=3),
    ]
    source = save(
        tmp_path / "net.onnx", nodes,
        {"src": [1, 3, 8, 8], "on": [1], "half": [1], "which": ["count"]}, ["out", "chosen", "some"],
        types={"on": TensorProto.BOOL, "which": TensorProto.INT64},
    )  # fmt: skip
    reference = run(source, "--output=out")
    np.testing.assert_array_equal(reference.results[0]["out"], -reference.samples[0]["src"])


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        ([1, 3, 8, 8], "[1,3,40,24]"),
        ([1, 3, 8, 8], "[1,3,8,24]"),  # one side as in the file
        ([1, 3, 8, 24], "[1,3,24,8]"),  # turned by a quarter
        ([1, 3, 8, 8], "[2,3,8,8]"),
        ([1, 3, 3, 1], "[3,3,1,3]"),
        ([1, 3, 8, 8], "[1,3,-1,-1]"),
        ([1, 3, 8, 24], "[1,3,-1,24]"),
        ([1, 3, 8, 8], "[1,3,8..16,-1]"),
        ([1, 3, "height", "width"], "[2,3,40,24]"),
        ([1, 3, 8, 24], "[1,3,8,24]"),
    ],
)
def test_the_ir_may_take_other_shapes_than_those_in_the_file(tmp_path, own, asked):
    source = pair_model(tmp_path / "net.onnx", own)
    reference = run(source, PAIR, f"--input_shape={asked},{asked}", count=3)
    assert_gives(reference, ["double", "sum", "both"])


def test_the_ir_may_take_other_shapes_in_another_layout(tmp_path):
    source = pair_model(tmp_path / "net.onnx", [1, 3, 8, 24])
    reference = run(
        source, PAIR, "--input_shape=[1,3,24,8],[1,3,24,8]", "--layout=src(NCHW->NHWC),bgr(NCHW->NHWC)", "--scale=2"
    )
    assert reference.samples[0]["src"].shape == (1, 24, 8, 3)
    assert_gives(
        reference,
        ["double", "sum", "both"],
        lambda sample: {name: values.transpose(0, 3, 1, 2) / 2 for name, values in sample.items()},
    )


def test_other_shapes_and_inner_tensors_go_together(tmp_path):
    source = pair_model(tmp_path / "net.onnx", [1, 3, 8, 8])
    assert_gives(run(source, PAIR, "--input_shape=[1,3,8,16],[1,3,8,16]", "--output=hidden"), ["hidden"])


def test_numbers_other_than_float32_reach_the_source_as_they_are(tmp_path):
    nodes = [helper.make_node("Add", ["ids", "ids"], ["twice"]), helper.make_node("Not", ["on"], ["off"])]
    types = {"ids": TensorProto.INT64, "on": TensorProto.BOOL, "twice": TensorProto.INT64, "off": TensorProto.BOOL}
    source = save(tmp_path / "net.onnx", nodes, {"ids": [1, "count"], "on": [4]}, ["twice", "off"], types=types)
    reference = run(source)
    sample, result = reference.samples[0], reference.results[0]
    assert (result["twice"].dtype, result["off"].dtype) == (np.int64, np.bool_)
    np.testing.assert_array_equal(result["twice"], 2 * sample["ids"])
    np.testing.assert_array_equal(result["off"], ~sample["on"])


@pytest.mark.parametrize(
    ("kind", "flags", "pictures"),
    [
        (TensorProto.FLOAT16, ["--scale=4"], {}),
        (TensorProto.FLOAT16, ["--mean_values=[8,8,8]", "--scale=4", "--reverse_input_channels"], {}),
        (TensorProto.DOUBLE, ["--mean_values=[8,8,8]", "--scale=4"], {}),
        (TensorProto.FLOAT16, ["--scale=4"], {"picture_type": "u8", "picture_layout": "NHWC"}),
        (TensorProto.DOUBLE, ["--scale=4"], {"picture_type": "u8"}),
        (TensorProto.UINT8, ["--reverse_input_channels"], {"picture_type": "u8", "picture_layout": "NHWC"}),
        (TensorProto.INT32, [], {"picture_type": "u8"}),
    ],
)
def test_pictures_reach_a_source_in_the_type_that_it_takes(tmp_path, kind, flags, pictures):
    nodes = [helper.make_node("Add", ["src", "src"], ["twice"])]
    types = {"src": kind, "twice": kind}
    source = save(tmp_path / "net.onnx", nodes, {"src": [1, 3, "height", "width"]}, ["twice"], types=types)
    reference = run(source, "--layout=src(NCHW)", *flags, **pictures)
    picture, result = reference.samples[0]["src"], reference.results[0]["twice"]
    assert result.dtype == helper.tensor_dtype_to_np_dtype(kind)
    if "picture_layout" in pictures:
        picture = picture.transpose(0, 3, 1, 2)
    if "--reverse_input_channels" in flags:
        picture = picture[:, ::-1]
    mean = 8 if "--mean_values=[8,8,8]" in flags else 0
    scale = 4 if "--scale=4" in flags else 1
    twice = 2 * (picture.astype(np.float64) - mean) / scale  # exact in half precision, but not in bytes
    np.testing.assert_array_equal(result, twice.astype(int).astype(np.uint8) if kind == TensorProto.UINT8 else twice)


def test_a_source_that_does_not_run_on_the_inputs_is_one_line_that_says_what_helps(tmp_path, capfd):
    nodes = [helper.make_node("Reshape", ["src", "row"], ["out"])]
    constants = {"row": np.array([1, 3 * 8 * 8])}
    source = save(tmp_path / "net.onnx", nodes, {"src": [1, 3, "height", "width"]}, ["out"], constants)
    with pytest.raises(ConversionError) as caught:
        run(source)
    assert str(caught.value).startswith("net.onnx cannot be compared with its IR, for its source does not run: ")
    assert "--shape" in str(caught.value)
    assert "--check none" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""  # ONNX Runtime, too, leaves it to the command to print what went wrong
    fitting = run(source, "--input=src", "--input_shape=[1,3,8,8]")
    np.testing.assert_array_equal(fitting.results[0]["out"], fitting.samples[0]["src"].reshape(1, -1))


class Net(nn.Module):
    """Gives the first input doubled, and both side by side; or raises."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.error = error

    def forward(self, src: torch.Tensor, bgr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.error:
            raise self.error
        return 2 * torch.relu(src), torch.cat([src, bgr], 1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> ExportArguments:
    shape = (1, 3, 8, 8)
    axes = {name: {2: "height", 3: "width"} for name in ("src", "bgr", "double", "both")}
    arguments = ExportArguments(
        "here", "Net", {}, None, (shape, shape), ("src", "bgr"), ("double", "both"),
        tmp_path_factory.mktemp("exported") / "net.onnx", 17, {"dynamic_axes": axes},
    )  # fmt: skip
    export_pytorch(Net(), arguments)
    return arguments


def run_exported(network: nn.Module, arguments: ExportArguments, *flags: str) -> Reference:
    parsed = parse_optimizer_arguments(["--input_model=x", *flags], "here")
    model, preprocessing = build_ir(arguments.output_file, parsed, "net")
    samples = tuple(sample_inputs(model, 1))
    exported = Exported(arguments, partial(PyTorchEngine, network))
    return run_source(source_task(model, preprocessing, arguments.output_file), samples, exported)


def test_a_network_that_was_exported_runs_itself(exported):
    class Other(Net):
        def forward(self, src: torch.Tensor, bgr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return tuple(5 + each for each in super().forward(src, bgr))

    reference = run_exported(Other(), exported, PAIR, LAYOUTS, "--scale=2")
    assert reference.source == f"PyTorch {version('torch')}"
    sample = {name: values / 2 for name, values in reference.samples[0].items()}
    for name in ("double", "both"):
        np.testing.assert_allclose(reference.results[0][name], 5 + expected(sample)[name], rtol=1e-6)


@pytest.mark.parametrize("asked", ["both", "both,double"])
def test_outputs_of_a_network_go_by_name_whatever_their_order(exported, asked):
    reference = run_exported(Net(), exported, f"--output={asked}")
    assert reference.source.startswith("PyTorch")
    assert_gives(reference, asked.split(","))


def test_a_network_whose_ir_has_fewer_inputs_runs(exported):
    assert_gives(run_exported(Net(), exported, "--input=src", "--output=double"), ["double"])


def test_what_a_network_does_not_give_comes_from_its_onnx_file(exported):
    relu = next(node.name for node in onnx.load(exported.output_file).graph.node if node.op_type == "Relu")
    reference = run_exported(Net(), exported, f"--output={relu},both")
    assert reference.source.startswith("ONNX Runtime")
    src = reference.samples[0]["src"]
    assert [np.array_equal(values, np.maximum(src, 0)) for values in reference.results[0].values()].count(True) == 1


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("sizes must match\nsecond line"),
        ValueError("sizes must match"),
        AssertionError("sizes must match"),
        KeyError("sizes must match"),
        AttributeError("sizes must match"),
        ZeroDivisionError("sizes must match"),
        AssertionError(),
        RuntimeError(),
    ],
    ids=repr,
)
def test_whatever_a_network_raises_is_one_line_that_says_what_helps(exported, error):
    with pytest.raises(ConversionError) as caught:
        run_exported(Net(error), exported)
    said = str(caught.value)
    assert said.startswith("net.onnx cannot be compared with its IR, for its source does not run: ")
    assert str(error).partition("\n")[0] in said
    assert "--shape" in said
    assert "--check none" in said
    assert "\n" not in said
