"""Results that come as they end, brought in order."""

from __future__ import annotations

import random

import pytest

from omz.work.units import in_turn


@pytest.mark.parametrize("first", [0, 7])
def test_items_come_in_the_order_of_their_places(first):
    places = [*range(first, first + 50)]
    random.Random(3).shuffle(places)
    assert [*in_turn(({place: str(place)} for place in places), first)] == [str(each) for each in sorted(places)]


def test_an_item_comes_as_soon_as_those_before_it_are_there():
    given = []

    def results():
        for result in ({1: "b"}, {0: "a", 2: "c"}, {4: "e"}, {3: "d"}):
            given.append(result)
            yield result

    seen = []
    for item in in_turn(results()):
        seen.append((item, len(given)))
    assert seen == [("a", 2), ("b", 2), ("c", 2), ("d", 4), ("e", 4)]
