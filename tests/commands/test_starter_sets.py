"""The frozen sets on which the starter is scored: the same on every run, and what they are called after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import starter_sets
from helpers.layers import small_cache
from starter_quality import FIGURES, figures
from starter_sets import FrameSet, lemur_sets, staged_sets

from omz.accuracy.conventions import ScoredFrame

LEMUR = Path(__file__).parents[3] / "shared" / "samples" / "lemur"


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> dict[str, FrameSet]:
    cache = small_cache(tmp_path_factory.mktemp("layers") / "cache")
    return {each.name: replace(each, count=2) for each in staged_sets(cache)}


def test_a_set_is_the_same_on_every_run(sets):
    digests = {name: each.digest() for name, each in sets.items()}
    assert digests == {name: each.digest() for name, each in sets.items()}
    assert len(set(digests.values())) == len(sets) == 6


def test_frames_are_as_large_as_a_video(sets):
    for frames in sets.values():
        frame = frames.make(0)
        assert frame.picture.shape == frame.plate.shape == (720, 1280, 3)
        assert frame.alpha.dtype == np.float32


def test_hand_held_frames_are_the_registered_ones_but_for_the_plate(sets):
    still, shaken = sets["registered"].make(1), sets["hand-held"].make(1)
    np.testing.assert_array_equal(still.picture, shaken.picture)
    np.testing.assert_array_equal(still.alpha, shaken.alpha)
    assert np.abs(still.plate.astype(int) - shaken.plate).mean() > 1


def test_alpha_in_the_shadow_is_a_figure_of_the_shadow_set_alone(sets):
    frame = sets["shadow"].make(0)
    assert frame.shadow is not None
    assert 0.001 < frame.shadow.mean() < 0.2
    assert frame.alpha[frame.shadow].max() <= 0.01
    lost = np.maximum(frame.alpha, 0.5 * frame.shadow)
    found = figures(ScoredFrame(lost, frame.alpha), frame)
    assert found["in shadow"] == pytest.approx(50)
    levels = np.full(lost.shape, 51, np.uint8)
    assert figures(ScoredFrame(levels, frame.alpha), frame)["in shadow"] == pytest.approx(20)
    assert set(found) <= set(FIGURES)
    assert "in shadow" not in figures(ScoredFrame(lost, frame.alpha), replace(frame, shadow=None))


def test_a_person_of_the_test_series_is_in_no_training():
    assert starter_sets.PLAN.series != starter_sets.CachePlan(1, 1, 1).series


@pytest.mark.skipif(not LEMUR.is_dir(), reason="the sample pictures are not at hand")
def test_the_real_subject_is_at_every_width():
    sets = lemur_sets(LEMUR, (480, 1280))
    assert [each.name for each in sets] == ["lemur clean 480", "lemur clean 1280", "lemur real 480", "lemur real 1280"]
    assert sets[0].make(0).picture.shape == (270, 480, 3)
    assert sets[3].digest() == sets[3].digest()
