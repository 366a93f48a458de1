"""What the IR computes against numpy followed by ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.builders import small_model
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from omz.convert.onnx_file import side_files
from omz.convert.onnx_to_ir import build_ir
from omz.errors import CardError, ConversionError
from omz.runtime.quiet_openvino import ov
from omz.zoo.optimizer_arguments import parse_optimizer_arguments

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True)
VALUES = st.integers(-4096, 4096).map(lambda value: value / 16)
SCALES = VALUES.filter(lambda value: abs(value) >= 0.5)


@dataclass(frozen=True)
class Input:
    name: str
    layout: str
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @property
    def channels(self) -> int:
        return self.layout.index("C")


@st.composite
def inputs(draw: st.DrawFn, name: str) -> Input:
    letters = draw(st.sampled_from(["C", "NC", "NCW", "NWC", "NCHW", "NHWC", "HWC", "NCDHW", "NDHWC"]))
    shape = tuple(draw(st.sampled_from([1, 3, 4]) if letter == "C" else st.integers(1, 5)) for letter in letters)
    channels = shape[letters.index("C")]
    groups = st.sampled_from([0, 1, channels])
    mean = tuple(draw(VALUES) for _ in range(draw(groups)))
    scale = tuple(draw(SCALES) for _ in range(draw(groups)))
    return Input(name, letters, shape, mean, scale)


@st.composite
def models(draw: st.DrawFn) -> tuple[list[Input], bool]:
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.lower))
    found = [draw(inputs(name)) for name in names]
    has_colours = any(each.shape[each.channels] == 3 for each in found)
    return found, has_colours and draw(st.booleans())


def write(path: Path, found: list[Input]) -> Path:
    """Write an ONNX file that doubles each input and adds one; sizes other than of channels are left open."""
    nodes, results = [], []
    for number, each in enumerate(found):
        nodes.append(helper.make_node("Mul", [each.name, "two"], [f"out_{number}/twice"]))
        nodes.append(helper.make_node("Add", [f"out_{number}/twice", "one"], [f"out_{number}"]))
        results.append(helper.make_tensor_value_info(f"out_{number}", TensorProto.FLOAT, None))
    sides = [
        [n if letter == "C" else f"{each.name}_{letter}" for n, letter in zip(each.shape, each.layout, strict=True)]
        for each in found
    ]
    graph = helper.make_graph(
        nodes,
        "random",
        [
            helper.make_tensor_value_info(each.name, TensorProto.FLOAT, shape)
            for each, shape in zip(found, sides, strict=True)
        ],
        results,
        [numpy_helper.from_array(np.float32(value), name) for name, value in (("one", 1), ("two", 2))],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), path)
    return path


def flags(found: list[Input], reverse: bool) -> list[str]:
    values = {
        flag: ",".join(f"{each.name}{list(getattr(each, flag))}" for each in found if getattr(each, flag))
        for flag in ("mean", "scale")
    }
    return [
        "--input_model=x",
        f"--input={','.join(each.name for each in found)}",
        f"--input_shape={','.join(str(list(each.shape)) for each in found)}",
        f"--layout={','.join(f'{each.name}({each.layout})' for each in found)}",
        *([f"--mean_values={values['mean']}"] if values["mean"] else []),
        *([f"--scale_values={values['scale']}"] if values["scale"] else []),
        *(["--reverse_input_channels"] if reverse else []),
    ]


def prepared(each: Input, x: np.ndarray, reverse: bool) -> np.ndarray:
    """Apply what the flags mean, on channels moved to the end."""
    x = np.moveaxis(x, each.channels, -1).astype(np.float64)
    if reverse and x.shape[-1] == 3:
        x = x[..., ::-1]
    x = (x - (np.array(each.mean) if each.mean else 0)) / (np.array(each.scale) if each.scale else 1)
    return np.ascontiguousarray(np.moveaxis(x, -1, each.channels), np.float32)


@settings(max_examples=60)
@given(models(), st.integers(0, 2**31))
def test_the_ir_computes_what_the_original_does_of_prepared_pictures(tmp_path_factory, model, seed):
    found, reverse = model
    source = write(tmp_path_factory.mktemp("random") / "net.onnx", found)
    ir, _ = build_ir(source, parse_optimizer_arguments(flags(found, reverse), "here"), "random")
    random = np.random.default_rng(seed)
    feed = {each.name: random.uniform(0, 255, each.shape).astype(np.float32) for each in found}
    request = ov.compile_model(ir, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    request.infer(feed)
    session = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    expected = session.run(None, {each.name: prepared(each, feed[each.name], reverse) for each in found})
    assert [port.any_name for port in ir.outputs] == [node.name for node in session.get_outputs()]
    for number, reference in enumerate(expected):
        np.testing.assert_allclose(request.get_output_tensor(number).data, reference, rtol=1e-5, atol=1e-3)


def build(source: Path, *arguments: str) -> ov.Model:
    return build_ir(source, parse_optimizer_arguments(["--input_model=x", *arguments], "here"), "small")[0]


def test_outputs_may_be_named_by_their_nodes(tmp_path):
    source = small_model(tmp_path / "net.onnx")
    graph = onnx.load(source)
    for node in graph.graph.node:
        node.name = f"node_{node.output[0]}"
    onnx.save(graph, source)
    assert build(source, "--output=node_double,node_sum").outputs[0].any_name == "double"
    assert build(source, "--output=node_sum:0").outputs[0].any_name == "sum"
    assert build(source, "--output=0:node_double").outputs[0].any_name == "inner"
    for name in ("node_nothing", "node_sum:1", "2:node_double", "7"):
        with pytest.raises(ConversionError, match=f"no output '{name}'; it has sum, double, inner"):
            build(source, f"--output={name}")


def test_dimensions_may_be_left_open_or_bounded(tmp_path):
    source = small_model(tmp_path / "net.onnx")
    model = build(source, "--input=src,bgr", "--input_shape=[1,3,?,8..16],[1,3,-1,8]")
    assert [str(port.get_partial_shape()) for port in model.inputs] == ["[1,3,?,8..16]", "[1,3,?,8]"]


def test_a_layout_may_be_changed_on_the_way_in(tmp_path):
    source = small_model(tmp_path / "net.onnx")
    model = build(
        source, "--input=src,bgr", "--input_shape=[1,3,4,5],[1,3,4,5]", "--layout=src(nchw->nhwc)", "--output=double"
    )
    assert str(model.input("src").get_partial_shape()) == "[1,4,5,3]"
    x = np.random.default_rng(0).random((1, 4, 5, 3), np.float32)
    result = ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([x])[0]
    np.testing.assert_allclose(result, 2 * x.transpose(0, 3, 1, 2), rtol=1e-6)


def test_what_the_file_does_not_have_is_named(tmp_path):
    source = small_model(tmp_path / "net.onnx")
    with pytest.raises(ConversionError, match="no input 'x'; it has src, bgr"):
        build(source, "--input=src,x")
    with pytest.raises(ConversionError, match="has 2 inputs; --input must name them"):
        build(source, "--input_shape=[1,3,8,8]")
    with pytest.raises(CardError, match="--mean_values names 'x', but the inputs are src, bgr"):
        build(source, "--mean_values=x[1]")


@pytest.mark.parametrize(("kind", "told"), [("UINT8", r"bytes \(u8\)"), ("INT32", r"whole numbers \(i32\)")])
def test_mean_of_an_input_of_whole_numbers_is_refused_with_advice(tmp_path, kind, told):
    source = tmp_path / "m.onnx"
    image = onnx.helper.make_tensor_value_info("src", getattr(onnx.TensorProto, kind), [1, 3, 8, 8])
    made = onnx.helper.make_tensor_value_info("pha", onnx.TensorProto.FLOAT, [1, 3, 8, 8])
    cast = onnx.helper.make_node("Cast", ["src"], ["pha"], to=onnx.TensorProto.FLOAT)
    graph = onnx.helper.make_graph([cast], "g", [image], [made])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), source)
    arguments = parse_optimizer_arguments([f"--input_model={source}", "--mean_values=src[1,2,3]"], "m")
    with pytest.raises(ConversionError, match=f"takes {told}, so mean and scale are inside the model already"):
        build_ir(source, arguments, "m")


@pytest.mark.parametrize(("key", "value"), [("offset", "-8"), ("length", "abc"), ("offset", "9" * 40)])
def test_weights_that_lie_nowhere_are_told_by_their_name(tmp_path, key, value):
    source = tmp_path / "m.onnx"
    weights = onnx.TensorProto(name="w", data_type=1, dims=[1], data_location=onnx.TensorProto.EXTERNAL)
    for each, said in {"location": "w.bin", "offset": "0", "length": "4", key: value}.items():
        weights.external_data.add(key=each, value=said)
    image = onnx.helper.make_tensor_value_info("src", onnx.TensorProto.FLOAT, [1])
    made = onnx.helper.make_tensor_value_info("pha", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["src", "w"], ["pha"])], "g", [image], [made], [weights]
    )
    source.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    arguments = parse_optimizer_arguments([f"--input_model={source}"], "m")
    assert side_files(source) == [tmp_path / "w.bin"]
    with pytest.raises(ConversionError, match=f"'w' has no place in w.bin: .*{key} {value}"):
        build_ir(source, arguments, "m")
