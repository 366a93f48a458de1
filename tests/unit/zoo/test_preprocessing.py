from __future__ import annotations

from collections.abc import Mapping

import pytest

from omz.errors import CardError
from omz.zoo.optimizer_arguments import Dimension, parse_optimizer_arguments
from omz.zoo.preprocessing import Preprocessing, resolve_preprocessing

TWO: dict[str, tuple[Dimension, ...]] = {"src": (1, 3, 8, 8), "bgr": (1, 3, 8, 8)}
LAYOUTS = "--layout=src(NCHW),bgr(NCHW)"


def resolve(inputs: Mapping[str, tuple[Dimension, ...]], *arguments: str) -> dict[str, Preprocessing]:
    parsed = parse_optimizer_arguments(["--input_model=x", *arguments], "here")
    steps = resolve_preprocessing(parsed, inputs, "here")
    assert [step.input_name for step in steps] == list(inputs)
    return {step.input_name: step for step in steps}


@pytest.mark.parametrize(
    ("text", "src", "bgr"),
    [
        ("[1,2,3]", (1, 2, 3), (1, 2, 3)),
        ("127.5", (127.5,), (127.5,)),
        ("src[1,2,3]", (1, 2, 3), ()),
        ("bgr[4,5,6],src[1]", (1,), (4, 5, 6)),
        ("[5,6,7],[1,2,3]", (5, 6, 7), (1, 2, 3)),
    ],
)
def test_values_go_to_the_inputs_by_name_or_in_order(text, src, bgr):
    steps = resolve(TWO, LAYOUTS, f"--mean_values={text}", f"--scale_values={text}")
    assert (steps["src"].mean, steps["bgr"].mean) == (src, bgr)
    assert (steps["src"].scale, steps["bgr"].scale) == (src, bgr)


def test_one_scale_divides_every_input():
    assert [step.scale for step in resolve(TWO, "--scale=255").values()] == [(255.0,), (255.0,)]


def test_colours_are_reversed_in_inputs_of_three_channels_only():
    inputs = {"src": (1, 3, 8, 8), "state": (1, 16, 4, 4), "any": (1, -1, 8), "some": (1, (1, 4), 8), "ids": (1, 2)}
    layouts = "--layout=src(NCHW),state(NCHW),any(NCH),some(NCH),ids(NC)"
    steps = resolve(inputs, layouts, "--reverse_input_channels")
    assert [name for name, step in steps.items() if step.reverse_channels] == ["src", "any", "some"]


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((1, 3, 8, 8), "?C??"), ((1, 8, 8, 3), "???C"), ((3, 8, 8), "C??"), ((1, 3, 4, 8, 8), "?C???")],
)
def test_without_a_layout_the_only_dimension_of_three_holds_the_channels(shape, layout):
    step = resolve({"x": shape}, "--reverse_input_channels", "--mean_values=[1,2,3]")["x"]
    assert (step.layout, step.reverse_channels, step.original_layout) == (layout, True, "")


def test_where_no_channels_are_needed_no_layout_is():
    assert resolve({"x": (5,)}, "--scale=2")["x"].layout == ""


def test_a_layout_may_be_changed_on_the_way_in():
    step = resolve({"x": (1, 3, 8, 8)}, "--layout=nchw->nhwc", "--reverse_input_channels")["x"]
    assert (step.layout, step.original_layout) == ("NHWC", "NCHW")


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        (TWO, ["--mean_values=nope[1]"], "--mean_values names 'nope', but the inputs are src, bgr"),
        (TWO, ["--layout=nope(NCHW)"], "--layout names 'nope'"),
        (TWO, ["--layout=NCHW"], "--layout leaves out the name"),
        (TWO, ["--mean_values=[1],[2],[3]"], "3 groups of values for 2 inputs"),
        (TWO, [LAYOUTS, "--mean_values=[1,2]"], "src has no 2 channels; its layout is NCHW"),
        ({"x": (3, 3, 8)}, ["--mean_values=[1,2,3]"], "x has no 3 channels; its layout is unknown"),
        ({"x": (1, 3)}, ["--reverse_input_channels"], "needs an input with three channels"),
        ({"x": (1, 1, 8, 8)}, ["--layout=NCHW", "--reverse_input_channels"], "needs an input with three channels"),
        ({"x": (1, 3, 8, 8)}, ["--layout=NC"], "NC does not fit the 4 dimensions of x"),
        ({"x": (1, 3)}, ["--layout=nc->cw"], "NC cannot become CW"),
    ],
)
def test_what_does_not_fit_is_named(inputs, arguments, message):
    with pytest.raises(CardError) as caught:
        resolve(inputs, *arguments)
    assert str(caught.value).startswith("here: ")
    assert message in str(caught.value)


def test_what_is_said_of_an_input_that_has_gone_is_passed_over():
    steps = resolve({"bgr": (1, 3, 8, 8)}, "--input=src,bgr", LAYOUTS, "--mean_values=[1],[2]", "--scale_values=src[3]")
    assert (steps["bgr"].mean, steps["bgr"].scale, steps["bgr"].layout) == ((2,), (), "NCHW")


def test_a_shape_that_is_not_known_fits_every_layout():
    step = resolve({"x": ()}, "--layout=x(NCHW)", "--reverse_input_channels", "--mean_values=[1,2,3]")["x"]
    assert (step.layout, step.reverse_channels, step.mean) == ("NCHW", True, (1, 2, 3))
