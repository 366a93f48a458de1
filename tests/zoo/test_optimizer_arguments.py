from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from builders import write_card

from omz.errors import CardError
from omz.zoo.card_reader import load_card
from omz.zoo.optimizer_arguments import OptimizerArguments, parse_optimizer_arguments


def parse(tmp_path: Path, *arguments: str) -> OptimizerArguments:
    folder = write_card(tmp_path, "net", model_optimizer_args=["--input_model=$dl_dir/net.onnx", *arguments])
    return parse_optimizer_arguments(load_card(folder, PurePosixPath("public/net")), Path("/dl"), Path("/out"))


def test_the_arguments_of_the_published_card(tmp_path):
    parsed = parse(tmp_path, "--output=pha,fgr", "--scale=255", "--reverse_input_channels")
    assert parsed.input_model == Path("/dl/public/net/net.onnx")
    assert parsed.outputs == ("pha", "fgr")
    assert [(step.input_name, step.reverse_channels, step.mean, step.scale) for step in parsed.preprocessing] == [
        ("src", True, (), (255.0,)),
        ("bgr", True, (), (255.0,)),
    ]


@pytest.mark.parametrize(
    ("text", "src", "bgr"),
    [
        ("[1,2,3]", (1, 2, 3), (1, 2, 3)),
        ("(1,2,3)", (1, 2, 3), (1, 2, 3)),
        ("1,2,3", (1, 2, 3), (1, 2, 3)),
        ("127.5", (127.5,), (127.5,)),
        ("src[1,2,3]", (1, 2, 3), ()),
        ("src[1,2,3],bgr(4,5,6)", (1, 2, 3), (4, 5, 6)),
        (" bgr [ 4 , 5e-1 , -6. ] ", (), (4, 0.5, -6)),
        ("[5,6,7],[1,2,3]", (5, 6, 7), (1, 2, 3)),
        ("", (), ()),
    ],
)
def test_every_spelling_of_values(tmp_path, text, src, bgr):
    means = {step.input_name: step.mean for step in parse(tmp_path, f"--mean_values={text}").preprocessing}
    assert means == {"src": src, "bgr": bgr}


@pytest.mark.parametrize(("text", "reversed_"), [("", True), ("=True", True), ("=False", False)])
def test_reversal_may_be_spelled_out(tmp_path, text, reversed_):
    assert parse(tmp_path, f"--reverse_input_channels{text}").preprocessing[0].reverse_channels == reversed_


def test_reversal_needs_something_to_reverse(tmp_path):
    grey = [{"name": "src", "shape": [1, 1, 8, 8], "layout": "NCHW"}]
    folder = write_card(tmp_path, "net", input_info=grey, model_optimizer_args=["--input_model=x", "--reverse_input"])
    with pytest.raises(CardError, match="three channels"):
        parse_optimizer_arguments(load_card(folder, PurePosixPath("public/net")), Path(), Path())


def test_abbreviations_and_repeated_flags(tmp_path):
    parsed = parse(tmp_path, "--scale_values", "[2]", "--scale_val=[4]", "--reverse_input")
    assert parsed.preprocessing[0].scale == (4.0,)
    assert parsed.preprocessing[0].reverse_channels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--transformations_config=x.json"], "--transformations_config=x.json is not supported"),
        (["--scale=2", "--scale_values=[2]"], "exclude each other"),
        (["--scale=0"], "a number other than 0"),
        (["--scale=nan"], "a number other than 0"),
        (["--reverse_input_channels=maybe"], "True or False"),
        (["--scale_values=[1,0,1]"], "must not contain 0"),
        (["--mean_values=nope[1]"], "'nope'"),
        (["--mean_values=src[1],[2]"], "mixes"),
        (["--mean_values=[1],[2],[3]"], "3 groups of values for 2 inputs"),
        (["--mean_values=src[1"], "not of the form"),
        (["--mean_values=src[1],"], "not of the form"),
        (["--mean_values=src[a]"], "not of the form"),
        (["--scale=many"], "invalid float"),
    ],
)
def test_what_cannot_be_understood_names_the_argument(tmp_path, arguments, message):
    with pytest.raises(CardError) as caught:
        parse(tmp_path, *arguments)
    assert message in str(caught.value)
    assert "model_optimizer_args" in str(caught.value)
