"""Conversions that are broken on purpose, and where they are said to be."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers.builders import published_file, small_model, write_card
from helpers.published_graph import save_published_graph, trained
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from omz.convert.ir_file import save_ir
from omz.convert.locate import INPUT, Located, explain_input, locate
from omz.convert.locate.layers import describe
from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import ConversionPlan, ConversionSettings, plan_conversion
from omz.convert.sources import source_onnx
from omz.errors import ConversionError, EngineError
from omz.networks.background_matting import BackgroundMatting
from omz.networks.weights import save_half
from omz.runtime.differences import deviation, spread
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.quiet_openvino import core
from omz.zoo import Catalog
from omz.zoo.optimizer_arguments import OptimizerArguments, parse_optimizer_arguments
from omz.zoo.preprocessing import Preprocessing

PICTURE = np.random.default_rng(0).uniform(0, 255, (1, 3, 12, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory) -> ConversionPlan:
    """The plan of a narrow network of the published kind, its ONNX file made."""
    folder = tmp_path_factory.mktemp("narrow")
    weights = folder / "net.safetensors"
    torch.manual_seed(0)
    network = BackgroundMatting(width=0.4, refine_mode="full")
    with torch.no_grad():
        for _ in range(20):  # statistics of what flows through it, without which nothing reaches its depth
            network(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64))
    save_half(network, weights)
    axes = {name: {2: "height", 3: "width"} for name in ("src", "bgr", "pha", "fgr")}
    export = [
        "--model-name=BackgroundMatting", "--import-module=omz.networks.background_matting",
        "--model-param=width=0.4", "--model-param=refine_mode='full'", "--weights=$dl_dir/net.safetensors",
        "--input-shapes=[1,3,256,256],[1,3,256,256]", "--input-names=src,bgr", "--output-names=pha,fgr",
        "--output-file=$conv_dir/net.onnx",
        f"--conversion-param=dynamic_axes={axes}",
    ]  # fmt: skip
    convert = ["--input_model=$conv_dir/net.onnx", "--output=pha,fgr", "--scale=255", "--reverse_input_channels"]
    write_card(
        folder / "zoo", "net", framework="pytorch", conversion_to_onnx_args=export, model_optimizer_args=convert,
        files=[published_file("net.safetensors", weights.read_bytes(), "https://example.com/net.safetensors")],
    )  # fmt: skip
    card = Catalog(folder / "zoo")["net"]
    downloads = folder / "downloads"
    (downloads / card.subdirectory).mkdir(parents=True)
    weights.rename(downloads / card.subdirectory / weights.name)
    plan = plan_conversion(card, downloads, folder)
    assert source_onnx(card, plan.download_dir, plan.ir_path("FP32"), folder) == plan.onnx_file
    return plan


def convert(source: Path, xml: Path, arguments: OptimizerArguments, weights: str = "FP32") -> Path:
    save_ir(build_ir(source, arguments, "net")[0], xml, weights)
    return xml


def broken(plan: ConversionPlan, folder: Path, **changes: object) -> Located:
    """Convert with other arguments than the card's, and look for what is wrong."""
    xml = convert(plan.onnx_file, folder / "net.xml", dataclasses.replace(plan.optimizer, **changes))
    return locate(plan.onnx_file, xml, plan.preprocessing)


def names(located: Located) -> list[str]:
    return [layer.tensor for layer in located.faults]


@pytest.mark.parametrize("weights", ["FP32", "FP16"])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_nothing_diverges_in_a_healthy_conversion(narrow, tmp_path, weights, precision):
    xml = convert(narrow.onnx_file, tmp_path / "net.xml", narrow.optimizer, weights)
    located = locate(narrow.onnx_file, xml, narrow.preprocessing, precision=precision)
    assert located.first is None
    assert (located.off, located.faults, located.notable()) == ((), (), ())
    assert located.matched == located.tensors > 200
    assert located.inputs == {"src": (1, 3, 256, 320), "bgr": (1, 3, 256, 320)}
    assert (located.precision, located.weights) == (precision, {"FP32": "f32", "FP16": "f16"}[weights])
    assert all(layer.own.error < located.tolerance for layer in located.layers)
    assert "nothing diverges" in describe(located)[1]


