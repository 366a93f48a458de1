"""Frames of a dataset as units of work."""

from __future__ import annotations

import pytest

from omz.accuracy.datasets.sample import Entry
from omz.accuracy.frame_work import FrameUnit, frame_units, rest


def entries(*places: tuple[str, int]) -> list[Entry]:
    return [Entry(f"{clip}/{index}", clip, index, {}) for clip, index in places]


FRAMES = entries(("a", 0), ("a", 1), ("a", 2), ("a", 4), ("a", 5), ("b", 0), ("b", 1), ("", 0), ("", 0))


@pytest.mark.parametrize(
    ("known", "remembers", "looks_back", "first"),
    [
        (0, True, True, 0),
        (2, False, False, 2),
        (2, False, True, 1),
        (2, True, False, 0),
        (2, True, True, 0),
        (3, True, True, 3),  # a gap in the clip
        (4, True, True, 3),
        (4, False, True, 3),
        (5, True, True, 5),  # a clip of its own
        (6, True, True, 5),
        (8, True, True, 8),  # pictures of no clip
        (9, True, True, 9),
    ],
)
def test_what_a_frame_depends_on_is_run_again(known, remembers, looks_back, first):
    assert rest(FRAMES, known, remembers, looks_back) == FRAMES[first:]


@pytest.mark.parametrize(
    ("done", "remembers", "expected"),
    [
        ((), False, [(place, place + 1) for place in range(9)]),
        (range(7), False, [(7, 8), (8, 9)]),
        ((0, 1, 2, 4, 5, 7, 8), False, [(3, 4), (6, 7)]),
        ((), True, [(0, 3), (3, 5), (5, 7), (7, 8), (8, 9)]),  # clips, parts of one after a gap, and images
        ((0,), True, [(1, 3), (3, 5), (5, 7), (7, 8), (8, 9)]),
        ((0, 1, 2, 5, 6, 8), True, [(3, 5), (7, 8)]),
        (range(9), True, []),
    ],
)
def test_a_unit_is_a_frame_or_a_clip_that_a_model_remembers(done, remembers, expected):
    assert list(frame_units(FRAMES, done, remembers)) == [FrameUnit(*each) for each in expected]


def test_no_frames_are_no_units():
    assert not list(frame_units([], (), remembers=True))
