"""Medians of rounds, and the ranges in which they lie, without any assumption about noise.

Each round of a run measures every candidate once, one right after the other, so that the ratio of two candidates in one
round holds while the speed of the machine drifts from round to round.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_ERROR = 0.05
"""The chance that a range of 95 % confidence leaves out the true median."""


@dataclass(frozen=True)
class Range:
    """A median, and the ends between which it lies with 95 % confidence: NaN where rounds are too few to tell."""

    median: float
    low: float = math.nan
    high: float = math.nan

    @property
    def has_ends(self) -> bool:
        """Whether the ends are known."""
        return not math.isnan(self.low)

    @property
    def is_clear(self) -> bool:
        """Whether noise does not explain that a ratio differs from 1."""
        return self.low > 1 or self.high < 1


UNKNOWN = Range(math.nan)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest rank of ascending values, as ``benchmark_app`` does."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median_range(values: Sequence[float]) -> Range:
    """Return the median of values, and its range: the order statistics that the sign test leaves.

    Whatever the noise is, a value is below the median as often as above, so the number of those below is binomial. With
    fewer than six values, even all on one side prove nothing.

    Source: W. J. Conover, *Practical Nonparametric Statistics*, 3rd edition, section 3.2.

    Example:
        >>> median_range([1, 2, 3, 4, 5, 6, 7, 8, 9])
        Range(median=5, low=2, high=8)

    """
    if not values:
        return UNKNOWN
    ordered = sorted(values)
    cut = _cut(len(ordered))
    if not cut:
        return Range(statistics.median(ordered))
    return Range(statistics.median(ordered), ordered[cut - 1], ordered[-cut])


def _cut(count: int) -> int:
    """Return the rank, from either end, of the ends of a range; 0 where there is none."""
    cut, below = 0, 0.0
    while True:
        below += math.comb(count, cut) / 2**count
        if 2 * below > _ERROR:
            return cut
        cut += 1
