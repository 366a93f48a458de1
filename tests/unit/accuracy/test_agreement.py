from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.accuracy.agreement import agreement, agreements, pooled
from omz.errors import DataError


@given(st.integers(0, 1000), st.floats(1e-4, 0.5))
def test_figures_are_those_of_numpy(seed, spread):
    rng = np.random.default_rng(seed)
    reference = rng.random((1, 3, 20, 30)).astype(np.float32)
    found = (reference + spread * rng.standard_normal(reference.shape)).astype(np.float32)
    difference = np.abs(reference.astype(float) - found.astype(float))
    result = agreement(reference, found)
    assert result.largest == difference.max()
    assert result.mean == pytest.approx(difference.mean(), rel=1e-12)
    assert result.p99_9 == pytest.approx(np.percentile(difference, 99.9), rel=1e-7)  # sorted in float32
    assert result.psnr == pytest.approx(-10 * math.log10((difference**2).mean()), rel=1e-9)
    assert result.beyond_a_level == (difference > 1 / 255).mean()
    assert not result.exact


def test_the_same_is_exact_and_has_no_noise():
    values = np.array([0.5, np.nan, np.inf], np.float32)
    result = agreement(values, values.copy())
    assert (result.exact, result.largest, result.psnr, result.not_finite) == (True, 0.0, None, 0)


def test_what_is_no_number_is_counted_and_spoils_nothing():
    result = agreement(np.zeros(4), np.array([0.25, np.nan, np.inf, 0]))
    assert (result.not_finite, result.largest, result.exact) == (2, 0.25, False)
    assert result.mean == 0.125


def test_other_shapes_are_an_error():
    with pytest.raises(DataError, match="nothing to compare"):
        agreement(np.zeros((1, 3)), np.zeros((3, 1)))


def test_outputs_that_both_have_are_compared():
    assert list(agreements({"pha": np.zeros(2), "err": np.zeros(2)}, {"fgr": np.zeros(2), "pha": np.ones(2)})) == [
        "pha"
    ]


def test_frames_together():
    frames = [agreement(np.zeros(100), np.full(100, value)) for value in (0.0, 0.1, 0.3)]
    together = pooled(frames)
    assert together.largest == together.p99_9 == 0.3
    assert together.mean == pytest.approx(0.4 / 3)
    assert together.psnr == pytest.approx(-10 * math.log10(0.1 / 3))
    assert together.beyond_a_level == pytest.approx(2 / 3)
    assert not together.exact
