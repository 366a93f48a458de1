"""Alphas to try metrics on, and the reference vector of the specification."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import ndimage

Pair = tuple[np.ndarray, np.ndarray]


def reference_levels() -> Pair:
    """Return the predicted and the true alpha of the reference vector, 48x64, as levels in uint8."""
    y, x = np.mgrid[:48, :64]
    truth = np.clip(330 - ((x - 52) ** 2 + (y - 24) ** 2), 0, 255)
    predicted = np.clip(9 * (300 - ((x - 54) ** 2 + (y - 23) ** 2)) // 10, 0, 230)
    predicted[20:28, 44:56] = 153
    assert (truth.sum(), predicted.sum()) == (151376, 104955)
    return predicted.astype(np.uint8), truth.astype(np.uint8)


def _noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.random(shape)


def _blobs(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    smooth = ndimage.gaussian_filter(rng.random(shape), rng.uniform(0.5, 4))
    return np.clip((smooth - smooth.mean()) / (smooth.std() + 1e-9) * rng.uniform(0.2, 1) + 0.5, 0, 1)


def _few_levels(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.integers(0, 11, shape) / 10


def _tenths_in_levels(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.choice([0, 25, 26, 51, 76, 77, 102, 127, 128, 153, 178, 179, 204, 229, 230, 255], shape) / 255


def _constant(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return np.full(shape, rng.choice([0, 0.3, 1]))


@st.composite
def pairs(draw: st.DrawFn, smallest: int = 9) -> Pair:
    """Draw a predicted and a true alpha, float64, 0 to 1, in some cases of 256 levels."""
    shape = draw(st.integers(smallest, 60)), draw(st.integers(smallest, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = st.sampled_from([_noise, _blobs, _few_levels, _tenths_in_levels, _constant])
    predicted, truth = (draw(kinds)(rng, shape) for _ in range(2))
    if draw(st.booleans()):  # close to each other, as mattes are
        predicted = np.clip(0.9 * truth + 0.1 * predicted, 0, 1)
    return (
        tuple(np.rint(255 * each) / 255 for each in (predicted, truth)) if draw(st.booleans()) else (predicted, truth)
    )
