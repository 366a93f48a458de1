"""Differences pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating] | NDArray[np.unsignedinteger]
"""Numbers from 0 to 1, or levels from 0 to the highest of their type."""

Region = NDArray[np.bool_]

_BAND = 1 << 15  # numbers


def mad(predicted: Values, truth: Values, region: Region | None = None) -> float:
    """Return the mean absolute difference of two alphas, or of two foregrounds."""
    return _sum(np.abs, predicted, truth, region) / _count(truth, region)


def mse(predicted: Values, truth: Values, region: Region | None = None) -> float:
    """Return the mean squared difference of two alphas, or of two foregrounds."""
    return _sum(np.square, predicted, truth, region) / _count(truth, region)


def sad(predicted: Values, truth: Values, region: Region | None = None) -> float:
    """Return the summed absolute difference of two alphas; depends on the picture's size."""
    return _sum(np.abs, predicted, truth, region)


def _sum(of: np.ufunc, predicted: Values, truth: Values, region: Region | None) -> float:
    """Return the sum of a function of all differences, a few rows at a time, which stay in a processor's cache."""
    check_shapes(predicted, truth, region)
    rows = max(1, _BAND // max(1, truth[:1].size))
    sums = []
    for first in range(0, truth.shape[0], rows):
        band = np.s_[first : first + rows]
        found = difference(predicted[band], truth[band], None if region is None else region[band])
        sums.append(float(of(found, out=found).sum()))
    return math.fsum(sums) if np.isfinite(sums).all() else sum(sums)


def _count(truth: Values, region: Region | None) -> float:
    """Return how many numbers count; NaN for none, which have no mean."""
    whole = truth.size
    if region is not None:
        whole = int(np.count_nonzero(region)) * (truth.size // region.size if region.size else 1)
    return whole or math.nan


def difference(predicted: Values, truth: Values, region: Region | None = None) -> NDArray[np.float64]:
    """Return ``predicted - truth`` in float64; with a region, one value a pixel in it, or one row of colours.

    Raises :class:`ValueError` where shapes differ.
    """
    check_shapes(predicted, truth, region)
    if region is not None:
        predicted, truth = _inside(predicted, region), _inside(truth, region)
    return unit(predicted) - unit(truth)


def unit(values: Values) -> NDArray[np.float64]:
    """Return numbers from 0 to 1 in float64: floating ones as they are, levels divided by the highest of their type.

    Raises :class:`TypeError` for signed integers, whose highest level nobody knows.
    """
    if values.dtype.kind == "f":
        return values.astype(np.float64, copy=False)
    if values.dtype.kind == "u":
        return values / np.float64(2 ** (8 * values.dtype.itemsize) - 1)
    raise TypeError(f"{values.dtype} is neither floating, 0 to 1, nor levels, uint8 or uint16")


def check_shapes(predicted: Values, truth: Values, region: Region | None = None) -> None:
    """Raise :class:`ValueError` where shapes differ, for numpy would stretch one to the other in silence."""
    if predicted.shape != truth.shape:
        raise ValueError(f"shapes differ: {predicted.shape} predicted, {truth.shape} true")
    if region is not None and region.shape != truth.shape[:2]:
        raise ValueError(f"shapes differ: {region.shape} region, {truth.shape} true")


def _inside(values: Values, region: Region) -> Values:
    """Return what ``values[region]`` does; with colours, this is three times as fast."""
    return values.reshape(region.size, *values.shape[2:]).compress(region.ravel(), axis=0)


def dtssd(
    predicted: Values, before: Values, truth: Values, truth_before: Values, region: Region | None = None
) -> float:
    """Return the root mean squared difference of what two alphas change from one frame to the next.

    Erofeev et al., "Perceptually Motivated Benchmark for Video Matting", 2015. Raises :class:`ValueError` where shapes
    differ, those of the two frames included. ``region`` is that of the later frame.
    """
    check_shapes(before, truth)
    flicker = difference(predicted, truth, region) - difference(before, truth_before, region)
    return float(np.sqrt(np.square(flicker).mean()))
