"""The figures by which an IR is judged, against the same in plain Python."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.builders import small_model
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from omz.convert.parity import OutputParity, Parity, compare, output_parity
from omz.errors import ConversionError
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

NUMBERS = st.floats(-(2.0**20), 2.0**20, width=32)
SPECIAL = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6)
SHARES = st.floats(0, 2)


@st.composite
def pairs(draw: st.DrawFn, elements: st.SearchStrategy[float]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Draw what a source and an IR give for one to three inputs, in many elements the same."""
    expected, found = [], []
    for shape in draw(st.lists(SHAPES, min_size=1, max_size=3)):
        source = draw(hnp.arrays(np.float32, shape, elements=elements))
        other = draw(hnp.arrays(np.float32, shape, elements=elements))
        changed = draw(hnp.arrays(bool, shape))
        expected.append(source)
        found.append(np.where(changed, other, source))
    return expected, found


def by_hand(expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> dict[str, float | None]:
    """Compute all figures element by element."""
    source = [float(value) for each in expected for value in each.ravel()]
    result = [float(value) for each in found for value in each.ravel()]
    numbers = [value for value in source if math.isfinite(value)]
    both = [(a, b) for a, b in zip(source, result, strict=True) if math.isfinite(a) and math.isfinite(b)]
    others = [(a, b) for a, b in zip(source, result, strict=True) if not (math.isfinite(a) and math.isfinite(b))]
    far = sorted(abs(a - b) for a, b in both) or [0.0]
    place = 0.999 * (len(far) - 1)
    below, above = far[math.floor(place)], far[math.ceil(place)]
    span = max(0.0, *numbers, 0.0) - min(0.0, *numbers, 0.0)
    squares = math.fsum(each * each for each in far) / len(far)
    return {
        "largest": far[-1],
        "mean": math.fsum(far) / len(far),
        "p99_9": below + (above - below) * (place - math.floor(place)),
        "psnr": 20 * math.log10(span) - 10 * math.log10(squares) if squares and span else None,
        "range": span,
        "not_finite": sum(not (a == b or (math.isnan(a) and math.isnan(b))) for a, b in others),
        "beyond": sum(each > span / 255 for each in far) / len(far),
    }


def parity_of(*outputs: OutputParity) -> Parity:
    return Parity("a source", "CPU", "f32", (), outputs)


def output(name: str, p99_9: float = 0.0, span: float = 1.0, not_finite: int = 0) -> OutputParity:
    return OutputParity(name, p99_9, p99_9, p99_9, None, span, not_finite)


def figures(one: OutputParity) -> dict[str, float | None]:
    return {key: value for key, value in dataclasses.asdict(one).items() if key != "output"}


@given(pairs(NUMBERS | SPECIAL))
def test_every_figure_is_what_plain_python_computes(pair):
    expected, found = pair
    ours, theirs = figures(output_parity("out", expected, found)), by_hand(expected, found)
    assert ours.keys() == theirs.keys()
    for name, figure in theirs.items():
        assert ours[name] == (figure if figure is None else pytest.approx(figure, rel=1e-6, abs=1e-9)), name


@pytest.mark.parametrize("size", [1, 2, 3, 999, 1000, 1001, 1002, 2000, 5000])
def test_the_percentile_leaves_out_one_in_a_thousand(size):
    random = np.random.default_rng(size)
    expected, found = random.random((2, size))
    parity = output_parity("out", [expected], [found])
    far = np.sort(np.abs(expected - found))
    assert parity.p99_9 == pytest.approx(by_hand([expected], [found])["p99_9"])
    assert np.count_nonzero(far > parity.p99_9) <= max(1, math.ceil(size / 1000))
    assert parity.p99_9 <= parity.largest == far[-1]


def test_one_wild_element_in_ten_thousand_is_seen_but_not_judged():
    expected = np.linspace(0, 1, 10_000)
    found = expected.copy()
    found[1234] += 1000
    parity = output_parity("out", [expected], [found])
    assert (parity.largest, parity.p99_9, parity.share) == (1000, 0, 0)
    found[:20] += 1000
    assert output_parity("out", [expected], [found]).share == pytest.approx(1000)


@given(pairs(NUMBERS | SPECIAL))
def test_what_is_identical_has_no_figures_and_no_problem(pair):
    expected, _ = pair
    parity = output_parity("out", expected, [each.copy() for each in expected])
    assert figures(parity) == {
        "largest": 0, "mean": 0, "p99_9": 0, "psnr": None, "range": parity.range, "not_finite": 0, "beyond": 0,
    }  # fmt: skip
    assert parity.share == 0
    assert parity_of(parity).problem(0) is None


@given(pairs(NUMBERS))
def test_what_differs_has_a_psnr_wherever_the_source_has_a_range(pair):
    expected, found = pair
    parity = output_parity("out", expected, found)
    differs = any((one != other).any() for one, other in zip(expected, found, strict=True))
    assert (parity.psnr is not None) == (differs and parity.range > 0)


def test_nan_and_infinity_in_both_are_no_difference():
    values = np.array([math.nan, math.inf, -math.inf, 1], np.float32)
    parity = output_parity("out", [values], [values.copy()])
    assert (parity.not_finite, parity.largest, parity.range, parity.psnr) == (0, 0, 1, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, 1.0),
        (1.0, -math.inf),
        (math.inf, -math.inf),
        (math.nan, math.inf),
        (math.inf, 3e38),
    ],
)
@pytest.mark.parametrize("size", [1, 10, 100_000])
def test_a_single_element_that_is_a_number_in_one_only_never_passes(one, other, size):
    expected, found = np.ones(size, np.float32), np.ones(size, np.float32)
    expected[size // 2], found[size // 2] = one, other
    parity = output_parity("out", [expected], [found])
    assert parity.not_finite == 1
    assert parity.share == math.inf
    assert parity_of(output("good"), parity).problem(1.0) == (
        "1 elements of output out are a number in only one of the two"
    )


@given(pairs(st.floats(width=32)))
def test_json_takes_whatever_comes_out(pair):
    expected, found = pair
    parity = parity_of(output_parity("out", expected, found))
    assert json.loads(json.dumps(dataclasses.asdict(parity), allow_nan=False))["outputs"][0]["output"] == "out"


@pytest.mark.parametrize(("one", "other"), [(1.7e308, -1.7e308), (1e200, 1.1e200), (0.0, 1e300)])
def test_json_takes_the_figures_of_the_largest_doubles(one, other):
    with np.errstate(all="ignore"):
        parity = parity_of(output_parity("out", [np.array([one, 1])], [np.array([other, 1])]))
    json.dumps(dataclasses.asdict(parity), allow_nan=False)
    assert parity.problem(1e-3)


def test_a_source_of_nothing_but_zeros_allows_no_difference():
    zeros = np.zeros((1, 1, 8, 8), np.float32)
    same = output_parity("out", [zeros], [zeros])
    assert (same.range, same.share, same.psnr) == (0, 0, None)
    other = output_parity("out", [zeros], [zeros + np.float32(1e-6)])
    assert (other.range, other.share) == (0, math.inf)
    assert parity_of(other).problem(1.0)


@pytest.mark.parametrize("value", [255.0, -7.0])
def test_the_range_of_a_constant_output_reaches_to_zero(value):
    constant = np.full((2, 3), value, np.float32)
    parity = output_parity("out", [constant], [constant + 1])
    assert (parity.range, parity.mean, parity.largest) == (abs(value), 1, 1)
    assert parity.share == pytest.approx(1 / abs(value))
    assert parity.psnr == pytest.approx(20 * math.log10(abs(value)))


def test_an_output_without_elements_has_nothing_to_differ():
    empty = np.zeros((0, 4), np.float32)
    parity = output_parity("boxes", [empty], [empty])
    assert {*figures(parity).values()} == {0, None}
    assert parity_of(parity).problem(0) is None
    with_one = output_parity("boxes", [empty, np.ones((1, 4))], [empty, np.full((1, 4), 3)])
    assert (with_one.largest, with_one.range) == (2, 1)


def test_a_single_value_is_judged_by_itself():
    parity = output_parity("score", [np.array(4.0)], [np.array(5.0)])
    assert (parity.largest, parity.mean, parity.p99_9, parity.range, parity.share) == (1, 1, 1, 4, 0.25)
    assert parity.psnr == pytest.approx(10 * math.log10(16))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint16])
