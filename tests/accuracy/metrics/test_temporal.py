from __future__ import annotations

import math

import numpy as np
import pytest
from alphas import pairs, reference_levels
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.accuracy.metrics.temporal import dtssd


@settings(max_examples=30)
@given(pairs(), st.integers(0, 1000))
def test_against_loops(pair, seed):
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


def test_types_agree():
    levels = np.random.default_rng(0).integers(0, 256, (4, 20, 30), np.uint8)
    expected = dtssd(*(levels / 255))
    assert dtssd(*levels) == pytest.approx(expected, rel=1e-12)
    assert dtssd(*(levels / 255).astype(np.float32)) == pytest.approx(expected, rel=1e-6)


def test_a_nan_makes_the_figure_nan():
    alphas = np.random.default_rng(0).random((4, 9, 12))
    for place in range(4):
        broken = alphas.copy()
        broken[place, 3, 3] = math.nan
        assert math.isnan(dtssd(*broken))


def test_shapes_that_numpy_would_stretch_are_refused():
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
