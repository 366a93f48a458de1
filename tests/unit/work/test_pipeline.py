"""Stages joined by threads: order, bounds, errors, and an end that leaves no thread behind."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from omz.work.pipeline import ahead, in_order


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = {*threading.enumerate()}
    yield
    assert {*threading.enumerate()} <= before


class Source:
    """Counts what was taken from it, and notices when it is closed."""

    def __init__(self, length: int, fails_at: int = -1) -> None:
        self.length, self.fails_at, self.taken, self.closed = length, fails_at, 0, False

    def __iter__(self) -> Iterator[int]:
        try:
            for index in range(self.length):
                if index == self.fails_at:
                    raise OSError("the source broke")
                self.taken = index + 1
                yield index
        finally:
            self.closed = True


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_all_items_come_in_their_order(limit):
    assert list(ahead(Source(50), limit)) == list(range(50))


def test_few_items_are_taken_before_they_are_asked_for():
    source = Source(1000)
    items = ahead(source, 3)
    assert next(items) == 0
    time.sleep(0.3)
    assert source.taken <= 5  # one was given, three wait, one is in the thread's hand
    items.close()
    assert source.closed


def test_what_the_source_raises_comes_in_its_place():
    items = ahead(Source(50, fails_at=3), 2)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="the source broke"):
        next(items)


def test_a_stage_works_while_another_does():
    """An item is made while the one before it is in hand, and neither goes on before it sees the other at work."""
    begun, in_hand = ([threading.Event() for _ in range(10)] for _ in range(2))

    def source() -> Iterator[int]:
        for index in range(10):
            begun[index].set()
            if index:
                assert in_hand[index - 1].wait(60)
            yield index

    for index in ahead(source(), 2):
        in_hand[index].set()
        if index < 9:
            assert begun[index + 1].wait(60)


def test_work_that_ends_in_any_order_comes_in_that_of_the_items():
    delays = random.Random(0).choices([0.0, 0.002, 0.01], k=60)

    def work(index: int) -> int:
        time.sleep(delays[index])
        return index * index

    with ThreadPoolExecutor(4) as pool:
        assert list(in_order(pool, work, range(60), 5)) == [index * index for index in range(60)]


def test_work_is_bounded_and_its_errors_come_out():
    source = Source(100)

    def work(index: int) -> int:
        if index == 5:
            raise ValueError("five")
        return index

    with ThreadPoolExecutor(2) as pool:
        items = in_order(pool, work, source, 3)
        assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
        assert source.taken <= 8
        with pytest.raises(ValueError, match="five"):
            next(items)
    assert source.closed


def test_stages_that_are_left_close_those_before_them():
    source = Source(1000)
    with ThreadPoolExecutor(2) as pool:
        items = ahead(in_order(pool, lambda each: each, ahead(source, 2), 2), 2)
        assert next(items) == 0
        items.close()
        assert source.closed
