"""What would be done, before anything is touched."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.builders import convert, write_card
from hypothesis import given
from hypothesis import strategies as st

from omz.convert.plan import PRECISIONS, ConversionPlan, ConversionSettings, plan_conversion
from omz.errors import CardError
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog, ModelCard
from omz.zoo.export_arguments import parse_export_arguments
from omz.zoo.optimizer_arguments import Dimension, parse_shapes

STARTER = "background-matting-starter"
AXES = {"src": {2: "height", 3: "width"}, "bgr": {2: "height", 3: "width"}}
FREE = (1, 3, -1, -1)
SIDES = st.one_of(st.integers(1, 2000), st.just(-1), st.tuples(st.integers(0, 99), st.integers(100, 999)))

CHANNELS = st.sampled_from([3, -1, (1, 4)])


def card(root: Path, **changes: object) -> ModelCard:
    write_card(root / "zoo", "net", **changes)
    return Catalog(root / "zoo")["net"]


def shapes_of(card: ModelCard, text: str) -> dict[str, tuple[Dimension, ...]]:
    """Return the shapes that a conversion with --shape gives the inputs."""
    return dict(
        plan_conversion(card, Path("dl"), Path("out"), ConversionSettings(shapes=parse_shapes(text))).optimizer.shapes
    )


@pytest.fixture(scope="module")
def starter() -> ModelCard:
    return Catalog()[STARTER]


def plan_starter(starter: ModelCard, folder: Path, **settings: object) -> ConversionPlan:
    return plan_conversion(starter, folder, folder, ConversionSettings(**settings))


@pytest.mark.parametrize(
    ("text", "src", "bgr"),
    [
        ("src[1,3,720,1280]", (1, 3, 720, 1280), FREE),
        ("bgr[1,3,8,8],src[1,3,-1,8]", (1, 3, -1, 8), (1, 3, 8, 8)),
        ("[1,3,72,128]", (1, 3, 72, 128), (1, 3, 72, 128)),
        ("1,3,72,128", (1, 3, 72, 128), (1, 3, 72, 128)),
        ("[1,3,-1,?]", FREE, FREE),
        ("[2..4,3,..8,16..]", ((2, 4), 3, (0, 8), (16, -1)), ((2, 4), 3, (0, 8), (16, -1))),
        ("src[2..4,3,8,8]", ((2, 4), 3, 8, 8), FREE),
    ],
)
def test_shapes_that_are_asked_for_take_the_place_of_the_cards(tmp_path, text, src, bgr):
    assert shapes_of(card(tmp_path), text) == {"src": src, "bgr": bgr}


def test_without_a_shape_those_of_the_card_stay(tmp_path):
    plan = plan_conversion(card(tmp_path), Path("dl"), Path("out"))
    assert plan.optimizer.shapes == {"src": FREE, "bgr": FREE}
    assert plan.settings == ConversionSettings()


def test_shapes_win_over_those_of_added_arguments(tmp_path):
    settings = ConversionSettings(extra=("--input_shape=[1,3,4,4],[1,3,6,6]",), shapes={"src": (1, 3, 8, 8)})
    plan = plan_conversion(card(tmp_path), Path("dl"), Path("out"), settings)
    assert plan.optimizer.shapes == {"src": (1, 3, 8, 8), "bgr": (1, 3, 6, 6)}


def test_an_input_whose_shape_the_card_does_not_tell_gets_one(tmp_path):
    inputs = [{"name": "src", "layout": "NCHW"}, {"name": "bgr", "layout": "NCHW"}]
    assert shapes_of(card(tmp_path, input_info=inputs), "src[1,3,8,8]") == {"src": (1, 3, 8, 8)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scr[1,3,8,8]", "--shape names 'scr', but the inputs are src, bgr"),
        ("src[1,3,8,8],pha[1,1,8,8]", "--shape names 'pha', but the inputs are src, bgr"),
        ("src[3,8,8]", "--shape has 3 dimensions for src, which has 4"),
        ("bgr[1,1,3,8,8]", "--shape has 5 dimensions for bgr, which has 4"),
        ("[8,8]", "--shape has 2 dimensions for src, which has 4"),
    ],
)
def test_a_shape_that_fits_no_input_is_an_error_that_names_the_card(tmp_path, text, message):
    net = card(tmp_path)
    with pytest.raises(CardError) as caught:
        shapes_of(net, text)
    assert str(caught.value).startswith(f"{net.path}: {message}")
    assert "\n" not in str(caught.value)


def test_one_shape_for_inputs_of_several_ranks_says_to_name_them(tmp_path):
    inputs = [{"name": "src", "shape": [1, 3, 8, 8], "layout": "NCHW"}, {"name": "ids", "shape": [1, 7]}]
    net = card(tmp_path, input_info=inputs)
    with pytest.raises(CardError, match=r"2 dimensions .*name the inputs.*as in name\[1,3,720,1280\]|has 4 dimensions"):
        shapes_of(net, "[1,3,16,16]")
    assert shapes_of(net, "src[1,3,16,16]") == {"src": (1, 3, 16, 16), "ids": (1, 7)}


def test_the_example_of_a_pytorch_card_has_the_shapes_asked_for(starter, tmp_path):
    export = plan_starter(starter, tmp_path, shapes={"": (1, 3, 720, 1280)}).export
    assert export.input_shapes == ((1, 3, 720, 1280), (1, 3, 720, 1280))
    assert export.conversion_params["dynamic_axes"] == {**AXES, "pha": AXES["src"]}
    mixed = plan_starter(starter, tmp_path, shapes={"bgr": (1, 3, 64, -1)}).export
    assert mixed.input_shapes == ((1, 3, 256, 256), (1, 3, 64, 256))


def test_sides_that_are_to_be_open_are_open_in_the_export(starter, tmp_path):
    export = plan_starter(starter, tmp_path, shapes={"": (-1, 3, (32, 64), -1)}).export
    assert export.input_shapes == ((1, 3, 256, 256), (1, 3, 256, 256))
    axes = export.conversion_params["dynamic_axes"]
    for name in ("src", "bgr"):
        assert sorted(axes[name]) == [0, 2, 3]
        assert {axis: axes[name][axis] for axis in (2, 3)} == AXES[name]
    assert sorted(axes["pha"]) == [2, 3]


@pytest.mark.parametrize(
    ("given", "before"),
    [
        ("{'src': [2, 3], 'pha': [2]}", {"src": {2, 3}, "pha": {2}}),
        ("{'src': {2: 'height'}}", {"src": {2}}),
        ("{'bgr': (0,)}", {"bgr": {0}}),
        (None, {}),
    ],
)
def test_open_sides_of_a_card_may_be_lists_or_named_or_none(starter, tmp_path, given, before):
    arguments = [each for each in starter.conversion_to_onnx_args if "dynamic_axes" not in each]
    arguments += [f"--conversion-param=dynamic_axes={given}"] if given else []
    other = starter.model_copy(update={"conversion_to_onnx_args": tuple(arguments)})
    fixed = plan_starter(other, tmp_path, shapes={"": (1, 3, 8, 8)}).export
    assert fixed.input_shapes == ((1, 3, 8, 8), (1, 3, 8, 8))
    assert {name: set(axes) for name, axes in fixed.conversion_params.get("dynamic_axes", {}).items()} == before
    opened = plan_starter(other, tmp_path, shapes={"": (1, 3, -1, -1)}).export.conversion_params["dynamic_axes"]
    assert {name: set(axes) for name, axes in opened.items()} == {
        **before, "src": before.get("src", set()) | {2, 3}, "bgr": before.get("bgr", set()) | {2, 3},
    }  # fmt: skip
    assert all(isinstance(axes, dict) and all(axes.values()) for axes in opened.values())


def test_other_parameters_of_the_export_stay(starter, tmp_path):
    added = (*starter.conversion_to_onnx_args, "--conversion-param=do_constant_folding=False")
    other = starter.model_copy(update={"conversion_to_onnx_args": added})
    export = plan_starter(other, tmp_path, shapes={"": (-1, 3, 8, 8)}).export
    assert export.conversion_params["do_constant_folding"] is False
    plain = parse_export_arguments(other, tmp_path, tmp_path)
    assert dataclasses.replace(export, input_shapes=(), conversion_params={}) == dataclasses.replace(
        plain, input_shapes=(), conversion_params={}
    )


def test_without_a_shape_the_export_is_the_cards(starter, tmp_path):
    assert plan_starter(starter, tmp_path).export == parse_export_arguments(starter, tmp_path, tmp_path)


@given(st.dictionaries(st.sampled_from(["src", "bgr"]), st.tuples(SIDES, CHANNELS, SIDES, SIDES)))
def test_every_fixed_side_is_in_the_example_and_every_other_one_is_open(starter, shapes):
    export = plan_starter(starter, Path("here"), shapes=shapes).export
    axes = export.conversion_params["dynamic_axes"]
    for name, example in zip(export.input_names, export.input_shapes, strict=True):
        for axis, side in enumerate(shapes.get(name, FREE)):
            if isinstance(side, int) and side > 0:
                assert example[axis] == side
                assert axis in (2, 3) or axis not in axes[name]
            else:
                assert example[axis] == (1, 3, 256, 256)[axis]
                assert axes[name][axis]


def test_a_pytorch_card_is_converted_with_a_batch_that_is_open(starter, tmp_path):
    """Two pairs in one batch give what each gives by itself."""
    plan = plan_starter(starter, tmp_path, shapes={"": (-1, 3, 64, (32, 96))}, precisions=("FP32",))
    engine = OpenVINOEngine(convert(plan)["FP32"])
    assert {info.name: info.shape for info in engine.inputs} == {"src": (-1, 3, 64, -1), "bgr": (-1, 3, 64, -1)}
    example = onnx.load(plan.export.output_file, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
    assert [side.dim_value for side in example] == [0, 3, 0, 0]
    pairs = (255 * np.random.default_rng(0).random((2, 2, 3, 64, 96))).astype(np.float32)
    both = engine.infer({"src": pairs[0], "bgr": pairs[1]})
    for number in range(2):
        one = engine.infer({"src": pairs[0, number : number + 1], "bgr": pairs[1, number : number + 1]})
        np.testing.assert_allclose(both["pha"][number : number + 1], one["pha"], atol=1e-5)


def test_a_pytorch_card_is_converted_for_one_size(starter, tmp_path):
    plan = plan_starter(starter, tmp_path, shapes={"": (1, 3, 48, 80)}, precisions=("FP16",))
    model = ov.Core().read_model(convert(plan)["FP16"])
    assert [str(port.get_partial_shape()) for port in model.inputs] == ["[1,3,48,80]"] * 2
    assert [str(port.get_partial_shape()) for port in model.outputs] == ["[1,1,48,80]"]


@pytest.mark.parametrize(
    ("asked", "planned"),
    [
        (PRECISIONS, ("FP16", "FP32")),
        ({"FP32", "FP16"}, ("FP16", "FP32")),
        (["FP32", "FP16-INT8"], ("FP32",)),
        (("FP16-INT1",), ()),
    ],
)
def test_precisions_come_in_one_order_and_those_that_are_not_made_are_left_out(tmp_path, asked, planned):
    assert (
        plan_conversion(card(tmp_path), Path("dl"), Path("out"), ConversionSettings(precisions=asked)).precisions
        == planned
    )


def test_pictures_are_planned_in_the_type_and_layout_asked_for(tmp_path):
    settings = ConversionSettings(picture_type="u8", picture_layout="NHWC", check="full")
    plan = plan_conversion(card(tmp_path), Path("dl"), Path("out"), settings)
    assert (plan.optimizer.picture_type, plan.optimizer.picture_layout) == ("u8", "NHWC")
    assert [(step.element_type, step.layout, step.original_layout) for step in plan.preprocessing] == [
        ("u8", "NHWC", "NCHW"),
        ("u8", "NHWC", "NCHW"),
    ]
    assert plan.settings is settings


def test_arguments_that_are_added_win(tmp_path):
    net = card(tmp_path, model_optimizer_args=["--input_model=$dl_dir/net.onnx", "--scale=2", "--output=a"])
    plan = plan_conversion(net, Path("dl"), Path("out"), ConversionSettings(extra=("--scale=4",)))
    assert (plan.optimizer.scale_all, plan.optimizer.outputs) == (4, ("a",))
    assert [step.scale for step in plan.preprocessing] == [(4,), (4,)]


def test_a_script_beside_the_card_needs_trust_and_is_named(tmp_path):
    net = card(tmp_path)
    plan = plan_conversion(net, Path("dl"), Path("out"))
    assert (plan.script, plan.needs_trust, plan.foreign_code) == (None, False, "")
    (net.folder / "pre-convert.py").write_text("")
    plan = plan_conversion(net, Path("dl"), Path("out"))
    assert (plan.script, plan.needs_trust, plan.foreign_code) == (net.folder / "pre-convert.py", True, "pre-convert.py")


def test_our_own_networks_need_no_trust_and_those_beside_a_card_do(starter, tmp_path):
    assert not plan_starter(starter, tmp_path).needs_trust
    arguments = tuple(each.replace("omz.networks.plate_matting", "theirs") for each in
                      starter.conversion_to_onnx_args)  # fmt: skip
    plan = plan_starter(starter.model_copy(update={"conversion_to_onnx_args": arguments}), tmp_path)
    assert (plan.needs_trust, plan.foreign_code) == (True, "theirs")


SETTINGS = ConversionSettings(
    precisions=("FP32",),
    extra=("--mean_values=[1,2,3]",),
    shapes={"src": (2, 3, -1, 64)},
    picture_type="u8",
    picture_layout="NHWC",
    check="full",
    trust_code=True,
    optimizer_program=("mo",),
    python="python",
)


@pytest.mark.parametrize("settings", [ConversionSettings(), SETTINGS])
def test_a_plan_that_is_moved_differs_in_the_folders_of_its_results_only(starter, tmp_path, settings):
    here, there = tmp_path / "here", tmp_path / "there"
    plan = plan_conversion(starter, tmp_path / "dl", here, settings)
    moved = dataclasses.replace(plan, output_dir=there)
    assert moved == plan_conversion(starter, tmp_path / "dl", there, settings)
    assert moved.folder == there / starter.subdirectory
    assert moved.onnx_file == moved.folder / f"{STARTER}.onnx"
    assert moved.ir_path("FP16") == moved.folder / "FP16" / f"{STARTER}.xml"
    assert dataclasses.replace(moved.export, output_file=plan.export.output_file) == plan.export
    assert dataclasses.replace(moved.optimizer, input_model=plan.optimizer.input_model) == plan.optimizer
    assert dataclasses.replace(moved, output_dir=plan.output_dir) == plan


@pytest.mark.parametrize("settings", [ConversionSettings(), SETTINGS])
def test_a_plan_of_an_onnx_file_keeps_its_source_when_moved(tmp_path, settings):
    plan = plan_conversion(card(tmp_path), tmp_path / "dl", tmp_path / "out", settings)
    moved = dataclasses.replace(plan, output_dir=tmp_path / "there")
    assert moved.onnx_file == moved.source == plan.source == tmp_path / "dl" / "public" / "net" / "net.onnx"
    assert dataclasses.replace(moved, output_dir=plan.output_dir) == plan


def test_planning_touches_nothing(starter, tmp_path):
    plan_conversion(starter, tmp_path / "dl", tmp_path / "out", SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_folders_in_parameters_of_a_network_move_with_its_plan(starter, tmp_path):
    more = (
        "--model-param=notes=['$dl_dir/a.txt', {'b': '$conv_dir'}]",
        "--model-path=$dl_dir",
        "--model-path=$config_dir",
    )
    net = starter.model_copy(update={"conversion_to_onnx_args": (*starter.conversion_to_onnx_args, *more)})
    plan = plan_conversion(net, tmp_path / "dl", tmp_path / "out")
    assert plan.export == parse_export_arguments(net, tmp_path / "dl", tmp_path / "out")
    moved = dataclasses.replace(plan, download_dir=Path("other"), output_dir=Path("$dl_dir"))
    assert moved.export == parse_export_arguments(net, Path("other"), Path("$dl_dir"))
