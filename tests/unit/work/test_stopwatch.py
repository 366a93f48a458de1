"""Where the time went."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from omz.work import stopwatch
from omz.work.stopwatch import Stopwatch


class Clock:
    """Goes on only where it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stopwatch, "time", clock)
    return clock


def test_the_mean_of_a_stage_is_over_its_frames():
    watch = Stopwatch()
    for seconds in (0.1, 0.2, 0.6):
        watch.add("infer", seconds)
    watch.add("write", 0.5)
    assert watch.milliseconds == {"infer": pytest.approx(300), "write": pytest.approx(500)}
    assert watch.seconds["infer"] == pytest.approx(0.9)


def test_a_block_is_timed_even_where_it_fails(clock):
    watch = Stopwatch()
    with suppress(ValueError), watch("stage"):
        clock.sleep(0.02)
        raise ValueError("x")
    assert watch.milliseconds["stage"] == pytest.approx(20)


def test_a_source_is_timed_and_nothing_that_is_done_with_its_items(clock):
    watch = Stopwatch()

    def slow():
        for index in range(3):
            clock.sleep(0.02)
            yield index

    for _ in watch.source("decode", slow()):
        clock.sleep(0.05)
    assert watch.milliseconds["decode"] == pytest.approx(20)


def test_threads_add_up():
    watch = Stopwatch()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: watch.add("x", 0.001), range(2000)))
    assert watch.seconds["x"] == pytest.approx(2)
    assert watch.milliseconds["x"] == pytest.approx(1)
