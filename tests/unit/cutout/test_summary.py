"""The hint of a run that stops: what stays, and how to go on; what was done to plates and alphas, in words."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from omz.cutout.observer import Observer
from omz.cutout.summary import Tally
from omz.cutout.tallies import PlateTally, RepairTally
from omz.images.refining.repairs import NOTHING, Repairs
from omz.matting.frames import Frame, MattedFrame
from omz.matting.plate_fitting import Fitted, Fitting


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


def fitted(shift: float = 0.0, gain: float = 1.0, blue: float | None = None) -> Fitted:
    homography = np.eye(3) if shift else None
    gains = (blue or gain, gain, gain)
    return Fitted(np.zeros((1, 1, 3), np.uint8), (), "", Fitting(gains, homography), shift)


@pytest.mark.parametrize(
    ("plates", "lines"),
    [
        ([fitted()], ()),
        ([fitted(27.2)], ("the camera moved by 27 px; corrected",)),
        ([fitted(2.24)], ("the camera moved by 2.2 px; corrected",)),
        ([fitted(3.0), fitted(27.2), fitted()], ("the camera moved by up to 27 px (2 of 3); corrected",)),
        ([fitted(3.0), fitted(27.2)], ("the camera moved by up to 27 px; corrected",)),
        ([fitted(gain=1.26)], ("the plate was 26% darker than the image; matched",)),
        ([fitted(gain=0.9)], ("the plate was 10% brighter than the image; matched",)),
        ([fitted(blue=1.03)], ("the plate was of another white balance than the image; matched",)),
    ],
)
def test_what_was_done_to_plates_is_said(plates, lines):
    tally = PlateTally()
    for each in plates:
        tally.add(each)
    assert tally.lines == lines


def repaired(repairs: Repairs, shadow: float = 0.0) -> MattedFrame:
    """Return a frame with these repairs, in which a ``shadow`` covers this share of the image."""
    picture, kept = np.zeros((20, 50, 3), np.uint8), np.zeros(1000, np.uint8)
    kept[: round(1000 * shadow)] = 255
    return MattedFrame(Frame(0, picture), picture[..., 0], picture, shadow=kept.reshape(20, 50), repairs=repairs)


@pytest.mark.parametrize(
    ("frames", "lines"),
    [
        ([repaired(NOTHING)], ()),
        (
            [repaired(Repairs(2, 0.004, 1, 0.001, 0.01), 0.25)],
            (
                "filled 2 holes (0.4% of the subject)",
                "dropped 1 island (0.1% of the subject)",
                "took a shadow out of alpha (1.0% of the image)",
                "kept a shadow (25.0% of the image)",
            ),
        ),
        (
            [repaired(Repairs(3, 0.005, shadow=0.02)), repaired(Repairs(1, 0.001), 0.1), repaired(NOTHING, 0.05)],
            (
                "filled up to 3 holes (0.5% of the subject; in 2 of 3 images)",
                "took a shadow out of alpha (up to 2.0% of the image; in 1 of 3 images)",
                "kept a shadow (up to 10.0% of the image; in 2 of 3 images)",
            ),
        ),
    ],
)
def test_what_was_repaired_is_said(frames, lines):
    tally = RepairTally()
    for each in frames:
        tally.add(each)
    assert tally.lines == lines


def test_the_tally_of_another_process_is_gone_on_with():
    whole, parts = Tally(Observer()), [Tally(Observer()), Tally(Observer())]
    for number, (warning, size) in enumerate([("a", (3, 4)), ("b", (5, 6)), ("a", (3, 4))]):
        for tally in (whole, parts[number % 2]):
            tally.warn(warning)
            tally.sizes[size] = None
            tally.watch.add("decode", 0.5 + number)
    merged = Tally(Observer())
    for part in parts:
        merged.include(pickle.loads(pickle.dumps(part.account)))
    assert merged.account == whole.account
