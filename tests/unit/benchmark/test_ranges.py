from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from omz.benchmark.ranges import median_range, percentile


@pytest.mark.parametrize("count", [1, 2, 5, 6, 8, 12, 13, 40])
def test_the_ends_are_those_of_the_sign_test(count):
    found = median_range([float(value) for value in range(1, count + 1)])
    cut = int(stats.binom.ppf(0.025, count, 0.5))
    while cut and stats.binom.cdf(cut - 1, count, 0.5) > 0.025:
        cut -= 1
    assert found.median == pytest.approx(np.median(np.arange(1, count + 1)))
    assert found.has_ends == (cut > 0) == (count >= 6)
    if found.has_ends:
        assert (found.low, found.high) == (cut, count + 1 - cut)


@pytest.mark.parametrize("noise", ["normal", "heavy", "skewed"])
def test_a_range_seldom_leaves_out_the_truth_whatever_the_noise(noise):
    generator = np.random.default_rng(0)
    draws = {
        "normal": generator.normal(size=(2000, 12)),
        "heavy": generator.standard_cauchy((2000, 12)),
        "skewed": np.exp(generator.normal(size=(2000, 12))) - 1,
    }[noise]
    missed = sum(not (found.low <= 0 <= found.high) for found in map(median_range, draws.tolist()))
    assert missed / 2000 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


def test_a_difference_is_clear_only_beyond_one():
    assert median_range([1.1] * 12).is_clear
    assert median_range([0.9] * 12).is_clear
    assert not median_range([0.9, 1.1] * 6).is_clear
    assert not median_range([2.0] * 5).is_clear  # too few


def test_percentiles_are_nearest_ranks():
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, each) for each in (50, 90, 99)] == [50, 90, 99]
    assert percentile([3.0], 99) == 3
