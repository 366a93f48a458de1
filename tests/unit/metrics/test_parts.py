"""Against loops over pixels, and by what parts of a whole have to add up to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.alphas import pairs, reference_levels
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.metrics.differences import mad
from omz.metrics.parts import ghosts, holes, part_of_mad
from omz.metrics.regions import background, hair_band, subject

PARTS = (subject, background, hair_band)


def share_by_loops(predicted: np.ndarray, truth: np.ndarray, region: np.ndarray, lost: bool) -> float:
    counted = found = 0
    for here, true, counts in zip(predicted.flat, truth.flat, region.flat, strict=True):
        if counts and (true >= 0.99 if lost else true <= 0.01):
            counted += 1
            found += here < 0.9 if lost else here > 0.1
    return found / counted if counted else math.nan


def wide(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a pair with much that is quite opaque and quite empty."""
    predicted, truth = (np.clip(2 * each - 0.5, 0, 1) for each in pair)
    return predicted, truth


@settings(max_examples=40)
@given(pairs(), st.integers(0, 1000), st.sampled_from([0, 0.3, 1]))
def test_holes_and_ghosts_by_loops(pair, seed, share):
    predicted, truth = wide(pair)
    region = np.random.default_rng(seed).random(truth.shape) < share
    for measured, lost in ((holes, True), (ghosts, False)):
        expected = share_by_loops(predicted, truth, region, lost)
        assert measured(predicted, truth, region) == pytest.approx(expected, nan_ok=True)
        whole = share_by_loops(predicted, truth, np.ones(truth.shape, bool), lost)
        assert measured(predicted, truth) == pytest.approx(whole, nan_ok=True)


@settings(max_examples=40)
@given(pairs(), st.integers(0, 1000))
def test_parts_of_the_mean_add_up_to_it(pair, seed):
    predicted, truth = wide(pair)
    region = np.random.default_rng(seed).random(truth.shape) < 0.5
    region[0, 0] = True
    for counted in (None, region):
        added = math.fsum(part_of_mad(predicted, truth, part(truth), counted) for part in PARTS)
        assert added == pytest.approx(mad(predicted, truth, counted), abs=1e-12)


@settings(max_examples=20)
@given(pairs())
def test_each_pixel_is_in_one_part(pair):
    np.testing.assert_array_equal(sum(part(wide(pair)[1]).astype(int) for part in PARTS), 1)


@pytest.mark.parametrize("highest", [255, 65535])
def test_limits_are_those_of_levels_and_of_shares(highest):
    kind = np.uint8 if highest == 255 else np.uint16
    truth = np.arange(highest + 1).astype(kind)[None]
    share = truth / highest
    for part in PARTS:
        np.testing.assert_array_equal(part(truth), part(share))
    assert np.flatnonzero(hair_band(truth)[0])[[0, -1]].tolist() == [
        math.floor(0.01 * highest) + 1,
        math.ceil(0.99 * highest) - 1,
    ]


def test_the_reference_vector_in_levels_and_in_shares():
    predicted, truth = reference_levels()
    assert holes(predicted, truth) == holes(predicted / 255, truth / 255) > 0
    assert ghosts(255 - predicted, truth) == ghosts(1 - predicted / 255, truth / 255) > 0


def test_limits_belong_to_neither_a_hole_nor_a_ghost():
    assert holes(np.array([[0.9]]), np.array([[0.99]])) == 0
    assert ghosts(np.array([[0.1]]), np.array([[0.01]])) == 0
    assert holes(np.array([[0.8999]]), np.array([[0.99]])) == ghosts(np.array([[0.1001]]), np.array([[0.01]])) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_told_in_its_part_alone(value):
    truth = np.array([[0.0, 1.0]])
    assert math.isnan(holes(np.array([[0.0, value]]), truth))
    assert math.isnan(ghosts(np.array([[value, 1.0]]), truth))
    assert ghosts(np.array([[0.0, value]]), truth) == holes(np.array([[value, 1.0]]), truth) == 0


def test_a_share_of_nothing_is_no_number():
    truth = np.array([[0.0, 1.0]])
    assert math.isnan(holes(truth, np.zeros((1, 2))))
    assert math.isnan(part_of_mad(truth, truth, subject(truth), np.zeros((1, 2), bool)))


def test_other_shapes_are_refused():
    for measured in (holes, ghosts):
        with pytest.raises(ValueError, match="shapes differ"):
            measured(np.zeros((2, 3)), np.zeros((3, 2)))