def test_colours_that_are_not_reversed_are_found_at_the_input(narrow, tmp_path):
    located = broken(narrow, tmp_path, reverse_input_channels=False)
    assert sorted(names(located)) == ["bgr", "src"]
    assert {layer.op_type for layer in located.faults} == {INPUT}
    assert located.first.note == "colours are reversed"
    assert "pha" in {layer.tensor for layer in located.behind(located.first)}
    assert "colours are reversed" in describe(located)


def test_a_scale_that_is_forgotten_is_found_at_the_input(narrow, tmp_path):
    located = broken(narrow, tmp_path, scale_all=None)
    assert sorted(names(located)) == ["bgr", "src"]
    assert located.first.note == "it is 255 times what it should be"


def test_both_are_told_together(narrow, tmp_path):
    located = broken(narrow, tmp_path, scale_all=None, reverse_input_channels=False)
    assert located.first.note == "colours are reversed; it is 255 times what it should be"


def test_the_channel_with_a_wrong_mean_is_named(narrow, tmp_path):
    located = broken(narrow, tmp_path, mean=(("src", (0.0, 0.0, 25.5)),))
    assert names(located) == ["src"]
    assert located.first.note == "channel 2 is 0.1 too low"


def changed_weights(source: Path, target: Path, node_name: str) -> Path:
    """Write ``source`` with a tenth of one layer's weights turned round."""
    model = onnx.load(source)
    node = next(node for node in model.graph.node if node.name == node_name)
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == node.input[1])
    values = numpy_helper.to_array(weights).copy()
    values.reshape(-1)[::10] *= -1
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    onnx.save(model, target)
    return target


@pytest.mark.parametrize("weights", ["FP32", "FP16"])
def test_the_layer_whose_weights_changed_is_found_and_no_other(narrow, tmp_path, weights):
    node = "/_network/backbone/features.5/conv/conv.0/conv.0.0/Conv"
    other = changed_weights(narrow.onnx_file, tmp_path / "other.onnx", node)
    xml = convert(other, tmp_path / "net.xml", narrow.optimizer, weights)
    located = locate(narrow.onnx_file, xml, narrow.preprocessing)
    (fault,) = located.faults
    assert (fault.op_type, fault.node, fault.hidden) == ("Conv", node, ())
    assert located.first is fault
    assert all(not layer.seen.is_off(located.tolerance) for layer in located.before(fault))
    behind = located.behind(fault)
    assert behind[0].seen.is_off(located.tolerance)
    assert not behind[0].own.is_off(located.tolerance)
    shown = located.notable(10)
    assert len(shown) == 10
    assert shown[0] is fault
    lines = describe(located)
    assert f"first to diverge is Conv {node}" in lines[1]
    assert f"of the {len(behind)} tensors behind it are off" in lines[-1]


def test_tensors_may_be_looked_at_a_few_at_a_time(narrow, tmp_path, monkeypatch):
    xml = convert(narrow.onnx_file, tmp_path / "net.xml", dataclasses.replace(narrow.optimizer, scale_all=128.0))
    picture = {name: PICTURE.repeat(4, 2).repeat(4, 3) for name in ("src", "bgr")}
    found = []
    for most in (1 << 30, 1 << 20):
        monkeypatch.setattr("omz.convert.locate._MOST_BYTES", most)
        found.append(locate(narrow.onnx_file, xml, narrow.preprocessing, picture))
    at_once, in_groups = found
    assert sorted(names(at_once)) == sorted(names(in_groups)) == ["bgr", "src"]
    for one, other in zip(at_once.layers, in_groups.layers, strict=True):
        assert one.tensor == other.tensor
        assert one.seen.error == pytest.approx(other.seen.error, rel=1e-3, abs=1e-6)


PUBLISHED_SIZE = (32, 1024)


