from __future__ import annotations

import contextlib
from pathlib import Path, PurePosixPath

import pytest
from helpers.builders import write_card

from omz.errors import CardError
from omz.zoo.card_reader import load_card
from omz.zoo.optimizer_arguments import (
    NO_EQUIVALENT,
    Layouts,
    OptimizerArguments,
    card_arguments,
    parse_optimizer_arguments,
)


def parse(*arguments: str) -> OptimizerArguments:
    return parse_optimizer_arguments(["--input_model=net.onnx", *arguments], "here")


def of_card(tmp_path: Path, *arguments: str, extra: tuple[str, ...] = (), **changes: object) -> OptimizerArguments:
    folder = write_card(tmp_path, "net", model_optimizer_args=["--input_model=$dl_dir/net.onnx", *arguments], **changes)
    return card_arguments(load_card(folder, PurePosixPath("public/net")), Path("/dl"), Path("/out"), extra)


def test_the_arguments_of_the_published_card(tmp_path):
    parsed = of_card(tmp_path, "--output=pha,fgr", "--scale=255", "--reverse_input_channels")
    assert parsed == OptimizerArguments(
        input_model=Path("/dl/public/net/net.onnx"),
        inputs=("src", "bgr"),
        shapes={"src": (1, 3, -1, -1), "bgr": (1, 3, -1, -1)},
        layouts={"src": Layouts("NCHW", "NCHW"), "bgr": Layouts("NCHW", "NCHW")},
        outputs=("pha", "fgr"),
        reverse_input_channels=True,
        mean=(),
        scale=(),
        scale_all=255.0,
    )


def test_input_info_beats_the_shapes_of_the_cards_arguments_and_what_is_added_beats_both(tmp_path):
    info = [{"name": "data", "shape": [1, 3, 8, 8], "layout": "NCHW"}]
    assert of_card(tmp_path / "a", "--input_shape=[1,3,4,4]", input_info=info).shapes == {"data": (1, 3, 8, 8)}
    added = of_card(tmp_path / "b", input_info=info, extra=("--input_shape=[1,3,6,-1]", "--scale=2", "--scale=4"))
    assert added.shapes == {"data": (1, 3, 6, -1)}
    assert added.scale_all == 4


def test_a_card_without_input_info_may_name_its_inputs_itself(tmp_path):
    parsed = of_card(tmp_path, "--input=data", "--input_shape=[1,3,8,8]", "--model_name=x", input_info=None)
    assert parsed.inputs == ("data",)
    assert parsed.shapes == {"data": (1, 3, 8, 8)}
    assert of_card(tmp_path / "other", input_info=None).inputs == ()


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("[1,2,3]", [("", (1, 2, 3))]),
        ("(1,2,3)", [("", (1, 2, 3))]),
        ("1,2,3", [("", (1, 2, 3))]),
        ("127.5", [("", (127.5,))]),
        ("src[1,2,3]", [("src", (1, 2, 3))]),
        ("src[1,2,3],bgr(4,5,6)", [("src", (1, 2, 3)), ("bgr", (4, 5, 6))]),
        (" bgr [ 4 , 5e-1 , -6. ] ", [("bgr", (4, 0.5, -6))]),
        ("input.1[124.55,118.90,102.94]", [("input.1", (124.55, 118.9, 102.94))]),
        ("[5,6,7],[1,2,3]", [("", (5, 6, 7)), ("", (1, 2, 3))]),
        ("", []),
    ],
)
def test_every_spelling_of_values(text, groups):
    assert list(parse(f"--mean_values={text}").mean) == groups
    assert list(parse("--scale_values", text).scale) == groups


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("[1,3,8,8]", (1, 3, 8, 8)),
        ("(1,3,8,8)", (1, 3, 8, 8)),
        ("1,3,8,8", (1, 3, 8, 8)),
        ("[1 3 8 8]", (1, 3, 8, 8)),
        ("[ 1, 3, ?, -1 ]", (1, 3, -1, -1)),
        ("[1,3,2..4,..8]", (1, 3, (2, 4), (0, 8))),
        ("[1,3,2..,8]", (1, 3, (2, -1), 8)),
        ("[]", ()),
    ],
)
def test_every_spelling_of_a_shape(text, shape):
    assert parse(f"--input_shape={text}").shapes == {"": shape}
    assert parse("--input=x", f"--input_shape={text}").shapes == {"x": shape}
    if not text.startswith("1"):
        assert parse(f"--input=x{text}").shapes == {"x": shape}


def test_shapes_pair_with_inputs():
    parsed = parse("--input=a,b", "--input_shape=[1,2],[3,?]")
    assert parsed.inputs == ("a", "b")
    assert parsed.shapes == {"a": (1, 2), "b": (3, -1)}
    assert parse("--input=a[1,2],b").shapes == {"a": (1, 2)}


