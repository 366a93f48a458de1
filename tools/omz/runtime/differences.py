"""How far apart two runs of a model are, number by number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omz.runtime.engine import Tensor

LEVEL = 1 / 255
"""One of the levels that a picture of 8 bits has."""

NO_NUMBER = 3e38
"""What is farther from 0 stands for infinity, in masks."""

_RARE = 99.9  # percent
_LARGEST = float(np.finfo(np.float64).max)
_BLOCK = 1 << 14  # elements


@dataclass(frozen=True)
class Differences:
    """The absolute differences of one output, in its units.

    99.9 percent of the elements are no farther apart than ``p99_9``; ``beyond_a_level`` is the share of those that are
    farther apart than 1/255. ``exact``: no element differs. ``not_finite`` counts those that are a number in one of the
    two only; the other figures leave them out. The expected values, 0 among them, and but for the largest numbers that
    there are, which stand for infinity, go from ``lowest`` to ``highest``.
    """

    largest: float
    mean: float
    mean_squared: float
    p99_9: float
    beyond_a_level: float
    exact: bool
    not_finite: int
    lowest: float
    highest: float


def differences(expected: Sequence[Tensor], found: Sequence[Tensor]) -> Differences:
    """Measure how far one output is from what is expected, over one or several runs.

    Raises :class:`ValueError` where shapes differ.
    """
    kept: list[NDArray[Any]] = [np.empty(0, np.float32)]
    total = squares = largest = low = high = 0.0
    not_finite = beyond = 0
    exact = True
    for source, result in _pieces(expected, found):
        with np.errstate(over="ignore", invalid="ignore"):  # doubles can be too far apart for one
            every = np.abs(source - result)
            finite = np.isfinite(every)
            difference = every[finite]
            total += float(difference.sum())
            squares += float(np.square(difference).sum())
        same = (source == result) | (np.isnan(source) & np.isnan(result))
        exact = exact and bool(same.all())
        not_finite += int(np.count_nonzero(~finite & ~same))
        beyond += int(np.count_nonzero(difference > LEVEL))
        numbers = source[np.abs(source) < NO_NUMBER]
        low, high = min(low, float(numbers.min(initial=0.0))), max(high, float(numbers.max(initial=0.0)))
        largest = max(largest, float(difference.max(initial=0.0)))
        fits = expected[0].dtype != np.float64 and largest < NO_NUMBER
        kept.append(difference.astype(np.float32 if fits else np.float64))
    joined = np.concatenate(kept)
    count = joined.size or 1
    return Differences(
        largest=largest,
        mean=min(total, _LARGEST) / count,
        mean_squared=min(squares, _LARGEST) / count,
        p99_9=_percentile(joined, _RARE),
        beyond_a_level=beyond / count,
        exact=exact,
        not_finite=not_finite,
        lowest=low,
        highest=high,
    )


def _percentile(values: NDArray[Any], percent: float) -> float:
    """Return a percentile, linear between two values, 0 of none; reorders them.

    In float32, numpy's interpolation is coarser.
    """
    if not values.size:
        return 0.0
    place = percent / 100 * (values.size - 1)
    below, above = math.floor(place), math.ceil(place)
    values.partition(sorted({below, above}))
    return float(values[below]) + (float(values[above]) - float(values[below])) * (place - below)


def blocks(one: Tensor, other: Tensor) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield pieces of two arrays of as many elements, as float64, small enough for a processor's cache."""
    ones, others = np.ravel(one), np.ravel(other)
    for start in range(0, ones.size, _BLOCK):
        piece = np.s_[start : start + _BLOCK]
        yield ones[piece].astype(np.float64), others[piece].astype(np.float64)


def _pieces(
    expected: Sequence[Tensor], found: Sequence[Tensor]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for one, other in zip(expected, found, strict=True):
        if one.shape != other.shape:
            raise ValueError(f"has the shape {list(other.shape)}, not {list(one.shape)}")
        yield from blocks(one, other)
