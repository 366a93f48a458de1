from __future__ import annotations

import numpy as np
import pytest

from omz.runtime.differences import differences


@pytest.mark.parametrize("sizes", [[1], [7, 3], [16384, 16385], [40000, 1, 5]])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_several_runs_count_as_one_row_of_numbers(sizes, kind):
    rng = np.random.default_rng(sum(sizes))
    expected = [rng.normal(size=size).astype(kind) for size in sizes]
    found = [each + rng.normal(scale=0.01, size=each.shape).astype(kind) for each in expected]
    wanted = np.abs(np.concatenate(expected).astype(np.float64) - np.concatenate(found))
    measured = differences(expected, found)
    assert measured.largest == wanted.max()
    assert measured.mean == pytest.approx(wanted.mean(), rel=1e-12)
    assert measured.mean_squared == pytest.approx((wanted**2).mean(), rel=1e-12)
    assert measured.p99_9 == pytest.approx(np.percentile(wanted, 99.9), rel=1e-7)  # sorted in float32
    assert measured.beyond_a_level == (wanted > 1 / 255).mean()
    assert (measured.exact, measured.not_finite) == (False, 0)
    assert measured.lowest == min(0, *(each.min() for each in expected))
    assert measured.highest == max(0, *(each.max() for each in expected))


def test_the_same_is_exact():
    values = np.array([0.5, np.nan, np.inf, -np.inf, 1e300])
    measured = differences([values], [values.copy()])
    assert (measured.exact, measured.largest, measured.not_finite, measured.highest) == (True, 0, 0, 0.5)
    assert not differences([values], [values + np.array([1e-16, 0, 0, 0, 1e290])]).exact


def test_what_is_a_number_in_one_alone_is_counted():
    measured = differences([np.array([1.0, np.nan, np.inf, 0.0])], [np.array([1.5, 0.0, -np.inf, np.nan])])
    assert (measured.not_finite, measured.largest, measured.mean) == (3, 0.5, 0.5)


def test_of_nothing_there_is_no_difference():
    measured = differences([np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)])
    assert (measured.largest, measured.mean, measured.p99_9, measured.exact) == (0, 0, 0, True)


def test_other_shapes_are_an_error():
    with pytest.raises(ValueError, match=r"has the shape \[3\], not \[3, 1\]"):
        differences([np.zeros((3, 1))], [np.zeros(3)])
