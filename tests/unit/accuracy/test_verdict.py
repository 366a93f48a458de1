from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from omz.accuracy.agreement import agreement
from omz.accuracy.comparison import FrameResult, ModelFrame
from omz.accuracy.summary import ModelSummary
from omz.accuracy.verdict import Gate, Reference, judge, parse_threshold, reference_figures, reference_gates
from omz.errors import DataError, UsageError


def summary(**figures: float) -> ModelSummary:
    return ModelSummary(figures, 1, 1, 1, 0, 1, {})


def results(problem: str = "") -> list[FrameResult]:
    read = FrameResult("a", "", 0, {"original": ModelFrame({}, 1, 0, 1)})
    return [read, FrameResult("b", "", 0, problem=problem)] if problem else [read]


def failed(found: np.ndarray, thresholds=(), original: float = 10.0, converted: float = 10.0, **changes) -> list[str]:
    gates = judge(
        "original",
        {"original": summary(MAD=original), "FP16": changes.get("summary", summary(MAD=converted))},
        {"FP16": {"alpha": agreement(np.zeros(2000), found)}},
        {"FP16": 0.01},
        [parse_threshold(text) for text in thresholds],
        changes.get("results", results()),
    )
    return [gate.what for gate in gates if not gate.passed]


SAME = np.zeros(2000)


def test_what_is_the_same_passes():
    assert failed(SAME) == []


def test_outputs_may_stray_by_the_tolerance_but_for_one_in_a_thousand():
    assert failed(np.full(2000, 0.0099)) == []
    assert failed(np.full(2000, 0.0101)) == ["alpha: 99.9 % within"]
    some = SAME.copy()
    some[0] = 0.5
    assert failed(some) == []
    some[:3] = 0.5
    assert failed(some) == ["alpha: 99.9 % within"]


def test_what_is_no_number_fails():
    some = SAME.copy()
    some[0] = math.nan
    assert failed(some) == ["alpha: 99.9 % within"]


@pytest.mark.parametrize(
    ("threshold", "converted", "passes"),
    [
        ("MAD=0.5", 10.5, True),
        ("MAD=0.5", 10.51, False),
        ("MAD=5%", 10.5, True),
        ("MAD=5%", 10.51, False),
        ("MAD=0", 10, True),
        ("MAD=0", 1, True),  # better is never a failure
        ("MAD=1%", math.nan, False),
    ],
)
def test_figures_may_be_higher_by_a_threshold(threshold, converted, passes):
    assert (failed(SAME, [threshold], converted=converted) == []) == passes


def test_a_share_of_nothing_is_nothing_and_an_absolute_threshold_still_counts():
    assert failed(SAME, ["MAD=5%"], original=0, converted=0.1) == ["MAD"]
    assert failed(SAME, ["MAD=0.2"], original=0, converted=0.1) == []


def test_frames_that_fail_are_a_failure():
    assert failed(SAME, results=results("cannot be read")) == ["frames that cannot be read"]
    bad = dataclasses.replace(summary(MAD=1), problems={"a": "no numbers"})
    assert failed(SAME, summary=bad) == ["frames without figures"]


def test_nothing_to_judge_by_is_an_error():
    with pytest.raises(DataError, match="no frame could be read"):
        failed(SAME, results=[FrameResult("b", "", 0, problem="gone")])
    with pytest.raises(UsageError, match="--threshold GRAD: the figures are MAD"):
        failed(SAME, ["GRAD=1"])


@pytest.mark.parametrize("text", ["MAD", "MAD=", "MAD=x", "MAD=-1", "=1", "MAD=1%%"])
def test_other_thresholds_are_refused(text):
    with pytest.raises(UsageError, match="is not of the form"):
        parse_threshold(text)


def test_a_gate_holds_up_to_its_limit():
    assert Gate("m", "x", 1.0, 1.0).passed
    assert not Gate("m", "x", math.nan, 1.0).passed


# --- references -------------------------------------------------------------------------------------------------------


