"""Pictures as bytes, channels last: what is planned for them, and what the IR then computes of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.builders import convert, published_file, save_difference_model, write_card
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from omz.convert.ir_file import save_ir
from omz.convert.manifest import manifest_path
from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import ConversionSettings, plan_conversion
from omz.errors import CardError
from omz.matting.network import MattingNetwork
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog
from omz.zoo.optimizer_arguments import Dimension, OptimizerArguments, parse_optimizer_arguments
from omz.zoo.preprocessing import Preprocessing, resolve_preprocessing

CHANNELS = {"src": 3, "mask": 1, "bgr": 3, "state": 4}
LAYOUTS = ",".join(f"{name}(NCHW)" for name in CHANNELS)
VALUES = st.integers(-4096, 4096).map(lambda value: value / 16)
SCALES = VALUES.filter(lambda value: abs(value) >= 0.5)


def arguments_of(*flags: str, kind: str = "", layout: str = "") -> OptimizerArguments:
    parsed = parse_optimizer_arguments(["--input_model=x", *flags], "here")
    return dataclasses.replace(parsed, picture_type=kind, picture_layout=layout)


def resolve(inputs: Mapping[str, tuple[Dimension, ...]], *flags: str, **pictures: str) -> dict[str, Preprocessing]:
    steps = resolve_preprocessing(arguments_of(*flags, **pictures), inputs, "here")
    return {step.input_name: step for step in steps}


@pytest.mark.parametrize(
    ("pictures", "planned"),
    [
        ({"kind": "u8", "layout": "NHWC"}, ("u8", "NHWC", "NCHW")),
        ({"kind": "u8"}, ("u8", "NCHW", "")),
        ({"layout": "NHWC"}, ("", "NHWC", "NCHW")),
        ({"kind": "u8", "layout": "NCHW"}, ("u8", "NCHW", "")),
        ({"layout": "NCHW"}, ("", "NCHW", "")),  # as it is
        ({}, ("", "NCHW", "")),
    ],
)
def test_pictures_are_taken_as_asked_for_and_other_inputs_as_before(pictures, planned):
    inputs = {name: (1, channels, 8, 8) for name, channels in CHANNELS.items()}
    before = resolve(inputs, f"--layout={LAYOUTS}", "--scale=2", "--reverse_input_channels")
    steps = resolve(inputs, f"--layout={LAYOUTS}", "--scale=2", "--reverse_input_channels", **pictures)
    assert list(steps) == list(inputs)
    for name, step in steps.items():
        if CHANNELS[name] == 3:
            assert (step.element_type, step.layout, step.original_layout) == planned
            assert (step.reverse_channels, step.scale) == (True, (2,))
        else:
            assert step == before[name]


def test_a_model_of_channels_last_may_take_channels_first():
    step = resolve({"x": (1, 8, 8, 3)}, "--layout=x(NHWC)", kind="u8", layout="NCHW")["x"]
    assert (step.element_type, step.layout, step.original_layout) == ("u8", "NCHW", "NHWC")


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_layout_asked_for_wins_over_that_of_the_card(layout):
    step = resolve({"x": (1, 3, 8, 8)}, "--layout=x(NCHW->NHWC)", layout=layout)["x"]
    assert (step.layout, step.original_layout) == (layout, "" if layout == "NCHW" else "NCHW")


@pytest.mark.parametrize("shape", [(1, 3, -1, -1), (-1, -1, 8, 8), ((1, 4), (1, 4), 8, 8), ()])
def test_channels_that_may_be_three_are_colours(shape):
    step = resolve({"x": shape}, "--layout=x(NCHW)", kind="u8", layout="NHWC")["x"]
    assert (step.element_type, step.layout) == ("u8", "NHWC")


@pytest.mark.parametrize(
    ("inputs", "flags", "pictures", "messages"),
    [
        (
            {"src": (1, 3, 8, 8)}, [], {"layout": "NHWC"},
            ["src cannot take images as NHWC", "unknown", "--add_mo_arg '--layout=src(NCHW)'"],
        ),
        (
            {"src": (1, 3, 8, 8)}, ["--reverse_input_channels"], {"kind": "u8", "layout": "NHWC"},
            ["src cannot take images as NHWC", "?C??", "--add_mo_arg '--layout=src(NCHW)'"],
        ),
        ({"src": (3, 8, 8)}, ["--layout=src(CHW)"], {"layout": "NHWC"}, ["src cannot take images as NHWC", "is CHW"]),
        ({"x": (1, 1, 8, 8)}, ["--layout=x(NCHW)"], {"kind": "u8"}, ["no input has three channels"]),
        ({"x": (1, 7)}, [], {"kind": "u8", "layout": "NHWC"}, ["no input has three channels"]),
    ],
)  # fmt: skip
def test_what_takes_no_pictures_so_is_an_error_that_says_what_to_give(inputs, flags, pictures, messages):
    with pytest.raises(CardError) as caught:
        resolve(inputs, *flags, **pictures)
    assert str(caught.value).startswith("here: ")
    assert "\n" not in str(caught.value)
    for message in messages:
        assert message in str(caught.value)


def test_what_the_error_says_to_give_helps():
    step = resolve({"src": (1, 3, 8, 8)}, "--layout=src(NCHW)", "--reverse_input_channels", layout="NHWC")["src"]
    assert (step.layout, step.original_layout) == ("NHWC", "NCHW")


def test_bytes_alone_need_no_layout():
    step = resolve({"src": (1, 3, 8, 8)}, "--scale=255", kind="u8")["src"]
    assert (step.element_type, step.layout, step.original_layout) == ("u8", "", "")


def write(path: Path, channels: Mapping[str, int]) -> Path:
    """Write an ONNX file that gives each input as it is, and what a function makes of it."""
    nodes, outputs = [], []
    for name in channels:
        nodes.append(helper.make_node("Concat", [name], [f"{name}_out"], axis=0))  # a node, which Identity is not
        nodes.append(helper.make_node("Softsign", [name], [f"{name}_soft"]))
        outputs += [f"{name}_out", f"{name}_soft"]
    graph = helper.make_graph(
        nodes,
        "pictures",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["count", number, f"{name}_h", f"{name}_w"])
            for name, number in channels.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), path)
    return path


@st.composite
def values(draw: st.DrawFn, name: str, element: st.SearchStrategy[float]) -> str:
    found = draw(st.lists(element, min_size=0, max_size=0) | st.lists(element, min_size=1, max_size=1)
                 | st.lists(element, min_size=CHANNELS[name], max_size=CHANNELS[name]))  # fmt: skip
    return f"{name}{found}" if found else ""


@st.composite
def flags(draw: st.DrawFn) -> tuple[list[str], bool]:
    """Draw means and scales of some inputs, and whether colours are reversed."""
    made = [f"--input={','.join(CHANNELS)}", f"--layout={LAYOUTS}"]
    for flag, element in (("mean", VALUES), ("scale", SCALES)):
        groups = [group for group in (draw(values(name, element)) for name in CHANNELS) if group]
        made += [f"--{flag}_values={','.join(groups)}"] if groups else []
    reverse = draw(st.booleans())
    return [*made, *(["--reverse_input_channels"] if reverse else [])], reverse


def run(model: ov.Model, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    compiled = ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(dict(feed))
    return [np.array(results[port]) for port in compiled.outputs]


@pytest.fixture(scope="module")
def four_inputs(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("pictures") / "net.onnx", CHANNELS)


@settings(max_examples=15)
@given(flags(), st.integers(0, 2**31), st.sampled_from([("u8", "NHWC"), ("u8", ""), ("", "NHWC"), ("u8", "NCHW")]))
def test_the_ir_of_pictures_computes_what_the_ir_of_floats_does(four_inputs, drawn, seed, pictures):
    given_flags, reverse = drawn
    kind, layout = pictures
    random = np.random.default_rng(seed)
    count, height, width = random.integers(1, 6, 3)
    feed = {
        name: random.integers(0, 256, (count, channels, height, width), np.uint8).astype(np.float32)
        for name, channels in CHANNELS.items()
    }
    floats, _ = build_ir(four_inputs, arguments_of(*given_flags), "floats")
    bytes_last, steps = build_ir(four_inputs, arguments_of(*given_flags, kind=kind, layout=layout), "bytes")
    as_taken = dict(feed)
    for name in ("src", "bgr"):
        port = bytes_last.input(name)
        assert port.get_element_type() == (ov.Type.u8 if kind else ov.Type.f32)
        assert str(port.get_partial_shape()) == ("[?,?,?,3]" if layout == "NHWC" else "[?,3,?,?]")
        as_taken[name] = feed[name].transpose(0, 2, 3, 1) if layout == "NHWC" else feed[name]
        as_taken[name] = np.ascontiguousarray(as_taken[name].astype(kind or np.float32))
    for name in ("mask", "state"):
        assert str(bytes_last.input(name).get_partial_shape()) == str(floats.input(name).get_partial_shape())
        assert bytes_last.input(name).get_element_type() == ov.Type.f32
    theirs = run(floats, feed)
    for mine, its in zip(run(bytes_last, as_taken), theirs, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-6)
    # The original computes the same of the same bytes, prepared outside.
    original = OnnxRuntimeEngine(four_inputs, steps)
    for its, mine in zip(original.infer(as_taken).values(), theirs, strict=True):
        np.testing.assert_allclose(its, mine, rtol=1e-4, atol=1e-3)
    assert any(step.reverse_channels for step in steps) == reverse


def test_every_byte_is_taken_for_its_number(four_inputs):
    """All 256, which a conversion by way of signed bytes or half precision would not keep."""
    model, _ = build_ir(four_inputs, arguments_of(f"--layout={LAYOUTS}", kind="u8", layout="NHWC"), "bytes")
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    feed = {name: np.zeros((1, channels, 1, 1), np.float32) for name, channels in CHANNELS.items()}
    result = run(model, {**feed, "src": ramp, "bgr": ramp})[0]
    np.testing.assert_array_equal(result, np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16).repeat(3, 1))


def test_a_mean_is_subtracted_from_numbers_that_may_be_negative_then(four_inputs):
    model, _ = build_ir(four_inputs, arguments_of(f"--layout={LAYOUTS}", "--mean_values=src[200]", kind="u8"), "bytes")
    feed = {name: np.zeros((1, channels, 1, 1), np.float32) for name, channels in CHANNELS.items()}
    bytes_of = {name: np.full((1, 3, 1, 1), 100, np.uint8) for name in ("src", "bgr")}
    assert run(model, {**feed, **bytes_of})[0].ravel().tolist() == [-100] * 3


def difference_ir(folder: Path, sides: Sequence[int | str], kind: str, layout: str) -> Path:
    """Return an IR that mattes by how far picture and plate differ, taking pictures as asked for."""
    folder.mkdir()
    plain = save_difference_model(folder / "plain.xml", *sides)
    arguments = arguments_of("--input=src,bgr", "--layout=src(NCHW),bgr(NCHW)", kind=kind, layout=layout)
    model, _ = build_ir(plain.with_suffix(".onnx"), arguments, "difference")
    save_ir(model, folder / "net.xml", "FP32")
    return folder / "net.xml"


@pytest.mark.parametrize("sides", [("height", "width"), (72, 128)])
@pytest.mark.parametrize(("kind", "layout"), [("u8", "NHWC"), ("u8", ""), ("", "NHWC")])
def test_matter_mattes_alike_whatever_pictures_the_ir_takes(tmp_path, sides, kind, layout):
    floats = MattingNetwork(OpenVINOEngine(difference_ir(tmp_path / "floats", sides, "", "")))
    engine = OpenVINOEngine(difference_ir(tmp_path / "bytes", sides, kind, layout))
    free = tuple(-1 if isinstance(side, str) else side for side in sides)
    for info in engine.inputs:
        assert info.shape == ((1, *free, 3) if layout else (1, 3, *free))
        assert (info.element_type, info.layout) == (kind or "f32", layout or "NCHW")
    plate = np.random.default_rng(0).integers(0, 120, (90, 161, 3), np.uint8)
    picture = plate.copy()
    picture[20:60, 40:120] += 100
    ours, theirs = MattingNetwork(engine)(picture, plate), floats(picture, plate)
    np.testing.assert_array_equal(ours.alpha, theirs.alpha)
    np.testing.assert_array_equal(ours.foreground, theirs.foreground)
    assert 0 < ours.alpha.mean() < 1


def test_a_card_is_converted_for_pictures_as_bytes_and_compared_as_such(tmp_path):
    source = write(tmp_path / "net.onnx", {"src": 3, "state": 4})
    target = tmp_path / "dl" / "public" / "net" / "net.onnx"
    target.parent.mkdir(parents=True)
    source.replace(target)
    inputs = [
        {"name": name, "shape": [1, channels, -1, -1], "layout": "NCHW"}
        for name, channels in (("src", 3), ("state", 4))
    ]
    write_card(
        tmp_path / "zoo", "net", input_info=inputs,
        files=[published_file("net.onnx", target.read_bytes(), "https://example.com/x")],
        model_optimizer_args=["--input_model=$dl_dir/net.onnx", "--reverse_input_channels", "--mean_values=src[1,2,3]"],
    )  # fmt: skip
    settings_ = ConversionSettings(precisions=("FP32",), picture_type="u8", picture_layout="NHWC")
    plan = plan_conversion(Catalog(tmp_path / "zoo")["net"], tmp_path / "dl", tmp_path / "out", settings_)
    xml = convert(plan)["FP32"]
    engine = OpenVINOEngine(xml)
    assert [(info.name, info.shape, info.element_type) for info in engine.inputs] == [
        ("src", (1, -1, -1, 3), "u8"),
        ("state", (1, 4, -1, -1), "f32"),
    ]
    assert (engine.facts["input_src_type"], engine.facts["input_src_layout"]) == ("u8", "NHWC")
    assert '"type": "u8"' in manifest_path(xml).read_text()
    picture = np.random.default_rng(0).integers(0, 256, (1, 5, 7, 3), np.uint8)
    result = engine.infer({"src": picture, "state": np.zeros((1, 4, 2, 2), np.float32)})["src_out"]
    by_hand = picture[..., ::-1].astype(np.float32) - np.array([1, 2, 3], np.float32)
    np.testing.assert_array_equal(result, by_hand.transpose(0, 3, 1, 2))
