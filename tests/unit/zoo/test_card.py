from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from helpers.builders import write_card, write_composite
from pydantic import ValidationError

from omz.errors import CardError
from omz.zoo.card import ModelCard
from omz.zoo.card_reader import load_card, load_composite

DIGEST = "0" * 96


def load(folder: Path) -> ModelCard:
    return load_card(folder, PurePosixPath("public") / folder.name)


def files(*names: str) -> list[dict[str, object]]:
    return [{"name": name, "size": 1, "checksum": DIGEST, "source": "https://example.com/x"} for name in names]


def ir(root: Path, *names: str) -> ModelCard:
    return load(write_card(root, "net", framework="dldt", model_optimizer_args=None, files=files(*names)))


def test_a_downloaded_file_lies_below_the_download_folder(tmp_path):
    card = load(write_card(tmp_path, "net", files=files("a/b.bin")))
    assert card.file_path(card.files[0], Path("/dl")) == Path("/dl/public/net/a/b.bin")


def test_a_bundled_file_lies_in_the_cards_folder(tmp_path):
    file = {"name": "w.safetensors", "size": 1, "checksum": DIGEST, "source": {"$type": "bundled"}}
    card = load(write_card(tmp_path, "net", files=[file]))
    assert card.file_path(card.files[0], Path("/dl")) == tmp_path / "net" / "w.safetensors"


def test_a_card_may_have_no_files(tmp_path):
    assert load(write_card(tmp_path, "net", files=[])).files == ()


def test_variables_are_substituted(tmp_path):
    card = load(write_card(tmp_path, "net"))
    arguments = card.substitute(("$dl_dir/a", "${conv_dir}/b", "$config_dir/c", "$$5"), Path("/dl"), Path("/out"))
    assert arguments == ("/dl/public/net/a", "/out/public/net/b", f"{tmp_path}/net/c", "$5")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("$mo_dir/extensions", "$mo_dir is a folder of Model Optimizer, which OpenVINO no longer has"),
        ("${mo_ext_dir}/front", "$mo_ext_dir is a folder of Model Optimizer, which OpenVINO no longer has"),
        ("$home/x", "an argument uses $home, which does not exist; allowed: $dl_dir, $conv_dir, $config_dir"),
        ("a$", "an argument has a $ without the name of a variable"),
    ],
)
def test_a_variable_that_does_not_exist_is_named(tmp_path, argument, expected):
    card = load(write_card(tmp_path, "net"))
    with pytest.raises(CardError) as caught:
        card.substitute((argument,), Path(), Path())
    assert str(caught.value).startswith(f"{card.path}: {expected}")


@pytest.mark.parametrize("framework", ["onnx", "tf", "caffe", "mxnet", "paddle", "caffe2"])
def test_frameworks_whose_models_are_converted_as_they_are(tmp_path, framework):
    card = load(write_card(tmp_path, "net", framework=framework))
    assert (card.framework, card.precisions) == (framework, {"FP16", "FP32"})


@pytest.mark.parametrize("framework", ["pytorch", "mindspore", "caffe2"])
def test_frameworks_whose_models_become_onnx_first(tmp_path, framework):
    card = load(write_card(tmp_path, "net", framework=framework, conversion_to_onnx_args=["--model-name=Net"]))
    assert (card.framework, card.conversion_to_onnx_args) == (framework, ("--model-name=Net",))
    assert card.precisions == {"FP16", "FP32"}


def test_the_precisions_of_an_ir_are_the_folders_of_its_files(tmp_path):
    names = [f"{precision}/net.{part}" for precision in ("FP16", "FP32-INT8") for part in ("xml", "bin")]
    others = ["FP16/more.txt", "readme.txt", "tokens/FP32/net.xml", "vocabulary/words.txt"]
    assert ir(tmp_path, *names, *others).precisions == {"FP16", "FP32-INT8"}


def test_every_precision_of_open_model_zoo_is_known(tmp_path):
    precisions = ["FP16", "FP16-INT1", "FP16-INT8", "FP32", "FP32-INT1", "FP32-INT8"]
    names = [f"{precision}/net.{part}" for precision in precisions for part in ("xml", "bin")]
    assert sorted(ir(tmp_path, *names).precisions) == precisions


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "files: PRECISION/NAME.xml and .bin are missing"),
        (["net.xml", "net.bin"], "files: PRECISION/NAME.xml and .bin are missing"),
        (["FP16/net.xml"], "files: FP16/net.bin is missing"),
        (["FP32/net.bin"], "files: FP32/net.xml is missing"),
        (["FP16/other.xml", "FP16/other.bin"], "files: FP16/net.xml is missing"),
        (["FP8/net.xml", "FP8/net.bin"], "files: FP8 is not a precision; allowed: FP16, FP16-INT1, FP16-INT8, FP32, "),
    ],
)
def test_an_ir_that_is_not_whole_is_refused(tmp_path, names, expected):
    with pytest.raises(CardError) as caught:
        ir(tmp_path, *names)
    assert str(caught.value).startswith(f"{tmp_path}/net/model.yml: {expected}")


def test_only_an_ir_must_have_the_files_of_one(tmp_path):
    assert load(write_card(tmp_path, "net", files=files("FP8/x"))).files[0].name == "FP8/x"


def test_inputs_say_as_much_as_they_like(tmp_path):
    inputs = [
        {"name": "a"},
        {"name": "b", "shape": [1, -1], "layout": "NC"},
        {"name": "c", "layout": "NCHW"},
        {"name": "d", "shape": []},
    ]
    card = load(write_card(tmp_path, "net", input_info=inputs))
    assert [(info.name, info.shape, info.layout) for info in card.input_info] == [
        ("a", (), ""), ("b", (1, -1), "NC"), ("c", (), "NCHW"), ("d", (), ""),
    ]  # fmt: skip