def test_integers_are_subtracted_without_wrapping_around(dtype):
    expected, found = np.array([0, 100, 3], dtype), np.array([100, 0, 3], dtype)
    parity = output_parity("classes", [expected], [found])
    assert (parity.largest, parity.range, parity.mean) == (100, 100, pytest.approx(200 / 3))
    assert output_parity("classes", [np.array([200, 3], np.uint8)], [np.array([3, 200], np.uint8)]).largest == 197


def test_truths_are_zero_and_one():
    parity = output_parity("mask", [np.array([True, False])], [np.array([True, True])])
    assert (parity.largest, parity.mean, parity.range) == (1, 0.5, 1)


def test_half_precision_is_compared_exactly():
    expected = np.array([1.0, 65504.0])
    parity = output_parity("out", [expected], [expected.astype(np.float16) * np.float16(0.5)])
    assert (parity.largest, parity.range) == (32752, 65504)


def test_several_inputs_of_several_sizes_are_judged_together():
    expected = [np.zeros((2, 2)), np.full((3, 4), 10.0), np.full(4, -2.0)]
    found = [np.zeros((2, 2)), np.full((3, 4), 11.0), np.full(4, -2.0)]
    parity = output_parity("out", expected, found)
    assert (parity.range, parity.mean, parity.largest) == (12, pytest.approx(12 / 20), 1)


