"""Differences of what changes from frame to frame."""

from __future__ import annotations

import numpy as np

from omz.accuracy.metrics.differences import Region, Values, check_shapes, difference


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
