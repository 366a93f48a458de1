"""The hint of a run that stops: what stays, and how to go on."""

from __future__ import annotations

import pytest

from omz.cutout.observer import Observer
from omz.cutout.summary import Tally


@pytest.mark.parametrize(
    ("finished", "hint"),
    [
        ([], ""),
        ([("frames", 0)], "nothing was saved"),
        ([("images", 0), ("frames", 0)], "nothing was saved"),
        ([("frames", 1)], "1 frame is finished; add --resume to go on"),
        ([("frames", 5), ("frames", 10)], "15 frames are finished; add --resume to go on"),
        ([("images", 0), ("frames", 3)], "3 frames are finished; add --resume to go on"),
        ([("images", 1), ("frames", 3)], "1 image and 3 frames are finished; add --resume to go on"),
    ],
)
def test_the_hint_counts_what_a_later_run_can_use(finished, hint):
    tally = Tally(Observer())
    for what, count in finished:
        tally.finish(what, count)
    assert tally.hint == hint
