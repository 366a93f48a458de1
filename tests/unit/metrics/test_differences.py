from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.alphas import pairs, reference_levels
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.metrics.differences import difference, dtssd, mad, mse, sad, unit

METRICS = (mad, mse, sad)


@settings(max_examples=40)
@given(pairs(), st.integers(0, 1000), st.floats(0, 1))
def test_against_loops(pair, seed, share):
    predicted, truth = pair
    region = np.random.default_rng(seed).random(truth.shape) < share
    for mask in (None, region):
        errors = [
            p - t
            for p, t, counts in zip(predicted.flat, truth.flat, (region | (mask is None)).flat, strict=True)
            if counts
        ]
        total = math.fsum(map(abs, errors))
        assert sad(predicted, truth, mask) == pytest.approx(total, rel=1e-9)
        if errors:
            assert mad(predicted, truth, mask) == pytest.approx(total / len(errors), rel=1e-9)
            squares = math.fsum(error**2 for error in errors)
            assert mse(predicted, truth, mask) == pytest.approx(squares / len(errors), rel=1e-9)


@given(st.integers(0, 1000))
def test_colours_of_a_region(seed):
    rng = np.random.default_rng(seed)
    predicted, truth, region = rng.random((9, 12, 3)), rng.random((9, 12, 3)), rng.random((9, 12)) < 0.3
    rows = [predicted[y, x] - truth[y, x] for y, x in np.argwhere(region)]
    assert mse(predicted, truth, region) == pytest.approx(np.mean(np.square(rows)), rel=1e-12)
    assert mad(predicted, truth, region) == pytest.approx(np.mean(np.abs(rows)), rel=1e-12)
    np.testing.assert_array_equal(difference(predicted, truth, region), rows)
    turned = (predicted.transpose(1, 0, 2), truth.transpose(1, 0, 2), region.T)
    assert mse(*turned) == pytest.approx(mse(predicted, truth, region), rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_perfect_matte_scores_zero(metric):
    alpha = np.random.default_rng(0).random((12, 17))
    assert metric(alpha, alpha) == 0


def test_a_mean_over_nothing_is_not_a_number_and_a_sum_is_zero():
    alpha, nothing = np.ones((4, 4)), np.zeros((4, 4), bool)
    assert math.isnan(mad(alpha, alpha, nothing))
    assert math.isnan(mse(alpha, alpha, nothing))
    assert sad(alpha, alpha, nothing) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_shapes_that_numpy_would_stretch_are_refused(metric):
    alpha = np.zeros((4, 5))
    for other in (np.zeros((5, 4)), np.zeros((1, 5)), np.zeros((4, 1)), np.zeros(5), np.zeros((4, 5, 1))):
        with pytest.raises(ValueError, match="shapes differ"):
            metric(other, alpha)
        with pytest.raises(ValueError, match="shapes differ"):
            metric(alpha, other)
    for region in (np.ones((1, 5), bool), np.ones(4, bool), np.ones((5, 4), bool)):
        with pytest.raises(ValueError, match="shapes differ"):
            metric(alpha, alpha, region)


@pytest.mark.parametrize("metric", METRICS)
def test_a_nan_that_counts_makes_the_figure_nan(metric):
    truth = np.random.default_rng(0).random((9, 9))
    for broken, told in ((math.nan, math.isnan), (math.inf, math.isinf)):
        predicted = truth.copy()
        predicted[4, 4] = broken
        assert told(metric(predicted, truth))
        region = np.ones((9, 9), bool)
        assert told(metric(predicted, truth, region))
        region[4, 4] = False
        assert metric(predicted, truth, region) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_predictions_beyond_0_and_1_count_in_full(metric):
    assert metric(np.full((2, 2), 3.0), np.ones((2, 2))) == pytest.approx({mad: 2, mse: 4, sad: 8}[metric])
    assert metric(np.full((2, 2), -1.0), np.ones((2, 2))) == pytest.approx({mad: 2, mse: 4, sad: 8}[metric])


@pytest.mark.parametrize("metric", METRICS)
def test_levels_are_what_they_stand_for(metric):
    rng = np.random.default_rng(0)
    levels = [rng.integers(0, 256, (20, 30), np.uint8) for _ in range(2)]
    expected = metric(levels[0] / 255, levels[1] / 255)
    assert metric(*levels) == expected
    assert metric(*(each.astype(np.uint16) * 257 for each in levels)) == pytest.approx(expected, rel=1e-12)
    assert metric(*(each.astype(np.float32) / 255 for each in levels)) == pytest.approx(expected, rel=1e-6)
    assert metric(levels[0], levels[1] / 255) == expected
    with pytest.raises(TypeError, match="int64"):
        metric(levels[0].astype(np.int64), levels[1])


@pytest.mark.parametrize("metric", METRICS)
def test_float32_loses_nothing(metric):
    rng = np.random.default_rng(0)
    predicted, truth = rng.random((2, 400, 400), np.float32)
    expected = metric(predicted.astype(np.float64), truth.astype(np.float64))
    assert metric(predicted, truth) == pytest.approx(expected, rel=1e-12)
    assert metric(predicted, truth.astype(np.float64)) == pytest.approx(expected, rel=1e-12)


def test_units_of_every_type():
    assert unit(np.array([0, 51, 255], np.uint8)).tolist() == [0, 0.2, 1]
    assert unit(np.array([0, 32768, 65535], np.uint16)).tolist() == [0, 32768 / 65535, 1]
    assert unit(np.array([-1, 0.5], np.float16)).tolist() == [-1, 0.5]
    assert unit(np.array([0.5])).dtype == np.float64


@settings(max_examples=30)
@given(pairs(), st.integers(0, 1000))
def test_flicker_against_loops(pair, seed):
    predicted, truth = pair
    before, truth_before = np.random.default_rng(seed).random((2, *truth.shape))
    numbers = zip(predicted.flat, before.flat, truth.flat, truth_before.flat, strict=True)
    squares = [((p - p0) - (t - t0)) ** 2 for p, p0, t, t0 in numbers]
    expected = math.sqrt(math.fsum(squares) / len(squares))
    assert dtssd(predicted, before, truth, truth_before) == pytest.approx(expected, rel=1e-9)


def test_the_reference_vector_and_its_swapped_pair():
    predicted, truth = reference_levels()
    assert dtssd(predicted, truth, truth, predicted) == pytest.approx(0.264003964, abs=5e-10)


def test_what_is_wrong_all_the_time_does_not_flicker():
    truth, truth_before = np.random.default_rng(0).random((2, 9, 12))
    assert dtssd(truth + 0.25, truth_before + 0.25, truth, truth_before) == pytest.approx(0, abs=1e-15)
    assert dtssd(truth + 0.25, truth_before, truth, truth_before) == pytest.approx(0.25)


def test_types_of_flicker_agree():
    levels = np.random.default_rng(0).integers(0, 256, (4, 20, 30), np.uint8)
    expected = dtssd(*(levels / 255))
    assert dtssd(*levels) == pytest.approx(expected, rel=1e-12)
    assert dtssd(*(levels / 255).astype(np.float32)) == pytest.approx(expected, rel=1e-6)


def test_a_nan_makes_flicker_nan():
    alphas = np.random.default_rng(0).random((4, 9, 12))
    for place in range(4):
        broken = alphas.copy()
        broken[place, 3, 3] = math.nan
        assert math.isnan(dtssd(*broken))


def test_shapes_of_flicker_that_numpy_would_stretch_are_refused():
    alpha, line = np.zeros((9, 12)), np.zeros((1, 12))
    for given_shapes in (
        (line, alpha, alpha, alpha),
        (alpha, line, alpha, alpha),
        (alpha, alpha, line, alpha),
        (alpha, alpha, alpha, line),
        (alpha, line, alpha, line),
        (line, alpha, line, alpha),
    ):
        with pytest.raises(ValueError, match="shapes differ"):
            dtssd(*given_shapes)
