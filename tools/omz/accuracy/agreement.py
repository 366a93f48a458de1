"""How far the outputs of a model are from those of another, as they come out of the networks, frame by frame.

The truth is not asked: two models can score alike and differ, where one is better here and the other there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omz.errors import DataError
from omz.runtime.differences import Differences, differences
from omz.runtime.engine import Tensor


@dataclass(frozen=True)
class Agreement(Differences):
    """The differences of one output on one frame, or pooled over frames, of which the worst has the percentile."""

    @property
    def psnr(self) -> float | None:
        """The peak signal-to-noise ratio in dB, the peak being 1; None where nothing differs."""
        return -10 * math.log10(self.mean_squared) if self.mean_squared else None


def agreement(reference: Tensor, found: Tensor) -> Agreement:
    """Compare an output of a model with that of another; raises :class:`DataError` where shapes differ."""
    try:
        return Agreement(**vars(differences([reference], [found])))
    except ValueError as error:
        raise DataError(f"an output {error}; nothing to compare") from error


def agreements(reference: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> dict[str, Agreement]:
    """Compare the outputs that both models have, by name."""
    return {name: agreement(reference[name], found[name]) for name in reference if name in found}


def pooled(frames: Sequence[Agreement]) -> Agreement:
    """Return what holds of all frames together, each counting as much."""
    count = len(frames)
    return Agreement(
        largest=max(each.largest for each in frames),
        mean=math.fsum(each.mean for each in frames) / count,
        mean_squared=math.fsum(each.mean_squared for each in frames) / count,
        p99_9=max(each.p99_9 for each in frames),
        beyond_a_level=math.fsum(each.beyond_a_level for each in frames) / count,
        exact=all(each.exact for each in frames),
        not_finite=sum(each.not_finite for each in frames),
        lowest=min(each.lowest for each in frames),
        highest=max(each.highest for each in frames),
    )
