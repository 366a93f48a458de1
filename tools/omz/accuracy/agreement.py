"""Distance of the outputs of a model from those of another, as they come out of the networks, frame by frame.

The truth plays no part: two models can score alike and differ, where one is better here and the other there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean
from typing import Any

from omz.errors import DataError
from omz.runtime.differences import Differences, differences
from omz.runtime.engine import Tensor

_POOLED: Mapping[str, Callable[..., Any]] = {
    "largest": max, "mean": fmean, "mean_squared": fmean, "p99_9": max, "beyond_a_level": fmean, "exact": all,
    "not_finite": sum, "lowest": min, "highest": max,
}  # fmt: skip


@dataclass(frozen=True)
class Agreement(Differences):
    """The differences of one output on one frame, or pooled over frames, of which the worst has the percentile."""

    @property
    def psnr(self) -> float | None:
        """The peak signal-to-noise ratio in dB, the peak being 1; None where nothing differs."""
        if not self.mean_squared:
            return None
        return -10 * math.log10(self.mean_squared)


def agreement(reference: Tensor, found: Tensor) -> Agreement:
    """Compare an output of a model with that of another; raises :class:`DataError` where shapes differ."""
    try:
        return Agreement(**vars(differences([reference], [found])))
    except ValueError as error:
        raise DataError(f"an output {error}; nothing to compare") from error


def agreements(reference: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> dict[str, Agreement]:
    """Compare the outputs that both models have, by name."""
    return {name: agreement(reference[name], found[name]) for name in reference if name in found}


def farthest(outputs: Iterable[Agreement]) -> float:
    """Return the largest mean difference of several outputs; NaN without any."""
    return max((each.mean for each in outputs), default=math.nan)


def pooled(frames: Sequence[Agreement]) -> Agreement:
    """Return the agreement over all frames together, each of which counts as much."""
    return Agreement(**{name: pool(map(attrgetter(name), frames)) for name, pool in _POOLED.items()})
