"""How far apart two tensors are, number by number: the outputs of two runs of a model, or the tensors inside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from omz.runtime.engine import Tensor

LEVEL = 1 / 255
"""One of the levels of an 8-bit image."""

_NO_NUMBER = 3e38  # farther from 0, a number stands for infinity, in masks
_RARE = 99.9  # percent
_LARGEST = float(np.finfo(np.float64).max)
_BLOCK = 1 << 14  # elements: small enough for a processor's cache
_OF_LARGEST = 0.1
_CHOICES = 1e-3

_Numbers: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Differences:
    """The absolute differences of one output, in its units.

    99.9 percent of the elements are no farther apart than ``p99_9``; ``beyond_a_level`` is the share of those that are
    farther apart than 1/255. ``exact`` tells that no element differs. ``not_finite`` counts elements that are a number
    in only one of the two; the other figures ignore them. ``lowest`` and ``highest`` are the range of the expected
    values and 0, without values so large that they stand for infinity.
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


@dataclass(frozen=True)
class Deviation:
    """The difference of two tensors inside a network, as a share of the spread of the expected one.

    ``largest`` and ``mean`` are of the absolute differences, in the tensor's units. ``error`` is the root of the mean
    square difference as a share of the tensor's spread; for integers and booleans, the share of elements that differ.
    ``share`` is the share of elements farther apart than the tolerance. If the shapes differ, everything is infinite,
    and ``share`` 1; ``error`` is infinite if elements are a number in only one of the two. ``exact`` is True for
    integers and booleans.
    """

    largest: float
    mean: float
    error: float
    share: float
    exact: bool = False

    def is_off(self, tolerance: float) -> bool:
        """Tell whether the error is larger than ``tolerance``; of integers, one in 1,000 may always differ."""
        return self.error > (max(tolerance, _CHOICES) if self.exact else tolerance)


class _Sums:
    """Sums over the differences seen so far, of which ``beyond`` are larger than ``limit``."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.total = self.squares = self.largest = 0.0
        self.beyond = self.not_finite = 0

    def add(self, one: _Numbers, other: _Numbers) -> _Numbers:
        """Add two pieces; return the differences that are finite."""
        with np.errstate(over="ignore", invalid="ignore"):  # float64 numbers can be too far apart for a float64
            far = np.abs(one - other)
            finite = np.isfinite(far)
            if not finite.all():
                same = (one == other) | (np.isnan(one) & np.isnan(other))
                self.not_finite += int(np.count_nonzero(~finite & ~same))
                far = far[finite]
            self.total += float(far.sum())
            self.squares += float(np.square(far).sum())
        self.beyond += int(np.count_nonzero(far > self._limit))
        self.largest = max(self.largest, float(far.max(initial=0.0)))
        return far


def differences(expected: Sequence[Tensor], found: Sequence[Tensor]) -> Differences:
    """Measure how far one output is from the expected one, over one or several runs.

    Raises :class:`ValueError` if shapes differ.
    """
    sums, low, high = _Sums(LEVEL), 0.0, 0.0
    kept: list[NDArray[Any]] = [np.empty(0, np.float32)]
    for source, result in _pieces(expected, found):
        far = sums.add(source, result)
        numbers = source[np.abs(source) < _NO_NUMBER]
        low, high = min(low, float(numbers.min(initial=0.0))), max(high, float(numbers.max(initial=0.0)))
        fits = expected[0].dtype != np.float64 and sums.largest < _NO_NUMBER
        kept.append(far.astype(np.float32 if fits else np.float64))
    joined = np.concatenate(kept)
    count = joined.size or 1
    return Differences(
        largest=sums.largest,
        mean=min(sums.total, _LARGEST) / count,
        mean_squared=min(sums.squares, _LARGEST) / count,
        p99_9=_percentile(joined, _RARE),
        beyond_a_level=sums.beyond / count,
        exact=not sums.largest and not sums.not_finite,
        not_finite=sums.not_finite,
        lowest=low,
        highest=high,
    )


def share_beyond(expected: Sequence[Tensor], found: Sequence[Tensor], limit: float) -> float:
    """Return the share of elements that are farther apart than ``limit``, of those that are numbers in both.

    Raises :class:`ValueError` if shapes differ.
    """
    sums, count = _Sums(limit), 0
    for source, result in _pieces(expected, found):
        count += sums.add(source, result).size
    return sums.beyond / (count or 1)


def deviation(expected: Tensor, found: Tensor, tolerance: float) -> Deviation:
    """Compare two tensors; ``tolerance`` is a share of the spread of ``expected``."""
    exact = expected.dtype.kind != "f"
    if expected.shape != found.shape:
        return Deviation(math.inf, math.inf, math.inf, 1.0, exact)
    scale = spread(expected)
    sums = _Sums(0.0 if exact else tolerance * scale)
    for one, other in _blocks(expected, found):
        sums.add(one, other)
    size = expected.size or 1
    share = (sums.beyond + sums.not_finite) / size
    error = ratio(math.sqrt(sums.squares / size), scale)
    if exact:
        error = share
    elif sums.not_finite:
        error = math.inf
    return Deviation(sums.largest, sums.total / size, error, share, exact)


def spread(tensor: Tensor) -> float:
    """Return the standard deviation of a tensor, but at least a tenth of its largest magnitude.

    So the error of a tensor that hardly varies is a share of its size. Infinite and nearly infinite values are ignored.
    """
    count, total, largest = 0, 0.0, 0.0
    for numbers in _numbers(tensor):
        count += numbers.size
        total += float(numbers.sum())
        largest = max(largest, float(np.abs(numbers).max(initial=0.0)))
    if not count:
        return 0.0
    mean = total / count
    with np.errstate(over="ignore"):
        squares = sum(float(np.square(numbers - mean).sum()) for numbers in _numbers(tensor))
    return max(math.sqrt(squares / count), _OF_LARGEST * largest)


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``; 0 if both are 0, and infinity if only ``whole`` is."""
    if whole:
        return part / whole
    return math.inf if part else 0.0


def _percentile(values: NDArray[Any], percent: float) -> float:
    """Return a percentile, linear between two values; 0 of none. Reorders ``values``.

    numpy would interpolate in float32, which is coarser.
    """
    if not values.size:
        return 0.0
    place = percent / 100 * (values.size - 1)
    below, above = math.floor(place), math.ceil(place)
    values.partition(sorted({below, above}))
    return float(values[below]) + (float(values[above]) - float(values[below])) * (place - below)


def _pieces(expected: Sequence[Tensor], found: Sequence[Tensor]) -> Iterator[tuple[_Numbers, _Numbers]]:
    for one, other in zip(expected, found, strict=True):
        if one.shape != other.shape:
            raise ValueError(f"has the shape {list(other.shape)}, not {list(one.shape)}")
        yield from _blocks(one, other)


def _blocks(one: Tensor, other: Tensor) -> Iterator[tuple[_Numbers, _Numbers]]:
    ones, others = np.ravel(one), np.ravel(other)
    for start in range(0, ones.size, _BLOCK):
        piece = np.s_[start : start + _BLOCK]
        yield ones[piece].astype(np.float64), others[piece].astype(np.float64)


def _numbers(tensor: Tensor) -> Iterator[_Numbers]:
    for values, _ in _blocks(tensor, tensor):
        yield values[np.abs(values) < _NO_NUMBER]
