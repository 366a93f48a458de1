"""Against an independent implementation: SciPy's convolution with the full kernels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.alphas import pairs, reference_levels
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from omz.metrics.perceptual import gradient_error

SCIPY_MODES = {"symmetric": "reflect", "replicate": "nearest"}
BORDERS = tuple(SCIPY_MODES)


def magnitude_by_full_convolution(alpha: np.ndarray, border: str, normalised: bool) -> np.ndarray:
    if normalised:
        if alpha.min() == alpha.max():
            return np.zeros(alpha.shape)
        alpha = (alpha - alpha.min()) / (alpha.max() - alpha.min())
    x = np.arange(-4, 5)
    gaussian = np.exp(-(x**2) / (2 * 1.4**2)) / (1.4 * math.sqrt(2 * math.pi))
    kernel = np.outer(gaussian, -x * gaussian / 1.4**2)
    kernel /= math.sqrt((kernel**2).sum())
    along = [ndimage.convolve(alpha, k, mode=SCIPY_MODES[border]) for k in (kernel, kernel.T)]
    return np.sqrt(along[0] ** 2 + along[1] ** 2)


def expected_error(predicted, truth, region=None, border="symmetric", normalised=False) -> float:
    one, other = (magnitude_by_full_convolution(each, border, normalised) for each in (predicted, truth))
    return float(((one - other) ** 2)[... if region is None else region].sum())


@settings(max_examples=60)
@given(pairs(), st.sampled_from(BORDERS), st.booleans(), st.integers(0, 1000), st.floats(0, 1))
def test_against_scipy(pair, border, normalised, seed, share):
    region = np.random.default_rng(seed).random(pair[0].shape) < share
    for mask in (None, region):
        expected = expected_error(*pair, mask, border, normalised)
        assert gradient_error(*pair, mask, border, normalised) == pytest.approx(expected, rel=1e-9, abs=1e-20)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (4, 5), (8, 7)])
def test_pictures_smaller_than_the_kernel(shape, border):
    predicted, truth = np.random.default_rng(0).random((2, *shape))
    expected = expected_error(predicted, truth, border=border)
    assert gradient_error(predicted, truth, border=border) == pytest.approx(expected, rel=1e-9, abs=1e-20)


def test_borders_differ_and_neither_leaves_the_edge_pixel_out():
    pair = [levels / 255 for levels in reference_levels()]
    found = {border: gradient_error(*pair, border=border) for border in BORDERS}
    assert found["symmetric"] == pytest.approx(135.8332, abs=5e-5)
    assert found["replicate"] == pytest.approx(136.0980, abs=5e-5)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("level", [0, 0.3, 1])
def test_a_constant_alpha_has_no_edges_stretched_or_not(level, border):
    constant, truth = np.full((20, 30), float(level)), np.random.default_rng(0).random((20, 30))
    black = np.zeros((20, 30))
    for normalised in (False, True):
        expected = gradient_error(black, truth, border=border, normalised=normalised)
        assert gradient_error(constant, truth, border=border, normalised=normalised) == pytest.approx(
            expected, rel=1e-12
        )
        assert gradient_error(constant, black, border=border, normalised=normalised) == pytest.approx(0, abs=1e-25)
        if normalised:
            assert gradient_error(constant, black, border=border, normalised=True) == 0  # not even by rounding


def test_stretching_forgives_contrast_and_brightness():
    alpha = np.random.default_rng(0).random((20, 30))
    assert gradient_error(0.2 + 0.5 * alpha, alpha, normalised=True) == pytest.approx(0, abs=1e-20)
    assert gradient_error(0.2 + 0.5 * alpha, alpha) > 1


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_makes_the_figure_nan(value, normalised):
    truth = np.random.default_rng(0).random((20, 30))
    for position in ((0, 0), (10, 15), (19, 29)):
        predicted = truth.copy()
        predicted[position] = value
        assert math.isnan(gradient_error(predicted, truth, normalised=normalised))
        near = np.zeros(truth.shape, bool)
        near[position] = True
        assert math.isnan(gradient_error(predicted, truth, near, normalised=normalised))
    assert math.isnan(gradient_error(np.full((9, 9), value), np.zeros((9, 9)), normalised=True))


def test_far_from_a_region_a_nan_does_not_count_unless_it_sets_the_range():
    predicted, truth = np.random.default_rng(0).random((2, 20, 30))
    region = np.zeros(truth.shape, bool)
    region[:, 20:] = True
    expected = gradient_error(predicted, truth, region)
    predicted[3, 3] = math.nan
    assert gradient_error(predicted, truth, region) == expected
    assert math.isnan(gradient_error(predicted, truth, region, normalised=True))


@pytest.mark.parametrize("normalised", [False, True])
def test_types_and_memory_layouts_agree(normalised):
    levels = np.random.default_rng(0).integers(0, 256, (2, 40, 60), np.uint8)
    expected = gradient_error(*(levels / 255), normalised=normalised)
    assert gradient_error(*levels, normalised=normalised) == pytest.approx(expected, rel=1e-12)
    assert gradient_error(*levels.astype(np.uint16) * np.uint16(257), normalised=normalised) == pytest.approx(expected)
    assert gradient_error(*(levels / 255).astype(np.float32), normalised=normalised) == pytest.approx(
        expected, rel=1e-6
    )
    turned = (levels / 255).transpose(0, 2, 1)[:, ::-1]
    assert gradient_error(*turned, normalised=normalised) == pytest.approx(expected, rel=1e-12)


def test_float32_loses_nothing():
    predicted, truth = np.random.default_rng(0).random((2, 90, 160), np.float32)
    predicted = truth + np.float32(1e-6) * predicted  # GRAD below 1e-4, where single precision shows
    expected = gradient_error(predicted.astype(np.float64), truth.astype(np.float64))
    assert expected < 1e-4
    assert gradient_error(predicted, truth) == pytest.approx(expected, rel=1e-12)


def test_inputs_stay_as_they_were():
    predicted, truth = np.random.default_rng(0).random((2, 20, 30))
    kept = predicted.copy(), truth.copy()
    gradient_error(predicted, truth, normalised=True)
    np.testing.assert_array_equal((predicted, truth), kept)


def test_shapes_that_numpy_would_stretch_are_refused():
    alpha = np.zeros((12, 15))
    for other in (np.zeros((15, 12)), np.zeros((1, 15)), np.zeros((12, 1))):
        with pytest.raises(ValueError, match="shapes differ"):
            gradient_error(other, alpha)
        with pytest.raises(ValueError, match="shapes differ"):
            gradient_error(alpha, alpha, other.astype(bool))
