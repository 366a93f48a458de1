"""The subject's own colours, carried from its inside to its edge and beyond."""

from __future__ import annotations

import cv2
import numpy as np

from omz.images.arrays import Colours, Field
from omz.images.geometry import resize

_SCALES = (30.0, 10.0, 4.0, 1.5)  # pixels
_FINE = 2.0  # pixels of blur at which the means are made; coarser ones are made on smaller copies
_ENOUGH = 0.05  # weight from which on a scale is trusted


def carry_outwards(picture: Colours, inside: Field) -> Colours:
    """Return, for each pixel, the mean colour (H, W, 3) of what is ``inside`` (H, W), 0 or 1, near it.

    Near is as near as there is something: the mean is that of the finest scale with enough of the inside.
    """
    weighted = cv2.merge([*cv2.split(picture * inside[..., None]), inside])
    found: list[Field] = []
    for scale in _SCALES:
        *sums, weight = cv2.split(_blurred(weighted, scale))
        share = 1 / np.maximum(weight, np.float32(1e-6))
        trust = np.minimum(weight * np.float32(1 / _ENOUGH), 1)
        means = [each * share for each in sums]
        if found:
            means = [before + (mean - before) * trust for before, mean in zip(found, means, strict=True)]
        found = means
    return cv2.merge(found)


def _blurred(image: Colours, scale: float) -> Colours:
    step = max(1, round(scale / _FINE))
    height, width = image.shape[:2]
    small = resize(image, (max(1, height // step), max(1, width // step)))
    return resize(cv2.GaussianBlur(small, (0, 0), scale / step), (height, width))
