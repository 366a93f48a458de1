"""Parts of a difference: how much of it lies in a part of the image, and what is lost and left over there.

The parts are :func:`omz.metrics.regions.subject`, :func:`~omz.metrics.regions.background` and
:func:`~omz.metrics.regions.hair_band`.
"""

from __future__ import annotations

import math

import numpy as np

from omz.metrics.differences import Region, Values, check_shapes, sad, unit
from omz.metrics.regions import background, subject

_HOLE, _GHOST = 0.9, 0.1


def part_of_mad(predicted: Values, truth: Values, part: Region, region: Region | None = None) -> float:
    """Return what ``part`` adds to the mean absolute difference of two alphas; parts of a whole add up to it."""
    counted, whole = part, part.size
    if region is not None:
        counted, whole = part & region, int(np.count_nonzero(region))
    return sad(predicted, truth, counted) / (whole or math.nan)


def holes(predicted: Values, truth: Values, region: Region | None = None) -> float:
    """Return the share of the subject's pixels whose predicted alpha is below 0.9."""
    found = _counted(predicted, truth, subject(truth), region)
    return _share(found < _HOLE, found)


def ghosts(predicted: Values, truth: Values, region: Region | None = None) -> float:
    """Return the share of the background's pixels whose predicted alpha is above 0.1."""
    found = _counted(predicted, truth, background(truth), region)
    return _share(found > _GHOST, found)


def _counted(predicted: Values, truth: Values, part: Region, region: Region | None) -> Values:
    check_shapes(predicted, truth, region)
    return unit(predicted[part if region is None else part & region])


def _share(counted: Region, values: Values) -> float:
    if not values.size or not np.isfinite(values).all():
        return math.nan
    return float(counted.mean())