@pytest.fixture(scope="module")
def published(tmp_path_factory, generated_state) -> tuple[Path, Path, list[Preprocessing]]:
    """A graph that crops every block of a wide picture with RoiAlign, its IR, and what stands before it."""
    height, width = PUBLISHED_SIZE
    network = trained(BackgroundMatting(refine_sample_pixels=height * width), generated_state)
    folder = tmp_path_factory.mktemp("published")
    source = save_published_graph(folder / "net.onnx", network)
    shape = f"[1,3,{height},{width}]"
    flags = ["--input_model=x", "--input=src,bgr", f"--input_shape={shape},{shape}", "--output=pha,fgr", "--scale=255"]
    arguments = parse_optimizer_arguments([*flags, "--reverse_input_channels"], "here")
    model, preprocessing = build_ir(source, arguments, "net")
    save_ir(model, folder / "net.xml", "FP32")
    return source, folder / "net.xml", list(preprocessing)


def wide_pictures() -> dict[str, np.ndarray]:
    """Return noise, in which a shift by a pixel matters everywhere."""
    random = np.random.default_rng(0)
    return {name: random.integers(0, 256, (1, 3, *PUBLISHED_SIZE)).astype(np.float32) for name in ("src", "bgr")}


def test_blocks_that_are_refined_in_another_order_are_no_fault(published):
    source, xml, preprocessing = published
    located = locate(source, xml, preprocessing, wide_pictures())
    assert located.first is None
    assert located.matched > 300
    assert "RoiAlign" in {layer.op_type for layer in located.layers}


def test_boxes_that_bf16_cannot_hold_are_found_at_the_crops(published):
    source, xml, preprocessing = published
    if OpenVINOEngine(xml, precision="bf16").info.precision != "bf16":
        pytest.skip("this processor does not run models in bf16")
    located = locate(source, xml, preprocessing, wide_pictures(), precision="bf16")
    assert located.first.op_type == "RoiAlign"
    assert [layer.op_type for layer in located.jumps[:3]].count("RoiAlign") >= 2
    boxes = next(layer for layer in located.before(located.first) if layer.shape[1:] == (4,))
    assert boxes.seen.largest >= 2  # pixels
    assert boxes.seen.error < located.tolerance  # little of 1,024, so the crops must tell
    assert any("the error grows most in RoiAlign" in line for line in describe(located))
    assert any(f"given {boxes.op_type} {boxes.node}" in line for line in describe(located))


# --- small networks ---


def save_network(path: Path, nodes: list[onnx.NodeProto], outputs: list[str], **constants: object) -> Path:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 16])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in constants.items()
            if any(name in node.input for node in nodes)
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def plain(source: Path, xml: Path, *flags: str) -> Path:
    return convert(source, xml, parse_optimizer_arguments(["--input_model=x", *flags], "here"))


UNARY = ("Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Softplus", "LeakyRelu")
BINARY = ("Add", "Sub", "Mul", "Max", "Min")


@st.composite
def networks(draw: st.DrawFn) -> list[onnx.NodeProto]:
    """Draw some layers, each of the tensors before it; tensor ``t5`` is made by node ``n5``."""
    nodes = []
    for number in range(draw(st.integers(2, 12))):
        before = st.sampled_from(["x", *(f"t{each}" for each in range(number))])
        op_type = draw(st.sampled_from((*UNARY, *BINARY, "Conv", "Conv")))
        taken = [draw(before) for _ in range(2 if op_type in BINARY else 1)]
        taken += ["w"] if op_type == "Conv" else []
        nodes.append(helper.make_node(op_type, taken, [f"t{number}"], name=f"n{number}"))
    return nodes


def outputs_of(nodes: list[onnx.NodeProto]) -> list[str]:
    """Return the tensors that no node takes."""
    taken = {name for node in nodes for name in node.input}
    return [node.output[0] for node in nodes if node.output[0] not in taken]


def run(source: Path) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"]).run(None, {"x": PICTURE / 255})


WEIGHTS = np.random.default_rng(1).normal(0, 0.6, (3, 3, 1, 1)).astype(np.float32)


