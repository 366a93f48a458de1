"""The reference vector of the conventions, and an independent implementation with SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from omz.accuracy.metrics import alpha_grad, alpha_mad, alpha_mse, foreground_mse


@pytest.fixture(scope="module")
def reference() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:48, :64]
    truth = np.clip(330 - ((x - 52) ** 2 + (y - 24) ** 2), 0, 255)
    predicted = np.clip(9 * (300 - ((x - 54) ** 2 + (y - 23) ** 2)) // 10, 0, 230)
    predicted[20:28, 44:56] = 153
    assert (truth.sum(), predicted.sum()) == (151376, 104955)
    return predicted / 255, truth / 255


def test_the_reference_vector(reference):
    predicted, truth = reference
    assert alpha_mad(predicted, truth) == pytest.approx(61.0153697, abs=5e-8)
    assert alpha_mse(predicted, truth) == pytest.approx(17.4245232, abs=5e-8)
    assert alpha_grad(predicted, truth) == pytest.approx(0.1358332, abs=5e-8)
    colours = [np.dstack([alpha] * 3) for alpha in reference]
    assert foreground_mse(*colours, truth) == pytest.approx(59.1864259, abs=5e-8)


def gradient_by_full_convolution(alpha: np.ndarray) -> np.ndarray:
    x = np.arange(-4, 5)
    gaussian = np.exp(-(x**2) / (2 * 1.4**2)) / (1.4 * math.sqrt(2 * math.pi))
    kernel = np.outer(gaussian, -x * gaussian / 1.4**2)
    kernel /= math.sqrt((kernel**2).sum())
    along = [ndimage.convolve(alpha, k, mode="reflect") for k in (kernel, kernel.T)]
    return np.sqrt(along[0] ** 2 + along[1] ** 2)


@settings(max_examples=25)
@given(st.integers(9, 60), st.integers(9, 60), st.integers(0, 1000))
def test_against_scipy(height, width, seed):
    rng = np.random.default_rng(seed)
    predicted, truth = rng.random((height, width)), rng.random((height, width))
    expected = ((gradient_by_full_convolution(predicted) - gradient_by_full_convolution(truth)) ** 2).sum() / 1000
    assert alpha_grad(predicted, truth) == pytest.approx(expected, rel=1e-9)
    assert alpha_mad(predicted, truth) == pytest.approx(1000 * np.abs(predicted - truth).mean(), rel=1e-12)
    assert alpha_mse(predicted, truth) == pytest.approx(1000 * ((predicted - truth) ** 2).mean(), rel=1e-12)


@given(st.integers(0, 1000))
def test_a_perfect_matte_scores_zero(seed):
    rng = np.random.default_rng(seed)
    alpha, colours = rng.random((12, 17)), rng.random((12, 17, 3))
    assert alpha_mad(alpha, alpha) == alpha_mse(alpha, alpha) == alpha_grad(alpha, alpha) == 0
    assert foreground_mse(colours, colours, alpha) == 0


def test_foreground_counts_where_there_is_any():
    truth, predicted = np.zeros((4, 4, 3)), np.ones((4, 4, 3))
    alpha = np.zeros((4, 4))
    assert math.isnan(foreground_mse(predicted, truth, alpha))
    alpha[0, 0] = 0.011
    predicted[0, 0] = 0.5
    assert foreground_mse(predicted, truth, alpha) == pytest.approx(250)


def test_float32_and_float64_agree():
    rng = np.random.default_rng(0)
    predicted, truth = rng.random((90, 160), np.float32), rng.random((90, 160), np.float32)
    for metric in (alpha_mad, alpha_mse, alpha_grad):
        assert metric(predicted, truth) == pytest.approx(
            metric(predicted.astype(float), truth.astype(float)), rel=1e-12
        )


def test_shapes_must_match():
    for metric in (alpha_mad, alpha_mse, alpha_grad):
        with pytest.raises(ValueError, match="shapes differ"):
            metric(np.zeros((4, 5)), np.zeros((5, 4)))
