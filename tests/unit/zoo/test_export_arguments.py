from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from helpers.builders import write_card

from omz.errors import CardError
from omz.zoo.card_reader import load_card
from omz.zoo.export_arguments import parse_export_arguments

NEEDED = (
    "--model-name=Net", "--import-module=omz.networks.net", "--weights=$dl_dir/w.pth", "--input-shapes=[1,3,8,8]",
    "--input-names=src,bgr", "--output-names=pha", "--output-file=$conv_dir/net.onnx",
)  # fmt: skip


def parse(tmp_path: Path, *arguments: str):
    folder = write_card(tmp_path, "net", framework="pytorch", conversion_to_onnx_args=list(arguments))
    return parse_export_arguments(load_card(folder, PurePosixPath("public/net")), Path("/dl"), Path("/out"))


def test_arguments_are_understood(tmp_path):
    parsed = parse(tmp_path, *NEEDED, "--model-param=width=0.5", "--model-param=mode=r'full'", "--opset_version=17")
    assert parsed.model_params == {"width": 0.5, "mode": "full"}
    assert parsed.weights == Path("/dl/public/net/w.pth")
    assert parsed.output_file == Path("/out/public/net/net.onnx")
    assert parsed.input_names == ("src", "bgr")
    assert parsed.input_shapes == ((1, 3, 8, 8),)
    assert parsed.opset_version == 17


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("1,3,8,8", ((1, 3, 8, 8),)),
        ("[1,3,8,8]", ((1, 3, 8, 8),)),
        ("[1,3,8,8],[1,1,4,4]", ((1, 3, 8, 8), (1, 1, 4, 4))),
    ],
)
def test_spellings_of_shapes(tmp_path, text, shapes):
    assert parse(tmp_path, *NEEDED, f"--input-shape={text}").input_shapes == shapes


def test_nothing_is_evaluated(tmp_path):
    harmful = f"__import__('os').mkdir('{tmp_path}/executed')"
    for argument in (f"--model-param=width={harmful}", f"--conversion-param=x={harmful}", f"--input-shapes={harmful}"):
        with pytest.raises(CardError, match="is not a number, string, list or dictionary"):
            parse(tmp_path / argument[2:8], *NEEDED, argument)
    assert not (tmp_path / "executed").exists()


def test_code_and_weights_of_the_card_are_understood(tmp_path):
    needed = [argument for argument in NEEDED if "--weights" not in argument and "--import-module" not in argument]
    parsed = parse(
        tmp_path, *needed, "--import-module=model", "--model-path=$dl_dir", "--model-path=$config_dir",
        '--model-param=weights=r"$dl_dir/modnet.ckpt"', "--inputs-dtype=long",
    )  # fmt: skip
    assert parsed.weights is None
    assert parsed.model_paths == (Path("/dl/public/net"), tmp_path / "net")
    assert parsed.model_params == {"weights": "/dl/public/net/modnet.ckpt"}
    assert parsed.inputs_dtype == "long"
    assert not parsed.is_ours


def test_a_network_of_ours_with_code_of_the_cards_is_not_ours(tmp_path):
    assert parse(tmp_path / "a", *NEEDED).is_ours
    assert not parse(tmp_path / "b", *NEEDED, "--model-path=$dl_dir").is_ours
    with pytest.raises(CardError, match="--inputs-dtype"):
        parse(tmp_path / "c", *NEEDED, "--inputs-dtype=quaternion")


@pytest.mark.parametrize("missing", [argument for argument in NEEDED if "--weights" not in argument])
def test_a_missing_argument_is_named(tmp_path, missing):
    with pytest.raises(CardError, match=missing.split("=")[0].lstrip("-")):
        parse(tmp_path, *(argument for argument in NEEDED if argument != missing))


def test_a_parameter_needs_a_value(tmp_path):
    with pytest.raises(CardError, match="name=value"):
        parse(tmp_path, *NEEDED, "--model-param=width")


MINDSPORE = (
    "--network=omz.networks.net.Net", "--weights=$dl_dir/w.ckpt", "--input_shape=1,3,32,48", "--input_names=image",
    "--output_names=trimap,alpha", "--output_file=$conv_dir/net.onnx",
)  # fmt: skip


def parse_mindspore(tmp_path: Path, *arguments: str):
    folder = write_card(tmp_path, "net", framework="mindspore", conversion_to_onnx_args=list(arguments))
    return parse_export_arguments(load_card(folder, PurePosixPath("public/net")), Path("/dl"), Path("/out"))


def test_arguments_of_the_mindspore_exporter_are_understood(tmp_path):
    parsed = parse_mindspore(tmp_path, *MINDSPORE)
    assert (parsed.import_module, parsed.model_name) == ("omz.networks.net", "Net")
    assert parsed.weights == Path("/dl/public/net/w.ckpt")
    assert parsed.output_file == Path("/out/public/net/net.onnx")
    assert (parsed.input_names, parsed.output_names) == (("image",), ("trimap", "alpha"))
    assert parsed.input_shapes == ((1, 3, 32, 48),)
    assert parsed.opset_version is None
    assert parsed.conversion_params == {}
    assert parsed.is_ours


def test_a_side_of_minus_one_is_left_open(tmp_path):
    shapes = "--input_shape=[-1,3,32,48],[-1,4]"
    parsed = parse_mindspore(tmp_path, *MINDSPORE, shapes, "--input_names=image,hint")
    assert parsed.input_shapes == ((1, 3, 32, 48), (1, 4))
    assert parsed.conversion_params == {"dynamic_axes": {"image": {0: "batch"}, "hint": {0: "batch"}}}


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--network=Net", "--network=Net is not one of Open Matting Zoo's own, omz.networks.module.Class"),
        ("--network=os.system", "--network=os.system is not one of Open Matting Zoo's own"),
        ("--output_names=trimap,", "--output_names='trimap,' must be different names"),
        ("--output_names=alpha,alpha", "must be different names"),
        ("--input_names=an image", "must be different names"),
        ("--output_file=", "--output_file is empty"),
        ("--input_shape=[1,3],[1,4]", "--input_shape has 2 shapes for 1 inputs"),
        ("--input_shape=[-2,3],[1,3]", "is not of the form"),
        ("--input_shape=__import__('os').getcwd()", "is not a number, string, list or dictionary"),
        ("--output_file=/etc/net.onnx", "is not in $conv_dir"),
        ("--opset_version=13", "--opset_version=13 is not supported"),
    ],
)
def test_arguments_of_the_mindspore_exporter_that_make_no_sense(tmp_path, argument, said):
    with pytest.raises(CardError) as caught:
        parse_mindspore(tmp_path, *MINDSPORE, argument)
    assert said in str(caught.value)
    assert "conversion_to_onnx_args" in str(caught.value)