def test_a_card_of_before_2022_has_no_inputs(tmp_path):
    assert load(write_card(tmp_path, "net", input_info=None)).input_info == ()


def test_what_programs_want_to_know_is_read(tmp_path):
    told = {
        "model_type": "yolo", "resize_type": "fit_to_window_letterbox", "confidence_threshold": 0, "iou_threshold": 0.5,
        "anchors": [10, 13.5], "masks": [0, 1, 2], "labels": ["cat", "dog"],
    }  # fmt: skip
    info = load(write_card(tmp_path, "net", model_info=told)).model_info
    assert (info.model_type, info.resize_type) == ("yolo", "fit_to_window_letterbox")
    assert (info.confidence_threshold, info.iou_threshold) == (0, 0.5)
    assert (info.anchors, info.masks, info.labels) == ((10, 13.5), (0, 1, 2), ("cat", "dog"))


def test_what_programs_want_to_know_may_be_left_out(tmp_path):
    info = load(write_card(tmp_path, "net")).model_info
    assert (info.model_type, info.confidence_threshold, info.anchors, info.labels) == (None, None, (), ())


@pytest.mark.parametrize("quantizable", [True, False])
def test_cards_of_2023_say_whether_the_model_can_be_quantised(tmp_path, quantizable):
    assert load(write_card(tmp_path, "net", quantizable=quantizable)).quantizable is quantizable


def test_cards_that_do_not_say_it(tmp_path):
    card = load(write_card(tmp_path, "net"))
    assert (card.quantizable, card.quantized) == (None, None)


def test_a_quantised_model_has_the_precisions_that_open_model_zoo_reports(tmp_path):
    card = load(write_card(tmp_path, "net", quantized="INT8"))
    assert (card.quantized, card.precisions) == ("INT8", {"FP16", "FP32"})


def test_a_card_cannot_be_changed(tmp_path):
    card = load(write_card(tmp_path, "net"))
    with pytest.raises(ValidationError) as caught:
        card.license = "https://example.com/another"
    assert caught.value.errors()[0]["type"] == "frozen_instance"


def test_a_composite_model_has_the_precisions_of_its_first_stage(tmp_path):
    folder = write_composite(tmp_path, "duo", [], stages_order=["duo-b", "duo-a"])
    write_card(folder, "duo-a")
    names = ("FP16-INT8/duo-b.xml", "FP16-INT8/duo-b.bin")
    write_card(folder, "duo-b", framework="dldt", model_optimizer_args=None, files=files(*names))
    assert load_composite(folder, PurePosixPath("public/duo")).precisions == {"FP16-INT8"}


def test_a_card_says_what_inputs_and_outputs_are(tmp_path):
    inputs = [{"name": "src", "role": "picture"}, {"name": "bgr", "role": "plate"}]
    outputs = [
        {"name": "out", "role": "alpha", "channel": 1, "activation": "softmax", "layout": "NHWC"},
        {"name": "colours", "role": "foreground", "range": [-1, 1]},
        {"name": "hidden"},
    ]
    card = load(write_card(tmp_path, "net", input_info=inputs, output_info=outputs))
    assert [info.role for info in card.input_info] == ["picture", "plate"]
    alpha, colours, hidden = card.output_info
    assert (alpha.role, alpha.channel, alpha.activation, alpha.layout) == ("alpha", 1, "softmax", "NHWC")
    assert (colours.role, colours.range, colours.activation) == ("foreground", (-1.0, 1.0), None)
    assert (hidden.role, hidden.channel, hidden.range, hidden.layout) == (None, None, (0.0, 1.0), "")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"role": "mask"}, "output_info.0.role: found 'mask'; allowed: alpha, foreground, state, trimap"),
        ({"activation": "tanh"}, "output_info.0.activation: found 'tanh'; allowed: min_max, none, sigmoid, softmax"),
        ({"channel": -1}, "output_info.0.channel: found -1; input should be greater than or equal to 0"),
        ({"layout": "NCW"}, "layout NCW is to have H and W, and each letter once"),
        ({"layout": "NHHW"}, "layout NHHW is to have H and W, and each letter once"),
        ({"range": [1, 1]}, "range: its two values are the same"),
        ({"range": [0, 255], "activation": "sigmoid"}, "range is for outputs without activation sigmoid"),
        ({"role": "state"}, "a state, and nothing else, names the input that it goes into"),
        ({"role": "alpha", "input": "src"}, "a state, and nothing else, names the input that it goes into"),
    ],
)
def test_an_output_that_makes_no_sense_is_refused(tmp_path, output, expected):
    with pytest.raises(CardError) as caught:
        load(write_card(tmp_path, "net", output_info=[{"name": "out", **output}]))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ([("src", "picture"), ("bgr", "picture")], [], "picture is the role of more than one"),
        ([], [("a", "alpha", ""), ("b", "alpha", "")], "alpha is the role of more than one"),
        ([("r1", "state")], [], "the states are the inputs r1, but outputs go into none; one is to go into each"),
        ([("r1", "state")], [("r1o", "state", "r2")], "the states are the inputs r1, but outputs go into r2"),
        ([("r1", "state")], [("a", "state", "r1"), ("b", "state", "r1")], "but outputs go into r1, r1"),
    ],
)
def test_roles_fit_together(tmp_path, inputs, outputs, expected):
    input_info = [{"name": name, "role": role} for name, role in inputs]
    output_info = [{"name": name, "role": role, "input": goes_into} for name, role, goes_into in outputs]
    with pytest.raises(CardError) as caught:
        load(write_card(tmp_path, "net", input_info=input_info, output_info=output_info))
    assert expected in str(caught.value)