@pytest.mark.parametrize(
    ("text", "layouts"),
    [
        ("nchw", {"": Layouts("NCHW", "NCHW")}),
        ("[n,c,h,w]", {"": Layouts("NCHW", "NCHW")}),
        ("nhwc->nchw", {"": Layouts("NHWC", "NCHW")}),
        ("a(NCHW)", {"a": Layouts("NCHW", "NCHW")}),
        ("a(nchw->nhwc),b(nc)", {"a": Layouts("NCHW", "NHWC"), "b": Layouts("NC", "NC")}),
        ("input.1([n,c,h,w])", {"input.1": Layouts("NCHW", "NCHW")}),
        ("", {}),
    ],
)
def test_every_spelling_of_a_layout(text, layouts):
    assert parse(f"--layout={text}").layouts == layouts


@pytest.mark.parametrize(("text", "reversed_"), [("", True), ("=True", True), ("=False", False)])
def test_reversal_may_be_spelled_out(text, reversed_):
    assert parse(f"--reverse_input_channels{text}").reverse_input_channels == reversed_


def test_abbreviations_and_repeated_flags():
    parsed = parse("--scale_values", "[2]", "--scale_val=[4]", "--reverse_input", "--output=a, b")
    assert parsed.scale == (("", (4.0,)),)
    assert parsed.reverse_input_channels
    assert parsed.outputs == ("a", "b")


def test_quotes_belong_to_a_name():
    assert parse('--output="saliency_map"').outputs == ('"saliency_map"',)


@pytest.mark.parametrize("flag", NO_EQUIVALENT)
def test_a_flag_without_an_equivalent_is_named_with_the_reason(flag):
    for spelling in ([f"{flag}=x"], [flag, "x"]):
        with pytest.raises(CardError, match=f"^here: {flag} is not supported: .* (not converted|Model Optimizer)"):
            parse(*spelling)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--telepathy=x"], "--telepathy=x is not supported"),
        (["--scale=2", "--scale_values=[2]"], "exclude each other"),
        (["--scale=0"], "a number other than 0"),
        (["--scale=nan"], "a number other than 0"),
        (["--scale=many"], "many"),
        (["--reverse_input_channels=maybe"], "True or False"),
        (["--scale_values=[1,0,1]"], "must not contain 0"),
        (["--mean_values=src[1],[2]"], "mixes"),
        (["--mean_values=src[1"], "not of the form"),
        (["--mean_values=src[1],"], "not of the form"),
        (["--mean_values=src[a]"], "not of the form"),
        (["--input=a", "--input_shape=[1],[2]"], "2 shapes for 1 inputs"),
        (["--input_shape=[1,x]"], "x is not a dimension"),
        (["--input_shape=[1,-2]"], "-2 is not a dimension"),
        (["--input=a->1.0"], "a->1.0 is not supported"),
        (["--layout=a[nchw"], "not of the form"),
        (["--layout=nchw,nc"], "leaves out the name"),
        (["--input=a", "--layout=b(nchw)"], "names 'b', but the inputs are a"),
    ],
)
def test_what_cannot_be_understood_names_the_argument(arguments, message):
    with pytest.raises(CardError) as caught:
        parse(*arguments)
    assert str(caught.value).startswith("here: ")
    assert message in str(caught.value)


def test_without_a_model_there_is_nothing_to_do():
    with pytest.raises(CardError, match="--input_model"):
        parse_optimizer_arguments([], "here")


@pytest.mark.parametrize("name", ["my src", "net/src:0", "a=b", "src.1", "ein Bild"])
def test_names_of_inputs_are_taken_alike_by_all_flags(name):
    arguments = [
        "--input_model=m.onnx",
        f"--input={name}[1,3,8,8],other[1,3,8,8]",
        f"--layout={name}(NCHW),other(NCHW)",
        f"--mean_values={name}[1,2,3], other [4,5,6]",
        f"--scale_values={name}(255),other(2)",
    ]
    found = parse_optimizer_arguments(arguments, "card")
    assert found.inputs == (name, "other")
    assert [*found.shapes] == [*found.layouts] == [name, "other"]
    assert found.mean == ((name, (1, 2, 3)), ("other", (4, 5, 6)))
    assert found.scale == ((name, (255,)), ("other", (2,)))


@pytest.mark.parametrize("text", ["1" * 9000, " " * 9000 + "x", "a" + " " * 9000 + "b", "1," * 4500, "1 " * 4500])
def test_no_argument_takes_the_square_of_its_length(text):
    for flag in ("--input", "--layout", "--mean_values", "--scale_values", "--input_shape"):
        with contextlib.suppress(CardError):
            parse_optimizer_arguments(["--input_model=m.onnx", f"{flag}={text}"], "card")


@pytest.mark.parametrize("arguments", [["--a"] * 1001, [f"--input={'x' * 10_001}"]])
def test_more_arguments_than_a_card_has_are_refused(arguments):
    with pytest.raises(CardError, match="at most"):
        parse_optimizer_arguments(["--input_model=m.onnx", *arguments], "card")
