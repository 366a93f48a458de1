from __future__ import annotations

import pytest
from helpers.benchmarks import row, run_of

from omz.benchmark.recommendation import parse_conditions, recommend
from omz.benchmark.results import UNJUDGED
from omz.errors import UsageError

STEADY = [0.99, 1.0, 1.01, 1.0, 0.99, 1.01, 1.0, 1.0, 0.99, 1.01, 1.0, 1.0]


def at(milliseconds: float) -> list[float]:
    return [milliseconds * each for each in STEADY]


def chosen(run, *conditions: str):
    found = recommend(run, parse_conditions(conditions, ["MAD"]))
    return found.row.case.model if found.row else None


def test_the_lowest_error_that_keeps_the_conditions_is_chosen():
    run = run_of(row("slow", at(50), error=1), row("good", at(20), error=2), row("fast", at(10), error=9))
    assert chosen(run, "fps>=10") == "slow"
    assert chosen(run, "fps>=30") == "good"
    assert chosen(run, "latency<=15") == "fast"
    assert chosen(run, "latency<=15", "MAD<=3") is None
    assert chosen(run, "fps>=30,memory<=100") is None


def test_a_limit_within_noise_is_not_kept():
    noisy = [10, 60, 10, 60, 10, 60, 10, 60, 10, 10, 10, 10]
    run = run_of(row("noisy", noisy))
    found = recommend(run, parse_conditions(["latency<=30"]))
    assert found.row is None
    assert "within noise of 30" in found.left_out[0][1]
    assert chosen(run_of(row("few", [10.0, 60.0, 10.0])), "latency<=30") is None  # too few rounds for a range
    assert chosen(run_of(row("steady", at(10))), "latency<=30") == "steady"


def test_of_those_that_are_as_good_the_fastest_is_chosen_and_of_these_the_smallest():
    run = run_of(
        row("a", at(20), error=2, precision="FP32", disk=4), row("b", at(10), error=2.01), row("c", at(10), 0, 1, 2.015)
    )
    assert chosen(run, "fps>=1") == "c"


def test_rows_without_common_rounds_are_compared_by_all_their_runs():
    run = run_of(row("first", at(10)), row("slow", at(20), 50, 1), row("fast", at(5), 50))
    assert chosen(run, "fps>=1") == "fast"
    assert chosen(run_of(*run.rows[:2]), "fps>=1") == "first"  # "slow" is smaller, and not as fast
    assert chosen(run_of(row("first", [10.0] * 3), row("slow", [50.0] * 3, 0, 1)), "fps>=1") == "first"


@pytest.mark.parametrize(("milliseconds", "expected"), [(14, "FP16"), (10, "FP16"), (7, "FP16-INT8")])
def test_int8_is_chosen_only_where_it_is_faster(milliseconds, expected):
    run = run_of(row("a", at(10), error=2), row("a", at(milliseconds), 0, 1, 2, precision="FP16-INT8"))
    found = recommend(run, parse_conditions(["fps>=1"]))
    assert found.row.case.precision == expected


def test_originals_and_untested_devices_are_not_recommended():
    run = run_of(row("a", at(5), engine="PyTorch"), row("a", at(5), device="GPU", notes=("untested: there was none",)))
    found = recommend(run, parse_conditions(["fps>=1"]))
    assert found.row is None
    assert [why for _, why in found.left_out] == [
        "it is the original, measured for comparison only",
        "untested: there was none",
    ]


def test_int8_is_not_chosen_without_what_it_was_made_of():
    found = recommend(run_of(row("a", at(5), precision="FP16-INT8")), parse_conditions(["fps>=1"]))
    assert found.row is None
    assert found.left_out[0][1] == "its float model was not measured"


@pytest.mark.parametrize(("error", "expected"), [(None, "FP16"), (2, "FP16-INT8")])
def test_int8_that_no_gate_has_judged_is_chosen_only_with_its_error(error, expected):
    run = run_of(row("a", at(10), error=error), row("a", at(5), error=error, precision="FP16-INT8", notes=(UNJUDGED,)))
    assert recommend(run, parse_conditions(["fps>=1"])).row.case.precision == expected


@pytest.mark.parametrize("text", ["", "fps", "fps>=x", "fps=30", "fps>=30,", "colour>=3", "MAD<=3", ">=3", "fps>=-1"])
def test_what_is_no_condition_is_wrong_usage(text):
    with pytest.raises(UsageError, match="--recommend"):
        parse_conditions([text])
