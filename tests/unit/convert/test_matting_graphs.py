"""Graphs with the structure of published matting networks, as cards of Open Model Zoo convert them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers import rewritten
from helpers.builders import published_file, write_card
from helpers.published_graph import save_published_graph, trained
from onnx import TensorProto, helper, numpy_helper

import omz.convert
from omz.convert import rewrite
from omz.convert.converter import Conversion, carry_out
from omz.convert.events import ConversionStep
from omz.convert.ir_file import read_model
from omz.convert.plan import ConversionSettings, plan_conversion
from omz.convert.rewrite.ops import floats, ops
from omz.errors import CardError, ConversionError
from omz.events import Event
from omz.networks.background_matting import BackgroundMatting
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog, ModelCard
from omz.zoo.vocabulary import REWRITTEN

SIZE = (96, 1024)  # so wide that bf16 cannot tell columns apart
STATES = {"r1": (16, 4, 8), "r2": (20, 2, 4), "r3": (40, 1, 2), "r4": (64, 1, 1)}


def card_of(root: Path, source: Path, inputs: dict[str, tuple[int, ...]], *arguments: str, **changes) -> ModelCard:
    file = published_file(source.name, source.read_bytes(), "https://example.com/x")
    write_card(
        root, source.stem, files=[file],
        input_info=[{"name": name, "shape": list(shape), "layout": "NCHW"} for name, shape in inputs.items()],
        model_optimizer_args=[f"--input_model=$dl_dir/{source.name}", *arguments], **changes,
    )  # fmt: skip
    return Catalog(root)[source.stem]


@pytest.fixture(scope="module")
def published(tmp_path_factory, generated_state) -> Conversion:
    """Three RoiAlign crops of every block, from boxes in the precision of the model."""
    folder = tmp_path_factory.mktemp("published")
    source = folder / "dl" / "public" / "bgm" / "bgm.onnx"
    source.parent.mkdir(parents=True)
    blocks = SIZE[0] * SIZE[1] // 16
    save_published_graph(source, trained(BackgroundMatting(refine_sample_pixels=16 * blocks), generated_state))
    shape = (1, 3, *SIZE)
    card = card_of(
        folder / "zoo", source, {"src": shape, "bgr": shape}, "--output=pha,fgr", "--scale=255", "--reverse_input_chan"
    )
    return omz.convert.convert(card, folder / "dl", folder / "out", ConversionSettings(precisions=("FP32",)))


def test_the_published_structure_keeps_its_results_in_f32(published):
    exact = published.irs["FP32"].manifest.parity[0]
    assert exact.precision == "f32"
    assert [output.output for output in exact.outputs] == ["pha", "fgr"]
    assert all(output.largest < 1e-4 for output in exact.outputs)


def test_bf16_moves_its_patches_and_the_runtime_asks_for_f32(published):
    if default_precision("CPU") != "bf16":
        pytest.skip("this processor does not run models in bf16 by default")
    ir, manifest = published.irs["FP32"].path, published.irs["FP32"].manifest
    scene = make_scene(0, SIZE, "parity")
    pair = {}
    for name, image in (("src", scene.picture), ("bgr", scene.plate)):
        pair[name] = image.transpose(2, 0, 1)[np.newaxis].astype(np.float32)
    exact, preferred = OpenVINOEngine(ir), OpenVINOEngine(ir, precision="default")
    assert preferred.info.precision == "bf16"
    moved = np.abs(exact.infer(pair)["pha"] - preferred.infer(pair)["pha"])
    assert np.quantile(moved, 0.999) > 0.05 > 100 * manifest.parity[0].outputs[0].p99_9
    assert manifest.keeps_model_in == ("f32",)
    assert OpenVINOEngine(ir, precision="auto").info.precision == "f32"


@pytest.fixture(scope="module")
def to_rewrite(tmp_path_factory) -> tuple[ModelCard, Path]:
    """A card that asks to rewrite a graph that refines 100 blocks, and where its file is."""
    folder = tmp_path_factory.mktemp("to_rewrite")
    source = folder / "public" / "bgm" / "bgm.onnx"
    source.parent.mkdir(parents=True)
    rewritten.published(source, 0, blocks=100)
    inputs = dict.fromkeys(("src", "bgr"), (1, 3, 128, 192))
    return card_of(
        folder / "zoo", source, inputs, "--output=pha,fgr", "--scale=255", "--reverse_input_channels",
        rewrite="background_matting_v2",
    ), folder  # fmt: skip


def kinds(conversion: Conversion) -> set[str]:
    return {node.get_type_name() for node in read_model(conversion.irs["FP32"].path).get_ops()}


def test_the_card_has_the_graph_rewritten_and_the_settings_keep_it_as_published(to_rewrite, tmp_path):
    card, downloads = to_rewrite
    made = {}
    for name, asked in (("rewritten", True), ("published", False)):
        settings = ConversionSettings(precisions=("FP32",), rewrite=asked)
        made[name] = omz.convert.convert(card, downloads, tmp_path / name, settings)
    assert "ROIAlign" in kinds(made["published"]) - kinds(made["rewritten"])
    manifests = {name: each.irs["FP32"].manifest for name, each in made.items()}
    assert (manifests["rewritten"].graph, manifests["published"].graph) == (REWRITTEN, "")
    assert manifests["rewritten"].key != manifests["published"].key
    for manifest in manifests.values():
        assert "ONNX Runtime" in manifest.parity[0].source
        assert all(output.p99_9 < 1e-5 for output in manifest.parity[0].outputs)
    assert OpenVINOEngine(made["rewritten"].irs["FP32"].path).facts["graph"] == REWRITTEN


@pytest.mark.parametrize("form", ["sparse_refiner", "dense_refiner"])
def test_no_ir_is_written_if_one_of_its_graphs_computes_something_else(form, to_rewrite, tmp_path, monkeypatch):
    card, downloads = to_rewrite
    right = getattr(rewrite, form)
    monkeypatch.setattr(rewrite, form, lambda found, chosen: ops.multiply(right(found, chosen), floats(1.02)).output(0))
    with pytest.raises(ConversionError, match="the FP32 IR differs from"):
        omz.convert.convert(card, downloads, tmp_path, ConversionSettings(precisions=("FP32",)))
    assert not list(tmp_path.rglob("*.xml"))


def test_a_threshold_is_compared_apart_from_the_rest_and_is_in_the_manifest(to_rewrite, tmp_path):
    card, downloads = to_rewrite
    settings = ConversionSettings(precisions=("FP32",), selection_threshold=0.25)
    plan = plan_conversion(card, downloads, tmp_path, settings)
    (ir,) = carry_out(plan).irs.values()
    assert ir.manifest.selection_threshold == 0.25
    assert all(output.p99_9 < 1e-5 for output in ir.manifest.parity[0].outputs)
    assert ir.manifest.selection
    assert any(output.p99_9 > 1e-3 for output in ir.manifest.selection.outputs)
    assert OpenVINOEngine(ir.path).facts["selection_threshold"] == "0.25"
    (again,) = carry_out(plan).irs.values()
    assert again.kept
    unchecked = ConversionSettings(precisions=("FP32",), check="none")  # which alone is no reason to convert again
    (without,) = omz.convert.convert(card, downloads, tmp_path, unchecked).irs.values()
    assert not without.kept


def test_a_threshold_needs_a_rewritten_graph(to_rewrite, tmp_path):
    card, downloads = to_rewrite
    with pytest.raises(CardError, match="leave --selection_threshold out"):
        plan_conversion(card, downloads, tmp_path, ConversionSettings(rewrite=False, selection_threshold=0.1))
    settings = ConversionSettings(precisions=("FP32",), shapes={"": (1, 3, -1, -1)}, selection_threshold=0.1)
    with pytest.raises(ConversionError, match="is open"):
        omz.convert.convert(card, downloads, tmp_path, settings)


def test_a_graph_that_cannot_be_rewritten_is_converted_as_published_and_a_line_says_why(to_rewrite, tmp_path):
    card, downloads = to_rewrite
    shapes = {"": (1, 3, -1, -1)}
    plan = plan_conversion(card, downloads, tmp_path, ConversionSettings(precisions=("FP32",), shapes=shapes))
    events: list[Event] = []
    (ir,) = carry_out(plan, events.append).irs.values()
    assert ir.manifest.graph.startswith("as published, because its batch, height or width is open")
    steps = [event.step for event in events if isinstance(event, ConversionStep)]
    assert f"its graph is {ir.manifest.graph}" in steps


def recurrent_model(path: Path) -> Path:
    """Write a graph with the interface of robust video matting: each state is what was seen before, fading."""
    values, nodes, outputs = [], [], []
    for number, (name, shape) in enumerate(STATES.items(), start=1):
        values.append(numpy_helper.from_array(np.float32(0.5), f"fade_{number}"))
        nodes += [
            helper.make_node("Mul", [name, f"fade_{number}"], [f"faded_{number}"]),
            helper.make_node("Add", [f"faded_{number}", "brightness"], [f"rr{number}"]),
        ]
        outputs.append(helper.make_tensor_value_info(f"rr{number}", TensorProto.FLOAT, [1, shape[0], None, None]))
    nodes = [
        helper.make_node("ReduceMean", ["src"], ["brightness"], axes=[1, 2, 3], keepdims=1),
        *nodes,
        helper.make_node("Relu", ["src"], ["fgr"]),
        helper.make_node("ReduceMean", ["src"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("ReduceMean", ["rr1"], ["memory"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Add", ["mean", "memory"], ["pha"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, shape[0], f"h_{name}", f"w_{name}"])
        for name, shape in {"src": (3,), **STATES}.items()
    ]
    pictures = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, None, None])
        for name, channels in (("fgr", 3), ("pha", 1))
    ]
    graph = helper.make_graph(nodes, "recurrent", inputs, [*pictures, *outputs], values)
    path.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7), path)
    return path


def test_recurrent_states_keep_their_names_and_their_values(tmp_path):
    source = recurrent_model(tmp_path / "dl" / "public" / "rvm" / "rvm.onnx")
    inputs = {"src": (1, 3, 16, 32), **{name: (1, *shape) for name, shape in STATES.items()}}
    card = card_of(
        tmp_path / "zoo", source, inputs, "--output=pha,fgr,rr1,rr2,rr3,rr4", "--scale_values=src[255,255,255]",
        "--reverse_input_channels",
    )  # fmt: skip
    conversion = omz.convert.convert(card, tmp_path / "dl", tmp_path / "out")
    engine = OpenVINOEngine(conversion.irs["FP32"].path)
    assert [info.name for info in engine.inputs] == ["src", "r1", "r2", "r3", "r4"]
    assert engine.outputs == ("fgr", "pha", "rr1", "rr2", "rr3", "rr4")  # all of them: the model's order
    random = np.random.default_rng(0)
    feed = {name: random.random(shape, np.float32) * (255 if name == "src" else 1) for name, shape in inputs.items()}
    found = engine.infer(feed)
    rgb = feed["src"][:, ::-1] / 255
    np.testing.assert_allclose(found["fgr"], rgb, atol=1e-6)
    for number, name in enumerate(STATES, start=1):
        np.testing.assert_allclose(found[f"rr{number}"], 0.5 * feed[name] + rgb.mean(), atol=1e-5)
    # What came out goes in again, and fades.
    again = engine.infer({**feed, **{name: found[f"rr{number}"] for number, name in enumerate(STATES, start=1)}})
    np.testing.assert_allclose(again["rr4"], 0.25 * feed["r4"] + 1.5 * rgb.mean(), atol=1e-5)
    steps = {each["name"]: each["preprocessing"] for each in conversion.irs["FP32"].manifest.inputs}
    assert [name for name, step in steps.items() if step["reverse_channels"] or step["scale"]] == ["src"]
