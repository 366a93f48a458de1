"""One frame as a report shows it: small pictures, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.datasets.sample import Sample
from omz.accuracy.metrics.differences import Values, unit
from omz.accuracy.prediction import Prediction
from omz.images.arrays import Picture, Size
from omz.images.compositing import composite, to_uint8
from omz.images.foreground import estimate_foreground
from omz.images.geometry import resize

LONGEST_SIDE = 480
"""Of the pictures in a view, in pixels: a dozen views make a page of some megabytes."""

_HEAT = cv2.COLORMAP_INFERNO  # from black, where nothing differs, to pale yellow
_GREEN = (64, 177, 0)  # BGR; chroma green, which neither skin nor hair has
_NO_NUMBER = -1.0  # stands for it in an alpha, and is far from all that is one
_STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)

Levels: TypeAlias = NDArray[np.uint8]
_Single: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class View:
    """What models make of one frame; all pictures are of one size, no side longer than :data:`LONGEST_SIDE`.

    ``picture``, ``heat`` and ``composite`` (h, w, 3) uint8 BGR; ``truth`` (h, w) uint8, None where it is not known;
    ``alphas`` (h, w) uint8 by label, that of the first model first. ``heat`` colours how far the two alphas are apart,
    or where there is one only, how far it is from the truth: from 0 to ``top``, which is 0 where nothing differs.
    ``composite`` is the last of the models' mattes on green.
    """

    name: str
    picture: Picture
    truth: Levels | None
    alphas: Mapping[str, Levels]
    heat: Picture
    top: float
    composite: Picture


def make_view(sample: Sample, predictions: Mapping[str, Prediction]) -> View:
    """Return the view of a frame, and of what one model says of it, or two."""
    scale = min(1.0, LONGEST_SIDE / max(sample.picture.shape))
    height, width = (max(1, round(side * scale)) for side in sample.picture.shape[:2])
    size = height, width
    alphas = {label: _alpha(each.alpha) for label, each in predictions.items()}
    truth = None if sample.alpha is None else _alpha(sample.alpha)
    compared = [*alphas.values(), *([] if len(alphas) > 1 or truth is None else [truth])]
    heat, top = _heat(compared[0], compared[-1], size)
    picture, judged = resize(sample.picture, size), [*predictions][-1]
    return View(
        name=sample.entry.name,
        picture=picture,
        truth=None if truth is None else to_uint8(resize(truth, size)),
        alphas={label: to_uint8(resize(alpha, size)) for label, alpha in alphas.items()},
        heat=heat,
        top=top,
        composite=_on_green(picture, resize(alphas[judged], size), predictions[judged].foreground, size),
    )


def heat_colours(shares: _Single) -> Picture:
    """Return the colours of 0 to 1, (H, W), as (H, W, 3) uint8 BGR."""
    return cv2.applyColorMap(to_uint8(shares), _HEAT)


def _alpha(values: Values) -> _Single:
    return np.nan_to_num(unit(values), nan=_NO_NUMBER, posinf=_NO_NUMBER, neginf=_NO_NUMBER).astype(np.float32)


def _heat(one: _Single, other: _Single, size: Size) -> tuple[Picture, float]:
    """Return the differences in colours at ``size``, the largest of each neighbourhood, and what the top stands for."""
    difference = np.abs(one - other)
    block = [math.ceil(full / small) for full, small in zip(difference.shape, size, strict=True)]
    pooled = cv2.dilate(difference, np.ones(block, np.uint8), anchor=(0, 0))  # or what is thin would fade, or go
    top = _round_up(float(difference.max()))
    return heat_colours(resize(pooled, size, cv2.INTER_NEAREST) / np.float32(top or 1)), top


def _round_up(value: float) -> float:
    """Return the next round number, as the top of a scale."""
    if not value:
        return 0.0
    exponent = math.floor(math.log10(value))
    return next(top for top in (float(f"{step}e{exponent}") for step in _STEPS) if top >= value)


def _on_green(picture: Picture, alpha: _Single, foreground: Values | None, size: Size) -> Picture:
    alpha = np.clip(alpha, 0, 1)
    if foreground is None:
        colours = estimate_foreground(picture, alpha)
    else:
        colours = resize(np.clip(np.nan_to_num(unit(foreground)), 0, 1).astype(np.float32), size)
    return composite(alpha, colours, np.full_like(picture, _GREEN))