@settings(max_examples=25)
@given(networks(), st.data())
def test_a_layer_that_was_changed_in_any_network_is_found(tmp_path_factory, nodes, data):
    folder, outputs = tmp_path_factory.mktemp("random"), outputs_of(nodes)
    source = save_network(folder / "source.onnx", nodes, outputs, w=WEIGHTS)
    number = data.draw(st.integers(0, len(nodes) - 1))
    made = nodes[number].output[0]
    change, by = data.draw(st.sampled_from([("Add", 0.3), ("Mul", 1.2), ("Pow", 2.0)]))
    other = [helper.make_node(node.op_type, node.input, node.output, node.name) for node in nodes]
    for one, node in zip(other, nodes, strict=True):
        one.CopyFrom(node)
    other[number].output[0] = "unchanged"
    other.insert(number + 1, helper.make_node(change, ["unchanged", "by"], [made]))
    changed = save_network(folder / "changed.onnx", other, outputs, w=WEIGHTS, by=np.float32(by))
    scale = "--scale=255"
    step = [Preprocessing("x", "NCHW", scale=(255.0,))]

    healthy = locate(source, plain(source, folder / "healthy.xml", scale), step, {"x": PICTURE})
    assert healthy.first is None

    far = [np.abs(one - two).max() / max(np.ptp(one), 1e-3) for one, two in zip(run(source), run(changed), strict=True)]
    assume(max(far) > 0.02)  # else what comes behind has swallowed it
    located = locate(source, plain(changed, folder / "changed.xml", scale), step, {"x": PICTURE})
    assert [layer.node for layer in located.faults] == [f"n{number}"]
    assert located.first.tensor == made


def test_a_tensor_that_the_ir_does_not_have_is_told(tmp_path):
    nodes = [
        helper.make_node("Neg", ["x"], ["a"], name="first"),
        helper.make_node("Exp", ["a"], ["b"], name="second"),
        helper.make_node("Relu", ["b"], ["c"], name="third"),
    ]
    source = save_network(tmp_path / "source.onnx", nodes, ["c"])
    nodes[1].op_type, nodes[1].output[0], nodes[2].input[0] = "Sigmoid", "other", "other"
    xml = plain(save_network(tmp_path / "other.onnx", nodes, ["c"]), tmp_path / "net.xml")
    located = locate(source, xml, inputs={"x": PICTURE / 255})
    assert (located.matched, located.tensors) == (2, 3)
    (fault,) = located.faults
    assert (fault.node, fault.inputs, fault.hidden) == ("third", ("a",), ("second",))
    assert any("its error may be that of second" in line for line in describe(located))


def test_preprocessing_that_was_folded_into_the_first_layer_is_no_fault(tmp_path):
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    source = save_network(tmp_path / "source.onnx", nodes, ["b"], w=WEIGHTS)
    folded = save_network(tmp_path / "folded.onnx", nodes, ["b"], w=WEIGHTS / np.float32(255))
    located = locate(
        source,
        plain(folded, tmp_path / "net.xml"),
        [Preprocessing("x", "NCHW", scale=(255.0,))],
        {"x": PICTURE},
    )
    assert located.first is None
    assert located.layers[0].seen.is_off(located.tolerance)


def test_pictures_may_enter_in_another_layout_and_type(tmp_path):
    source = save_network(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["a"])], ["a"])
    arguments = parse_optimizer_arguments(
        ["--input_model=x", "--layout=x(NCHW)", "--scale=255", "--reverse_input_channels"], "here"
    )
    arguments = dataclasses.replace(arguments, picture_type="u8", picture_layout="NHWC")
    model, preprocessing = build_ir(source, arguments, "net")
    save_ir(model, tmp_path / "net.xml", "FP32")
    assert str(core().read_model(tmp_path / "net.xml").input().get_partial_shape()) == "[1,12,16,3]"
    picture = np.random.default_rng(0).integers(0, 256, (1, 12, 16, 3), np.uint8)
    assert locate(source, tmp_path / "net.xml", preprocessing, {"x": picture}).first is None
    wrong = [dataclasses.replace(preprocessing[0], mean=(0.0, 12.75, 0.0))]
    located = locate(source, tmp_path / "net.xml", wrong, {"x": picture})
    assert located.first.note == "channel 1 is 0.05 too high"


