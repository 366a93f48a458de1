from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from omz.video.clock import Clock

TIMES = st.lists(st.none() | st.integers(-1000, 100_000), min_size=1, max_size=60)


@given(TIMES, st.fractions(Fraction(1, 100), 4000))
def test_times_increase_whatever_is_given(times, step):
    clock = Clock(step)
    found = [clock(time) for time in times]
    assert all(earlier < later for earlier, later in pairwise(found))


@given(st.lists(st.integers(-1000, 100_000), min_size=1, unique=True).map(sorted))
def test_times_that_increase_stay(times):
    clock = Clock(Fraction(5))
    assert [clock(time) for time in times] == times


@given(st.lists(st.integers(1, 500), min_size=1, max_size=20), st.integers(0, 10_000))
def test_a_second_part_follows_the_first_at_its_own_distances(steps, back):
    first = [back + 100 * index for index in range(10)]
    second = [0]
    for step in steps:
        second.append(min(second[-1] + step, back + 900))
    second = sorted(set(second))
    clock = Clock(Fraction(100))
    found = [clock(time) for time in [*first, *second]][10:]
    assert found[0] == first[-1] + 100
    assert [later - earlier for earlier, later in pairwise(found)] == [b - a for a, b in pairwise(second)]


def test_one_wrong_time_moves_nothing_else():
    clock = Clock(Fraction(10))
    assert [clock(time) for time in (0, 10, -500, 30, 30, 50)] == [0, 10, 20, 30, 40, 50]


def test_the_move_of_another_stream_is_taken_if_it_is_near():
    assert [Clock(Fraction(10), moves=[130], near=50)(None)] == [0]
    for near, expected in ((50, 130), (5, 110)):
        clock = Clock(Fraction(10), moves=[500, 130], near=near)
        assert [clock(time) for time in (0, 100, 0, 10)] == [0, 100, expected, expected + 10]


def test_the_duration_of_the_one_before_counts():
    clock = Clock()
    assert [clock(time, Fraction(1024)) for time in (0, 1024, 0, 1024)] == [0, 1024, 2048, 3072]


@given(st.lists(st.integers(1, 500), min_size=1, max_size=20), st.integers(601, 10**12), st.booleans())
def test_a_clock_that_was_set_far_ahead_is_taken_back(steps, ahead, both_ways):
    second = [ahead]
    for step in steps:
        second.append(second[-1] + step)
    times = [0, 100, *(time + 100 for time in second)]
    if both_ways:
        times += [0, 100]
    clock = Clock(Fraction(40), longest=600)
    found = [clock(time) for time in times]
    assert all(0 < later - earlier <= 600 for earlier, later in pairwise(found))
    assert found[:3] == [0, 100, 140]
    assert [b - a for a, b in pairwise(found[2 : 2 + len(second)])] == steps


def test_a_gap_of_one_stream_alone_stays():
    clock = Clock(Fraction(10), moves=[-5000], near=50, longest=600)
    assert [clock(time) for time in (0, 9000, 9010)] == [0, 9000, 9010]
    clock = Clock(Fraction(10), moves=[-5000], near=50, longest=600)
    assert [clock(time) for time in (0, 5020, 5030)] == [0, 20, 30]
    clock = Clock(Fraction(10), moves=[-5000], near=50, longest=600)  # they overlap
    assert [clock(time) for time in (0, 30, 5020, 5030)] == [0, 30, 40, 50]
