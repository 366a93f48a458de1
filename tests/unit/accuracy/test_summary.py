from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from omz.accuracy.agreement import agreement
from omz.accuracy.comparison import FrameResult, ModelFrame
from omz.accuracy.conventions import CONVENTIONS, OMZ
from omz.accuracy.summary import caveat, paired_difference, pooled_agreement, summarise, worst_frames


def frame(name: str, clip: str = "", index: int = 0, **figures: float) -> FrameResult:
    return FrameResult(
        name, clip, index, {label: ModelFrame({"MAD": value}, 10 * value, 0, 1) for label, value in figures.items()}
    )


def test_frames_are_averaged_and_those_without_a_figure_left_out():
    results = [frame("a", m=1), frame("b", m=4), frame("c", m=math.nan), FrameResult("d", "", 0, problem="gone")]
    summary = summarise(results, "m", OMZ)
    assert summary.figures == {"MAD": 2.5}


def test_clips_of_unequal_length_are_averaged_by_index_first():
    results = [frame("a/0", "a", 0, m=1), frame("a/1", "a", 1, m=5), frame("b/0", "b", 0, m=3)]
    assert summarise(results, "m", CONVENTIONS["rvm_lr"]).figures["MAD"] == (2 + 5) / 2
    assert summarise(results, "m", OMZ).figures["MAD"] == 3


def test_problems_are_counted_and_named():
    bad = FrameResult("x", "", 0, {"m": ModelFrame({}, 1, None, None, "2 pixels of alpha are no numbers")})
    summary = summarise([frame("a", m=1), bad], "m", OMZ)
    assert (summary.frames, summary.problems) == (1, {"x": "2 pixels of alpha are no numbers"})


def test_the_ends_of_alpha_are_those_of_frames_that_have_some():
    def ended(*ends: float | None) -> FrameResult:
        return FrameResult(str(ends), "", 0, {"m": ModelFrame({}, 1, *ends)})

    summary = summarise([ended(0.1, 0.9), ended(None, None), ended(0.2, 1.5)], "m", OMZ)
    assert (summary.lowest, summary.highest) == (0.1, 1.5)
    assert math.isnan(summarise([ended(None, None)], "m", OMZ).lowest)


def test_times_are_median_and_90th_percentile():
    summary = summarise([frame(str(value), m=value) for value in range(1, 11)], "m", OMZ)
    assert (summary.median_ms, summary.p90_ms) == (55, 90)


def test_a_difference_is_paired():
    rng = np.random.default_rng(0)
    levels = 100 * rng.random(200)
    results = [frame(str(i), a=level, b=level + 1 + 0.1 * rng.standard_normal()) for i, level in enumerate(levels)]
    interval = paired_difference(results, ("a", "b"), "MAD", OMZ)
    assert interval.difference == pytest.approx(1, abs=0.05)
    assert interval.low < interval.difference < interval.high
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.1 / math.sqrt(200), rel=0.3)
    assert interval.is_clear
    assert paired_difference(results, ("a", "b"), "MAD", OMZ) == interval


def test_frames_of_a_clip_are_no_evidence_of_their_own():
    results = [frame(f"{clip}/{i}", clip, i, a=0, b=value) for clip, value in (("x", 1), ("y", 3)) for i in range(50)]
    interval = paired_difference(results, ("a", "b"), "MAD", OMZ)
    assert (interval.difference, interval.low, interval.high, interval.groups) == (2, 1, 3, 2)


def test_a_difference_is_that_of_averages_in_the_conventions_own_way():
    rng = np.random.default_rng(0)
    results = [
        frame(f"{clip}/{i}", clip, i, a=20 * rng.random(), b=30 * rng.random())
        for clip, length in (("x", 6), ("y", 2))
        for i in range(length)
    ]
    for convention in (CONVENTIONS["rvm_lr"], OMZ):
        figures = [summarise(results, label, convention).figures["MAD"] for label in ("a", "b")]
        interval = paired_difference(results, ("a", "b"), "MAD", convention)
        assert interval.difference == pytest.approx(figures[1] - figures[0], rel=1e-12)
        assert interval.low <= interval.difference <= interval.high


