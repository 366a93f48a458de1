"""How far a tensor of the IR is from that of the source."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omz.runtime.differences import NO_NUMBER, blocks
from omz.runtime.engine import Tensor

_OF_LARGEST = 0.1
_CHOICES = 1e-3


@dataclass(frozen=True)
class Difference:
    """Two tensors of one shape, or of two.

    ``largest`` and ``mean`` are of the absolute differences, in the tensor's units. ``error`` is the root of the mean
    square difference as a share of the tensor's spread; of integers and booleans the share of elements that are not
    equal. ``share`` is that of elements farther apart than the tolerance allows. Everything is infinite, and ``share``
    1, where the shapes differ; ``error`` is infinite where elements are a number in one of the two only. ``exact``
    tells integers and booleans.
    """

    largest: float
    mean: float
    error: float
    share: float
    exact: bool = False

    def is_off(self, tolerance: float) -> bool:
        """Tell whether the error is larger than a share of the spread; of integers one in 1,000 may differ, too."""
        return self.error > (max(tolerance, _CHOICES) if self.exact else tolerance)


def difference(expected: Tensor, found: Tensor, tolerance: float) -> Difference:
    """Compare two tensors, in float64; ``tolerance`` is a share of the spread of ``expected``."""
    exact = expected.dtype.kind != "f"
    if expected.shape != found.shape:
        return Difference(math.inf, math.inf, math.inf, 1.0, exact)
    scale = spread(expected)
    limit = 0.0 if exact else tolerance * scale
    largest = total = squares = 0.0
    off = lost = 0
    for one, other in blocks(expected, found):
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.abs(one - other)
            finite = np.isfinite(far)
            if not finite.all():
                lost += int(np.count_nonzero(~finite & (one != other) & ~(np.isnan(one) & np.isnan(other))))
                far = far[finite]
            squares += float(np.square(far).sum())
        off += int(np.count_nonzero(far > limit))
        largest = max(largest, float(far.max(initial=0.0)))
        total += float(far.sum())
    size = expected.size or 1
    share = (off + lost) / size
    error = share if exact else math.inf if lost else _ratio(math.sqrt(squares / size), scale)
    return Difference(largest, total / size, error, share, exact)


def spread(tensor: Tensor) -> float:
    """Return the standard deviation of a tensor's numbers, but at least a tenth of the largest of them.

    So the error of what hardly varies is a share of its size. What is infinite, or nearly, is left out.
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


def _ratio(error: float, spread: float) -> float:
    return error / spread if spread else math.inf if error else 0.0


def _numbers(tensor: Tensor) -> Iterator[NDArray[np.float64]]:
    for values, _ in blocks(tensor, tensor):
        yield values[np.abs(values) < NO_NUMBER]