def test_integers_are_compared_one_by_one(tmp_path):
    def network(path: Path, axis: int) -> Path:
        nodes = [
            helper.make_node("ArgMax", ["x"], ["where"], axis=axis, keepdims=1),
            helper.make_node("Cast", ["where"], ["out"], to=TensorProto.FLOAT),
        ]
        return save_network(path, nodes, ["out"])

    source = network(tmp_path / "source.onnx", 1)
    (tmp_path / "same").mkdir()
    assert locate(source, plain(source, tmp_path / "same" / "net.xml"), inputs={"x": PICTURE}).first is None
    located = locate(source, plain(network(tmp_path / "other.onnx", 3), tmp_path / "net.xml"), inputs={"x": PICTURE})
    assert located.first.tensor == "where"
    assert math.isinf(located.first.seen.largest)  # another shape
    assert "is not the shape" in describe(located)[1]


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda folder: small_model(folder / "other.onnx"), EngineError, "takes the inputs x, not src, bgr"),
        (lambda folder: folder / "none.onnx", ConversionError, "none.onnx cannot be read"),
    ],
)
def test_what_does_not_belong_together_is_told(
    tmp_path, build: Callable[[Path], Path], error: type[Exception], message: str
):
    net = save_network(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["a"])], ["a"])
    xml = plain(net, tmp_path / "net.xml")
    with pytest.raises(error, match=message):
        locate(build(tmp_path), xml, inputs={"src": PICTURE, "bgr": PICTURE})


def test_an_ir_of_another_file_and_a_device_that_is_not_there_are_told(tmp_path):
    net = save_network(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["a"])], ["a"])
    other = save_network(tmp_path / "other.onnx", [helper.make_node("Relu", ["x"], ["z"])], ["z"])
    xml = plain(net, tmp_path / "net.xml")
    with pytest.raises(ConversionError, match=r"no tensor of other\.onnx; give the ONNX file that it was made from"):
        locate(other, xml, inputs={"x": PICTURE})
    with pytest.raises(EngineError, match="does not run"):
        locate(net, xml, inputs={"x": PICTURE}, device="TPU")


# --- figures ---


@given(st.integers(0, 2**31), st.sampled_from([(3,), (2, 5, 7), (70_000,)]))
def test_differences_are_what_numpy_says(seed, shape):
    random = np.random.default_rng(seed)
    expected = random.normal(3, 2, shape).astype(np.float32)
    found = (expected + random.normal(0, 0.01, shape)).astype(np.float32)
    far = np.abs(expected.astype(float) - found)
    scale = max(expected.astype(float).std(), 0.1 * np.abs(expected).max())
    seen = deviation(expected, found, 0.01)
    assert seen.largest == pytest.approx(far.max())
    assert seen.mean == pytest.approx(far.mean())
    assert seen.error == pytest.approx(np.sqrt((far**2).mean()) / scale)
    assert seen.share == pytest.approx((far > 0.01 * scale).mean())


def test_differences_of_what_is_no_number():
    expected = np.array([1.0, np.inf, np.nan, -3.4e38], np.float32)
    assert deviation(expected, expected.copy(), 0.0) == deviation(np.zeros(4), np.zeros(4), 0.0)
    assert spread(expected) == pytest.approx(0.1)
    lost = deviation(expected, np.array([np.nan, np.inf, np.nan, -3.4e38], np.float32), 0.1)
    assert lost.error == math.inf
    assert lost.share == 0.25
    assert deviation(np.arange(4), np.array([0, 1, 2, 7]), 0.1).error == 0.25
    assert not deviation(np.zeros(5000, int), np.eye(1, 5000, dtype=int)[0], 1e-4).is_off(1e-4)
    assert deviation(np.zeros(500, int), np.eye(1, 500, dtype=int)[0], 1e-4).is_off(1e-4)
    assert deviation(np.zeros(3), np.full(3, 1e-9), 0.1).error == math.inf