def test_a_draw_of_clips_is_averaged_by_index_where_all_are():
    results = [frame("x/0", "x", 0, a=0, b=0), frame("x/1", "x", 1, a=0, b=10), frame("y/0", "y", 0, a=0, b=4)]
    # Of four draws alike, x and x give (0 + 10) / 2, y and y 4, and the two of both ((0 + 4) / 2 + 10) / 2.
    interval = paired_difference(results, ("a", "b"), "MAD", CONVENTIONS["rvm_lr"])
    assert (interval.difference, interval.low, interval.high) == (6, 4, 6)
    interval = paired_difference(results, ("a", "b"), "MAD", OMZ)  # 10 / 2, 4, and 14 / 3
    assert (interval.difference, interval.low, interval.high) == (pytest.approx(14 / 3), 4, 5)


@pytest.mark.parametrize("clip", ["x", ""])
def test_one_clip_or_picture_alone_has_no_range(clip):
    results = [frame(str(i), clip, i, a=1, b=2) for i in range(50 if clip else 1)]
    for convention in (OMZ, CONVENTIONS["rvm_lr"]):
        interval = paired_difference(results, ("a", "b"), "MAD", convention)
        assert (interval.difference, interval.groups, interval.is_clear, interval.has_ends) == (1, 1, False, False)
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)


def test_it_is_said_where_ranges_cannot_be_relied_on():
    def of(clips: int) -> str:
        results = [frame(str(i), a=1, b=2) for i in range(clips)]
        return caveat(paired_difference(results, ("a", "b"), name, OMZ) for name in ("MAD", "nothing"))

    assert [of(clips) for clips in (0, 5, 100)] == [""] * 3
    assert of(1) == "one clip or image gives no range"
    assert of(4) == "4 clips or images make ranges rough"


def test_long_clips_take_little_memory():
    results = [frame(f"{clip}/{i}", clip, i, a=0, b=clip == "y") for clip in ("x", "y") for i in range(4000)]
    tracemalloc.start()
    interval = paired_difference(results, ("a", "b"), "MAD", CONVENTIONS["rvm_lr"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (interval.difference, interval.low, interval.high) == (0.5, 0, 1)
    assert peak < 60e6  # all draws at once are 2000 x 4000 numbers, several times


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        results = [frame(str(i), a=0, b=value) for i, value in enumerate(rng.standard_normal(40))]
        interval = paired_difference(results, ("a", "b"), "MAD", OMZ)
        covered += interval.low <= 0 <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


def test_only_frames_that_both_have_are_compared():
    results = [frame("a", a=1, b=2), frame("b", a=1), frame("c", b=9)]
    assert paired_difference(results, ("a", "b"), "MAD", OMZ).difference == 1
    assert math.isnan(paired_difference(results, ("a", "b"), "GRAD", OMZ).difference)


def test_agreements_are_pooled_and_the_worst_frames_found():
    results = [
        FrameResult(name, "", 0, {}, {("a", "b"): {"pha": agreement(np.zeros(4), np.full(4, value))}})
        for name, value in (("x", 0.1), ("y", 0.3), ("z", 0.2))
    ]
    assert pooled_agreement(results, ("a", "b"))["pha"].largest == 0.3
    assert [result.name for result in worst_frames(results, ("a", "b"), 2)] == ["y", "z"]


@pytest.mark.parametrize(("clips", "is_clear"), [(1, False), (2, False), (4, False), (5, True)])
def test_few_clips_prove_nothing(clips, is_clear):
    results = [frame(str(number), clip=f"clip{number % clips}", a=1, b=2 + 0.1 * number) for number in range(20)]
    assert paired_difference(results, ("a", "b"), "MAD", OMZ).is_clear == is_clear
