from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from omz.benchmark.pareto import Point, front

numbers = some.integers(1, 6)


@given(some.lists(some.tuples(numbers, numbers), min_size=1, max_size=12))
def test_the_front_has_all_that_nothing_beats(pairs):
    points = [Point(number, *map(float, pair)) for number, pair in enumerate(pairs)]

    def beats(one: Point, other: Point) -> bool:
        no_worse = one.milliseconds <= other.milliseconds and one.error <= other.error
        return no_worse and (one.milliseconds, one.error) != (other.milliseconds, other.error)

    unbeaten = {(each.milliseconds, each.error) for each in points if not any(beats(other, each) for other in points)}
    assert {(each.milliseconds, each.error) for each in front(points)} == unbeaten