@given(st.integers(0, 2), st.floats(0.1, 200), st.floats(-50, 50), st.booleans())
def test_the_channel_with_another_factor_and_amount_is_named(channel, factor, amount, reverse):
    assume(abs(factor - 1) > 0.01 or abs(amount) > 0.5)
    expected = PICTURE.transpose(0, 2, 3, 1) / np.float32(8)
    found = (np.flip(expected, 3) if reverse else expected).copy()
    found[..., channel] = factor * found[..., channel] + amount
    note = explain_input(expected, found, 3, 1e-4)
    assert note.startswith("colours are reversed; " if reverse else f"channel {channel}")
    assert [f"channel {n}" in note for n in range(3)] == [n == channel for n in range(3)]


def test_what_is_too_odd_to_explain_is_not():
    noise = np.random.default_rng(5).random(PICTURE.shape, np.float32)
    assert explain_input(PICTURE, noise, 1, 1e-4) == ""
    assert explain_input(PICTURE, PICTURE[..., 1:], 1, 1e-4) == ""


# --- the ONNX file of a card ---


def test_the_file_on_the_way_is_that_beside_the_irs_or_made_again(narrow, tmp_path):
    card = narrow.card
    ir = tmp_path / "models" / "FP32" / "net.xml"
    made = source_onnx(card, narrow.download_dir, ir, tmp_path / "again")
    assert made.is_relative_to(tmp_path / "again")
    assert made.read_bytes() == narrow.onnx_file.read_bytes()
    left = tmp_path / "models" / made.name
    left.parent.mkdir()
    made.rename(left)
    assert source_onnx(card, narrow.download_dir, ir, tmp_path / "again") == left


def test_an_original_in_onnx_is_its_own_source_and_foreign_code_is_not_run(tmp_path):
    source = small_model(tmp_path / "dl" / "public" / "net" / "net.onnx")
    file = published_file("net.onnx", source.read_bytes(), "https://example.com/net.onnx")
    folder = write_card(tmp_path / "zoo", "net", files=[file])
    card = Catalog(tmp_path / "zoo")["net"]
    assert source_onnx(card, tmp_path / "dl", tmp_path / "a" / "FP32" / "net.xml", tmp_path) == source
    (folder / "pre-convert.py").write_text("")
    with pytest.raises(ConversionError, match=r"code that comes with the card \(pre-convert\.py\)"):
        source_onnx(card, tmp_path / "dl", tmp_path / "a" / "FP32" / "net.xml", tmp_path)


@pytest.mark.slow
def test_a_layer_of_the_human_matting_network_is_found(tmp_path):
    pytest.importorskip("mindspore", reason="MindSpore is an extra")
    from helpers.semantic_human_matting import NAME, write_zoo

    from omz.convert.exported import export_network

    models, downloads = write_zoo(tmp_path)
    card = Catalog(models)[NAME]
    plan = plan_conversion(card, downloads, tmp_path, ConversionSettings(shapes={"": (1, 3, 64, 64)}))
    source = plan.onnx_file
    source.parent.mkdir(parents=True)
    export_network(card.framework, plan.export)
    convolutions = [node.name for node in onnx.load(source).graph.node if node.op_type == "Conv"]
    chosen = convolutions[len(convolutions) // 2]
    other = changed_weights(source, tmp_path / "other.onnx", chosen)
    healthy = convert(source, tmp_path / "healthy.xml", plan.optimizer)
    assert locate(source, healthy, plan.preprocessing).first is None
    located = locate(source, convert(other, tmp_path / "net.xml", plan.optimizer), plan.preprocessing)
    assert [layer.node for layer in located.faults] == [chosen]
    mean = tuple((name, (104.0, 117.0, 121.0)) for name, _ in plan.optimizer.mean)
    wrong = convert(source, tmp_path / "wrong.xml", dataclasses.replace(plan.optimizer, mean=mean))
    assert locate(source, wrong, plan.preprocessing).first.note == "channel 1 is 0.01961 too low"
