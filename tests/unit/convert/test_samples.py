"""What models are fed with to be compared: always the same, and what they are made for."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.convert.samples import Sample, sample_inputs
from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import make_scene
from omz.zoo.optimizer_arguments import Dimension

TYPES = {
    "f32": np.float32, "f16": np.float16, "f64": np.float64, "u8": np.uint8, "i32": np.int32, "i64": np.int64,
    "boolean": np.bool_,
}  # fmt: skip
SERIES = "parity"
IN_A_PROCESS = """
import hashlib
from omz.convert.samples import sample_inputs
from omz.runtime.quiet_openvino import ov
try:
    from openvino import opset13
except ImportError:
    from openvino.runtime import opset13
inputs = [opset13.parameter([1, 3, 20, 30], ov.Type.f32), opset13.parameter([1, 5], ov.Type.f32)]
inputs[0].set_layout(ov.Layout("NCHW"))
for name, each in zip("ab", inputs):
    each.output(0).set_names({name})
model = ov.Model([opset13.shape_of(each) for each in inputs], inputs, "inputs")
for sample in sample_inputs(model, 2):
    print(*(hashlib.sha256(values.tobytes()).hexdigest() for values in sample.values()))
"""

try:
    from openvino import opset13
except ImportError:  # in 2024.6 it has another place
    from openvino.runtime import opset13


def parameter(name: str, shape: str, kind: str = "f32", layout: str = "") -> ov.Node:
    """Return an input, its shape written as in [1,3,?,2..4]."""
    made = opset13.parameter(ov.PartialShape(shape), getattr(ov.Type, kind))
    made.output(0).set_names({name})
    if layout:
        made.set_layout(ov.Layout(layout))
    return made


def model_of(*inputs: ov.Node) -> ov.Model:
    """Return a model of any inputs, which gives their shapes."""
    return ov.Model([opset13.shape_of(each) for each in inputs], list(inputs), "inputs")


def samples_of(count: int, *inputs: ov.Node) -> list[Sample]:
    return list(sample_inputs(model_of(*inputs), count))


def pair(shape: str, kind: str = "f32", layout: str = "NCHW", count: int = 1) -> list[Sample]:
    return samples_of(count, parameter("src", shape, kind, layout), parameter("bgr", shape, kind, layout))


def assert_same(first: list[Sample], second: list[Sample]) -> None:
    assert [list(each) for each in first] == [list(each) for each in second]
    for one, other in zip(first, second, strict=True):
        for name, values in one.items():
            assert values.dtype == other[name].dtype
            np.testing.assert_array_equal(values, other[name])


def scene_of(picture: np.ndarray, plate: np.ndarray) -> int | None:
    """Return the number of the scene that these (H, W, 3) are the picture and the plate of, or None."""
    for number in (thousand * 1000 + each for each in range(12) for thousand in range(2)):
        scene = make_scene(number, picture.shape[:2], SERIES)
        if np.array_equal(scene.picture, picture) and np.array_equal(scene.plate, plate):
            return number
    return None


def test_inputs_are_the_same_each_time_and_fewer_are_the_first_of_more():
    def inputs() -> list[ov.Node]:
        return [
            parameter("src", "[1,3,?,?]", layout="NCHW"),
            parameter("state", "[1,16,?,?]", layout="NCHW"),
            parameter("ids", "[?,7]", "i64"),
        ]

    three = samples_of(3, *inputs())
    assert_same(three, samples_of(3, *inputs()))
    assert_same(three[:1], samples_of(1, *inputs()))
    assert [list(each) for each in three] == [["src", "state", "ids"]] * 3


def test_inputs_are_the_same_in_another_process():
    done = subprocess.run([sys.executable, "-c", IN_A_PROCESS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        hashlib.sha256(values.tobytes()).hexdigest()
        for sample in samples_of(2, parameter("a", "[1,3,20,30]", layout="NCHW"), parameter("b", "[1,5]"))
        for values in sample.values()
    ]


@pytest.mark.parametrize("kind", ["f32", "u8", "f16"])
@pytest.mark.parametrize(("shape", "layout"), [("[1,3,40,60]", "NCHW"), ("[1,40,60,3]", "NHWC")])
def test_the_first_input_is_a_picture_and_the_second_its_plate(shape, layout, kind):
    for sample in pair(shape, kind, layout, count=3):
        pictures = {}
        for name, values in sample.items():
            assert values.shape == tuple(int(side) for side in shape.strip("[]").split(","))
            assert values.dtype == TYPES[kind]
            np.testing.assert_array_equal(values, np.floor(values))
            assert 0 <= values.min() < values.max() <= 255
            pictures[name] = values[0].transpose(1, 2, 0) if layout == "NCHW" else values[0]
        assert scene_of(pictures["src"], pictures["bgr"]) is not None


def test_a_picture_is_the_same_in_every_layout_and_type():
    first = pair("[1,3,40,60]", "f32", "NCHW")[0]
    bytes_last = pair("[1,40,60,3]", "u8", "NHWC")[0]
    width_first = pair("[60,40,3,1]", "f32", "WHCN")[0]
    for name in ("src", "bgr"):
        np.testing.assert_array_equal(first[name], bytes_last[name].transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(first[name], width_first[name].transpose(3, 2, 1, 0))


def test_a_batch_holds_different_scenes_and_plates_their_own():
    sample = pair("[3,3,24,32]", count=1)[0]
    numbers = [
        scene_of(picture.transpose(1, 2, 0), plate.transpose(1, 2, 0))
        for picture, plate in zip(sample["src"], sample["bgr"], strict=True)
    ]
    assert None not in numbers
    assert len(set(numbers)) == 3


def test_four_pictures_are_two_pairs_of_different_scenes():
    names = ("a", "b", "c", "d")
    sample = samples_of(1, *(parameter(name, "[1,24,32,3]", layout="NHWC") for name in names))[0]
    first = scene_of(sample["a"][0], sample["b"][0])
    second = scene_of(sample["c"][0], sample["d"][0])
    assert first is not None
    assert second is not None
    assert first != second


def test_other_inputs_do_not_take_part_in_the_turns_of_pictures():
    sample = samples_of(
        1,
        parameter("state", "[1,4,24,32]", layout="NCHW"),
        parameter("src", "[1,3,24,32]", layout="NCHW"),
        parameter("ids", "[1,5]", "i32"),
        parameter("bgr", "[1,3,24,32]", layout="NCHW"),
    )[0]
    assert scene_of(sample["src"][0].transpose(1, 2, 0), sample["bgr"][0].transpose(1, 2, 0)) is not None
    assert 0 <= sample["state"].min() < sample["state"].max() <= 1
    assert set(np.unique(sample["ids"])) <= {0, 1}


@pytest.mark.parametrize(
    ("shape", "layout"),
    [("[1,3,24,32]", ""), ("[1,24,32,3]", ""), ("[1,3,24,32]", "?C??"), ("[1,24,32,3]", "???C"), ("[1,3,24,3]", "")],
)
def test_an_input_of_three_channels_whose_layout_is_not_told_takes_pictures(shape, layout):
    sample = pair(shape, "f32", layout)[0]
    last = shape.endswith(",3]") and not shape.startswith("[1,3,")
    picture, plate = (values[0] if last else values[0].transpose(1, 2, 0) for values in sample.values())
    assert scene_of(picture, plate) is not None


@pytest.mark.parametrize("shape", ["[3]", "[3,3]", "[3,24,32]", "[1,24,32]", "[1,3,4,24,32]", "[1,4,24,32]", "[]"])
def test_what_cannot_be_told_to_be_a_picture_is_uniform_in_0_to_1(shape):
    values = samples_of(1, parameter("x", shape))[0]["x"]
    assert values.dtype == np.float32
    assert 0 <= values.min() <= values.max() <= 1
    assert np.unique(values).size == values.size or values.size > 1000


@pytest.mark.parametrize("kind", ["i32", "i64", "boolean", "u8"])
def test_integers_are_zeros_and_ones(kind):
    values = samples_of(1, parameter("x", "[50,40]", kind))[0]["x"]
    assert values.dtype == TYPES[kind]
    assert set(np.unique(values).tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("shape", "layout", "sizes"),
    [
        ("[?,3,24..24,?]", "NCHW", {0: {1}, 1: {3}, 2: {24}}),
        ("[2..4,3,8..16,20..]", "NCHW", {0: range(2, 5), 1: {3}, 2: range(8, 17)}),
        ("[1,?,24,32]", "NCHW", {1: {3}}),
        ("[1,1..4,24,32]", "NCHW", {1: {3}}),
        ("[1,4..8,24,32]", "NCHW", {1: range(4, 9)}),
        ("[1,..2,24,32]", "NCHW", {1: {1, 2}}),
        ("[..8,600..,..100,3]", "NHWC", {0: {1}, 1: range(600, 10_000), 2: range(1, 101), 3: {3}}),
        ("[?,?,?]", "", {0: {1}}),
        ("[5..,?]", "NC", {0: range(5, 100), 1: {3}}),
    ],
)
def test_open_dimensions_get_sizes_and_bounds_are_kept(shape, layout, sizes):
    for sample in samples_of(3, parameter("x", shape, "f32", layout)):
        assert ov.PartialShape(shape).compatible(ov.PartialShape(list(sample["x"].shape)))
        assert all(side > 0 for side in sample["x"].shape)
        for axis, allowed in sizes.items():
            assert sample["x"].shape[axis] in allowed


@pytest.mark.parametrize(("shape", "layout"), [("[1,3,?,?]", "NCHW"), ("[1,?,?,3]", "NHWC"), ("[1,3,?,?]", "")])
def test_each_of_several_sets_has_its_own_size_where_that_is_open(shape, layout):
    samples = pair(shape, "f32", layout, count=3)
    assert all(each["src"].shape == each["bgr"].shape for each in samples)
    assert len({each["src"].shape for each in samples}) == 3
    # what networks halve six times
    axes = (1, 2) if shape.endswith("3]") else (2, 3)
    assert all(each["src"].shape[axis] % 64 == 0 for each in samples for axis in axes)


def test_each_of_several_sets_has_its_own_pictures_where_the_size_is_not_open():
    samples = pair("[1,3,24,32]", count=5)
    assert {each["src"].shape for each in samples} == {(1, 3, 24, 32)}
    assert len({each["src"].tobytes() for each in samples}) == 5
    others = samples_of(5, parameter("x", "[1,7]"))
    assert len({each["x"].tobytes() for each in others}) == 5


def test_no_sets_are_none():
    assert pair("[1,3,24,32]", count=0) == []


SIDES = st.one_of(
    st.integers(1, 9),
    st.just(-1),
    st.tuples(st.integers(0, 6), st.integers(0, 5)).map(lambda both: (both[0], both[0] + both[1] or 1)),
    st.integers(0, 6).map(lambda least: (least, -1)),
)


@st.composite
def any_input(draw: st.DrawFn) -> tuple[tuple[Dimension, ...], str, str]:
    shape = tuple(draw(st.lists(SIDES, max_size=6)))
    letters = "".join(draw(st.permutations("NCHWDS")))[: len(shape)]
    unknown = "".join("C" if letter == "C" else "?" for letter in letters)
    usual = [known for known in ("NC", "CHW", "NCHW", "NHWC", "NCDHW") if len(known) == len(shape)]
    return shape, draw(st.sampled_from(sorted(TYPES))), draw(st.sampled_from(["", letters, unknown, *usual]))


@settings(max_examples=60)
@given(st.lists(any_input(), min_size=1, max_size=3))
def test_any_input_of_any_rank_gets_what_it_takes(inputs):
    parameters = []
    for number, (shape, kind, layout) in enumerate(inputs):
        sides = [ov.Dimension(*side) if isinstance(side, tuple) else ov.Dimension(side) for side in shape]
        parameters.append(parameter(f"in{number}", str(ov.PartialShape(sides)), kind, layout))
    for sample in samples_of(2, *parameters):
        assert len(sample) == len(inputs)
        for values, (shape, kind, _) in zip(sample.values(), inputs, strict=True):
            assert values.dtype == TYPES[kind]
            assert values.ndim == len(shape)
            for side, asked in zip(values.shape, shape, strict=True):
                least, most = asked if isinstance(asked, tuple) else (asked, asked) if asked > 0 else (1, -1)
                assert max(least, 1) <= side
                assert most == -1 or side <= most
            whole = np.array_equal(values, np.floor(values.astype(np.float64)))
            assert 0 <= values.min() <= values.max() <= (255 if whole else 1)


def test_a_model_runs_on_what_it_is_given():
    model = model_of(
        parameter("src", "[1,?,?,3]", "u8", "NHWC"),
        parameter("half", "[1,3,?,?]", "f16", "NCHW"),
        parameter("ids", "[?,2..4]", "i64"),
        parameter("on", "[1]", "boolean"),
    )
    compiled = ov.compile_model(model, "CPU")
    for sample in sample_inputs(model, 3):
        shapes = [result.tolist() for result in compiled(sample).values()]
        assert shapes == [list(values.shape) for values in sample.values()]