@pytest.mark.parametrize(("mine", "its"), [((1, 3, 4), (1, 4, 3)), ((1, 3), (3,)), ((), (1,)), ((0,), (0, 4))])
def test_another_shape_is_an_error_that_names_the_output(mine, its):
    with pytest.raises(ConversionError) as caught:
        output_parity("pha", [np.zeros(2), np.zeros(its)], [np.zeros(2), np.zeros(mine)])
    assert str(caught.value) == f"output pha of the IR has the shape {list(mine)}, not {list(its)}, as in its source"


@given(st.lists(st.tuples(SHARES, st.sampled_from([0.0, 0.5, 4.0]), st.sampled_from([0, 0, 0, 3])), max_size=4), SHARES)
def test_a_problem_is_one_line_about_the_worst_output(drawn, tolerance):
    outputs = [output(f"out{n}", p99_9, span, broken) for n, (p99_9, span, broken) in enumerate(drawn)]
    shares = [
        math.inf if broken or (p99_9 and not span) else p99_9 / span if span else 0.0 for p99_9, span, broken in drawn
    ]
    assert [each.share for each in outputs] == shares
    problem = parity_of(*outputs).problem(tolerance)
    if all(share <= tolerance for share in shares):
        assert problem is None
    else:
        assert f"output out{shares.index(max(shares))} " in problem
        assert problem.count("\n") == 0


def test_a_share_as_large_as_allowed_is_allowed():
    parity = parity_of(output("out", 1.0, 8.0))
    assert parity.problem(0.125) is None
    assert parity.problem(math.nextafter(0.125, 0))


def test_a_problem_says_how_far_and_how_far_is_allowed():
    parity = OutputParity("pha", largest=0.75, mean=0.0625, p99_9=0.5, psnr=20.0, range=2.0, not_finite=0)
    assert parity_of(output("fgr", 0.1), parity).problem(0.01) == (
        "one in a thousand elements of output pha differs by 0.5 or more, 0.25 of its range, where 0.01 is allowed "
        "(mean 0.062, largest 0.75)"
    )


def test_nothing_to_compare_is_no_problem():
    assert parity_of().problem(0) is None


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> OnnxRuntimeEngine:
    return OnnxRuntimeEngine(small_model(tmp_path_factory.mktemp("parity") / "net.onnx"))


def inputs_of(*sizes: tuple[int, int]) -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    return [{name: random.standard_normal((1, 3, *size), np.float32) for name in ("src", "bgr")} for size in sizes]


def sums(inputs: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """Compute the outputs of the small model."""
    return [
        {
            "inner": np.maximum(each["src"], 0),
            "sum": each["src"] + each["bgr"],
            "double": 2 * np.maximum(each["src"], 0),
            "more": np.zeros(1),
        }
        for each in inputs
    ]


def test_an_engine_is_compared_output_by_output_on_all_inputs(engine):
    inputs = inputs_of((4, 6), (8, 2))
    expected = sums(inputs)
    expected[1]["sum"] = expected[1]["sum"] + 1
    parity = compare(expected, engine, inputs, "plain numpy")
    shapes = tuple({"src": (1, 3, *size), "bgr": (1, 3, *size)} for size in ((4, 6), (8, 2)))
    assert dataclasses.replace(parity, outputs=()) == Parity("plain numpy", "CPU", "f32", shapes, ())
    assert [each.output for each in parity.outputs] == ["sum", "double", "inner"]
    assert [each.largest for each in parity.outputs] == [pytest.approx(1), 0, 0]
    values = np.concatenate([each["sum"].ravel() for each in expected])
    assert parity.outputs[0].range == pytest.approx(max(values.max(), 0) - min(values.min(), 0))
    assert parity.outputs[0].mean == pytest.approx(16 / 40, rel=1e-5)


def test_an_engine_that_gives_another_shape_is_refused(engine):
    inputs = inputs_of((4, 6))
    expected = [{**sums(inputs)[0], "double": np.zeros((1, 3, 6, 4))}]
    with pytest.raises(ConversionError, match=r"output double of the IR has the shape \[1, 3, 4, 6\]"):
        compare(expected, engine, inputs, "plain numpy")


def test_the_same_model_in_the_same_engine_is_identical(engine: OnnxRuntimeEngine, tmp_path: Path):
    again = OnnxRuntimeEngine(small_model(tmp_path / "net.onnx"))
    inputs = inputs_of((5, 5), (5, 5))
    parity = compare([again.infer(each) for each in inputs], engine, inputs, "itself")
    assert all(each.psnr is None and each.largest == 0 for each in parity.outputs)


def test_numbers_that_stand_for_infinity_do_not_widen_the_range():
    expected = np.array([0.5, 1.0, -3.4e38, 3.4e38], np.float32)
    parity = output_parity("out", [expected], [expected * np.array([-7, -7, 1, 1], np.float32)])
    assert parity.range == 1
    assert parity.share > 1
    assert json.dumps(dataclasses.asdict(output_parity("out", [expected], [-expected])), allow_nan=False)