def passes(reference: Reference, value: float) -> bool | None:
    """Whether a gate holds; None where there is none."""
    gate = reference.gate("FP16", value)
    return None if gate is None else gate.passed


@pytest.mark.parametrize(
    ("thresholds", "value", "expected"),
    [
        ({}, 99.0, None),  # told, not judged
        ({"abs_threshold": 0.5}, 4.5, True),
        ({"abs_threshold": 0.5}, 4.51, False),
        ({"rel_threshold": 0.25}, 5.0, True),  # accuracy checker ignores a share alone
        ({"rel_threshold": 0.25}, 5.01, False),
        ({"abs_threshold": 0.5, "rel_threshold": 0.25}, 4.75, False),  # each holds
        ({"abs_threshold": 2, "rel_threshold": 0.25}, 5.5, False),
        ({"abs_threshold": 2, "rel_threshold": 0.25}, 4.75, True),
        ({"abs_threshold": 0}, 4.0, True),  # an exact match has a verdict
        ({"rel_threshold": 0}, 4.0, True),
        ({"abs_threshold": 0}, 4.0001, False),
        ({"abs_threshold": 0.5}, 1.0, True),  # better by more than the threshold
        ({"abs_threshold": 0.5, "two_sided": True}, 3.5, True),
        ({"abs_threshold": 0.5, "two_sided": True}, 3.4, False),
        ({"abs_threshold": 0.5, "two_sided": True}, 4.6, False),
        ({"abs_threshold": 0.5, "higher_is_better": True}, 3.5, True),
        ({"abs_threshold": 0.5, "higher_is_better": True}, 3.4, False),
        ({"abs_threshold": 0.5, "higher_is_better": True}, 99.0, True),
        ({"abs_threshold": 0.5}, math.nan, False),
        ({"abs_threshold": 0.5, "two_sided": True}, math.nan, False),
        ({"abs_threshold": 0.5, "higher_is_better": True}, math.nan, False),
    ],
)
def test_a_figure_beside_its_reference(thresholds, value, expected):
    assert passes(Reference("MAD", 4.0, **thresholds), value) is expected


@pytest.mark.parametrize(
    ("thresholds", "value", "expected"),
    [
        ({"abs_threshold": 0.5}, 0.5, True),
        ({"abs_threshold": 0.5}, 0.6, False),
        ({"abs_threshold": 0.5, "rel_threshold": 0.1}, 0.4, True),  # a share of nothing is not defined
        ({"rel_threshold": 0.1}, 9.0, None),
    ],
)
def test_a_reference_of_0_is_judged_by_absolute_thresholds(thresholds, value, expected):
    assert passes(Reference("MAD", 0.0, **thresholds), value) is expected


def test_a_share_of_a_negative_reference_is_one_of_its_size():
    assert passes(Reference("x", -4.0, rel_threshold=0.25), -3.0) is True
    assert passes(Reference("x", -4.0, rel_threshold=0.25), -2.9) is False


def frame_of(name: str, **figures: float) -> FrameResult:
    return FrameResult(name, "", 0, {"m": ModelFrame(figures, 1, 0, 1)})


def test_means_and_population_deviations_are_told_and_judged():
    frames = [frame_of("a", MAD=2.0), frame_of("b", MAD=4.0), frame_of("c", MAD=9.0), frame_of("d")]
    references = [
        Reference("MAD", 5.0, abs_threshold=0.1),
        Reference("MAD", 3.0, of="std"),
        Reference("GRAD", 1.0, rel_threshold=0.5),
    ]
    figures = reference_figures(references, "m", summary(MAD=5.0), frames)
    assert figures == {
        "MAD": 5.0,
        "MAD@std": pytest.approx(math.sqrt(26 / 3)),
        "GRAD": pytest.approx(math.nan, nan_ok=True),
    }
    gates = reference_gates("m", references, figures)
    assert [(gate.label, gate.what.partition(",")[0], gate.passed) for gate in gates] == [
        ("m", "MAD", True),
        ("m", "GRAD", False),  # it was expected, and is not there
    ]
    assert reference_gates("m", references, {})[0].passed is False
