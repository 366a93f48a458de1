"""Models that are right, but unlike most: files beside files, inputs that are handed on, numbers without dimensions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.builders import convert, published_file, write_card
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from omz.convert.onnx_file import side_files
from omz.convert.onnx_to_ir import optimize
from omz.convert.plan import ConversionPlan, ConversionSettings, plan_conversion
from omz.errors import CardError, ConversionError, ModelFileError, UsageError
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.zoo import Catalog
from omz.zoo.optimizer_arguments import parse_command_line

PICTURE = {"name": "src", "shape": [1, 3, 8, 8], "layout": "NCHW"}


def save(path: Path, nodes, inputs: dict[str, tuple[int, list]], constants=(), side: str = "") -> Path:
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in dict(constants).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    if side:
        onnx.save(model, path, save_as_external_data=True, location=side, size_threshold=0)
    else:
        onnx.save(model, path)
    return path


def plan_of(root: Path, info: list[dict[str, object]], *arguments: str, listed=("net.onnx",), **settings):
    folder = root / "dl" / "public" / "net"
    files = [published_file(name, (folder / name).read_bytes(), "https://example.com/x") for name in listed]
    arguments = ("--input_model=$dl_dir/net.onnx", *arguments)
    write_card(root / "zoo", "net", files=files, input_info=info, model_optimizer_args=list(arguments))
    return plan_conversion(Catalog(root / "zoo")["net"], root / "dl", root / "out", ConversionSettings(**settings))


def with_side_file(root: Path) -> Path:
    nodes = [helper.make_node("Mul", ["src", "w"], ["out"])]
    weights = np.arange(192, dtype=np.float32).reshape(1, 3, 8, 8)
    path = root / "dl" / "public" / "net" / "net.onnx"
    return save(path, nodes, {"src": (TensorProto.FLOAT, [1, 3, 8, 8])}, {"w": weights}, "net.bin")


def test_weights_beside_an_onnx_file_are_part_of_it(tmp_path):
    side = with_side_file(tmp_path).with_name("net.bin")
    plan = plan_of(tmp_path, [PICTURE], listed=("net.onnx", "net.bin"), precisions=("FP32",))
    x = np.ones((1, 3, 8, 8), np.float32)
    found = OpenVINOEngine(convert(plan)["FP32"]).infer({"src": x})["out"]
    np.testing.assert_array_equal(found.ravel(), np.arange(192))
    side.write_bytes(bytes(side.stat().st_size))
    with pytest.raises(ModelFileError, match=r"net\.bin has another sha384"):
        convert(plan)
    side.unlink()
    with pytest.raises(ModelFileError, match=r"net\.bin is missing"):
        convert(plan)


def test_weights_that_the_card_does_not_list_are_refused(tmp_path):
    with_side_file(tmp_path)
    with pytest.raises(CardError, match=r"net\.bin is used, but not listed"):
        convert(plan_of(tmp_path, [PICTURE]))


def constant_of(name: str, values: np.ndarray, side: str) -> onnx.TensorProto:
    """Return a constant whose values are to be kept in the file ``side``."""
    tensor = numpy_helper.from_array(values, name)
    set_external_data(tensor, side)
    tensor.ClearField("raw_data")
    return tensor


def with_weights_in_bodies(path: Path) -> Path:
    """Write a net that multiplies by weights in bodies of Ifs, each in a file: by 9 where it is bright, else by 11."""
    value = helper.make_tensor_value_info

    def body(name: str, nodes, constants) -> onnx.GraphProto:
        return helper.make_graph(nodes, name, [], [value(name, TensorProto.FLOAT, None)], constants)

    nine = np.full((1, 3, 8, 8), 9, np.float32)
    inner = body("inner", [helper.make_node("Mul", ["src", "w"], ["inner"])], [constant_of("w", nine, "inner.bin")])
    held = helper.make_node("Constant", [], ["c"], value=constant_of("c", nine + 1, "constant.bin"))
    other = body("other", [held, helper.make_node("Mul", ["src", "c"], ["other"])], [])
    nested = helper.make_node("If", ["bright"], ["outer"], then_branch=inner, else_branch=other)
    dark = body("dark", [helper.make_node("Mul", ["src", "d"], ["dark"])], [constant_of("d", nine + 2, "dark.bin")])
    nodes = [
        helper.make_node("ReduceMax", ["src"], ["brightest"], keepdims=0),
        helper.make_node("Greater", ["brightest", "limit"], ["bright"]),
        helper.make_node("If", ["bright"], ["out"], then_branch=body("outer", [nested], []), else_branch=dark),
    ]
    for name, values in (("inner.bin", nine), ("constant.bin", nine + 1), ("dark.bin", nine + 2)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(name).write_bytes(values.tobytes())
    return save(path, nodes, {"src": (TensorProto.FLOAT, [1, 3, 8, 8])}, {"limit": np.float32(0.5)})


BODIES = ("constant.bin", "dark.bin", "inner.bin")


def test_weights_in_bodies_of_operators_are_part_of_a_file(tmp_path):
    source = with_weights_in_bodies(tmp_path / "dl" / "public" / "net" / "net.onnx")
    assert sorted(path.name for path in side_files(source)) == sorted(BODIES)
    listed = ("net.onnx", *BODIES)
    plan = plan_of(tmp_path, [PICTURE], listed=listed, precisions=("FP32",))
    xml = convert(plan)["FP32"]
    x = np.ones((1, 3, 8, 8), np.float32)
    assert (OpenVINOEngine(xml).infer({"src": x})["out"] == 9).all()
    assert (OpenVINOEngine(xml).infer({"src": x / 4})["out"] == 11 / 4).all()
    for name in BODIES:
        path = source.with_name(name)
        before = path.read_bytes()
        path.write_bytes(bytes(len(before)))
        with pytest.raises(ModelFileError, match=rf"{name} has another sha384"):
            convert(plan)
        path.write_bytes(before)


@pytest.mark.parametrize("missing", BODIES)
def test_weights_in_bodies_that_the_card_does_not_list_are_refused(tmp_path, missing):
    with_weights_in_bodies(tmp_path / "dl" / "public" / "net" / "net.onnx")
    listed = ("net.onnx", *(name for name in BODIES if name != missing))
    with pytest.raises(CardError, match=rf"{missing} is used, but not listed"):
        convert(plan_of(tmp_path, [PICTURE], listed=listed))


def test_weights_of_functions_are_part_of_a_file_too(tmp_path):
    held = helper.make_node("Constant", [], ["c"], value=constant_of("c", np.ones(1, np.float32), "function.bin"))
    times = helper.make_node("Mul", ["x", "c"], ["y"])
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Times", ["x"], ["y"], [held, times], opset)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Times", ["src"], ["out"], domain="own")], "net",
        [value("src", TensorProto.FLOAT, [1])], [value("out", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    model = helper.make_model(graph, functions=[function], opset_imports=opset, ir_version=8)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert side_files(tmp_path / "net.onnx") == [tmp_path / "function.bin"]


def test_an_ir_does_not_take_the_place_of_what_it_is_made_of(tmp_path):
    source = with_side_file(tmp_path)
    before = source.with_name("net.bin").read_bytes()
    understood = parse_command_line([f"--input_model={source}", f"--output_dir={source.parent}"], "test")
    with pytest.raises(ConversionError, match=r"overwrite .*net\.bin"):
        optimize(*understood)
    assert source.with_name("net.bin").read_bytes() == before


@pytest.mark.parametrize("operator", ["Identity", "Cast", "Reshape", "Dropout"])
@pytest.mark.parametrize("arguments", [(), ("--scale=2", "--reverse_input_channels")])
def test_an_input_that_is_handed_on_keeps_its_name(tmp_path, operator, arguments):
    more = ["shape"] if operator == "Reshape" else []
    attributes = {"to": TensorProto.FLOAT} if operator == "Cast" else {}
    nodes = [
        helper.make_node(operator, ["src", *more], ["a_first"], **attributes),
        helper.make_node("Relu", ["a_first"], ["out"]),
    ]
    constants = {"shape": np.array([1, 3, 8, 8])} if more else {}
    source = tmp_path / "dl" / "public" / "net" / "net.onnx"
    save(source, nodes, {"src": (TensorProto.FLOAT, [1, 3, 8, 8])}, constants)
    plan = plan_of(tmp_path, [PICTURE], *arguments, precisions=("FP32",))
    engine = OpenVINOEngine(convert(plan)["FP32"])
    x = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    found = engine.infer({"src": x})["out"]
    np.testing.assert_allclose(found, x[:, ::-1] / 2 if arguments else x, rtol=1e-6)


def test_numbers_without_dimensions_are_inputs_too(tmp_path):
    nodes = [helper.make_node("Mul", ["src", "rate"], ["out"])]
    source = tmp_path / "dl" / "public" / "net" / "net.onnx"
    save(source, nodes, {"src": (TensorProto.FLOAT, [1, 3, 8, 8]), "rate": (TensorProto.FLOAT, [])})
    plan = plan_of(tmp_path, [{"name": "src", "layout": "NCHW"}, {"name": "rate"}], precisions=("FP32",))
    feed = {"src": np.ones((1, 3, 8, 8), np.float32), "rate": np.float32(3).reshape(())}
    found = OpenVINOEngine(convert(plan)["FP32"]).infer(feed)["out"]
    assert (found == 3).all()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--input_shape=[1,3,0,8]",),
        ("--input_shape=[1,3,99999999999999999999,8]",),
        (f"--input_shape=[1,3,{'9' * 5000},8]",),
        ("--input_shape=[1,3,4..2,8]",),
        ("--mean_values=1e400",),
        ("--scale_values=[1,2,1e400]",),
    ],
)
def test_numbers_that_make_no_sense_are_one_line(tmp_path, arguments):
    nodes = [helper.make_node("Relu", ["src"], ["out"])]
    save(tmp_path / "dl" / "public" / "net" / "net.onnx", nodes, {"src": (TensorProto.FLOAT, [1, 3, 8, 8])})
    with pytest.raises(CardError) as caught:
        plan_of(tmp_path, [{"name": "src", "layout": "NCHW"}], *arguments)
    assert "is not a dimension" in str(caught.value) or "too large" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("extra", ["--compress_to_fp16=False", "--data_type=FP16", "--output_dir=x", "--model_name=x"])
def test_arguments_that_the_converter_decides_by_itself_are_refused(extra):
    with pytest.raises(UsageError, match="is a flag of omz_mo"):
        ConversionSettings(extra=(extra,))


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="unknown precision FP99"):
        ConversionSettings(precisions=("FP99",))
    with pytest.raises(UsageError, match="unknown check 'some'"):
        ConversionSettings(check="some")  # type: ignore[arg-type]


def test_a_folder_that_is_a_link_stays_one(tmp_path):
    nodes = [helper.make_node("Relu", ["src"], ["out"])]
    save(tmp_path / "dl" / "public" / "net" / "net.onnx", nodes, {"src": (TensorProto.FLOAT, [1, 3, 8, 8])})
    plan: ConversionPlan = plan_of(tmp_path, [PICTURE], precisions=("FP32",))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    plan.folder.mkdir(parents=True)
    (plan.folder / "FP32").symlink_to(elsewhere)
    convert(plan)
    assert (plan.folder / "FP32").is_symlink()
    assert (elsewhere / "net.xml").is_file()
