"""The ``preprocessing`` of a configuration: from a picture to what a model sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omz.accuracy.configuration.problems import Place
from omz.accuracy.configuration.schema import Normalization, Resize, Step
from omz.images.arrays import Picture
from omz.zoo.record import suggestion

_COLOURS = 3
_OPENCV = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "bilinear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos4": cv2.INTER_LANCZOS4,
}
_PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "linear": Image.Resampling.BILINEAR,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "cubic": Image.Resampling.BICUBIC,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def check_steps(steps: Sequence[Step], place: Place) -> None:
    """Raise :class:`omz.errors.UsageError` for a step, at ``place``, that cannot be done."""
    normalised = False
    for index, step in enumerate(steps):
        here = place / index
        if isinstance(step, Normalization):
            normalised = True
            for key, values in (("mean", step.mean), ("std", step.std)):
                if len(values) not in (1, _COLOURS):
                    raise (here / key).error(f"has {len(values)} values; give one, or one for each of 3 channels")
            if 0 in step.std:
                raise (here / "std").error("has a 0, which nothing can be divided by")
        elif isinstance(step, Resize):
            known = _PILLOW if step.use_pillow else _OPENCV
            if step.interpolation is not None and step.interpolation.lower() not in known:
                hint = suggestion(step.interpolation.lower(), known)
                raise (here / "interpolation").error(f"found {step.interpolation!r}; {hint}")
            if step.use_pillow and normalised:
                raise (here / "use_pillow").error("resizes 8 bits, which normalization before it ends; move it up")


def prepared(picture: Picture, is_rgb: bool, steps: Sequence[Step]) -> NDArray[Any]:
    """Return a picture, uint8 BGR, as a model sees it: (h, w, 3), uint8, or float32 once it was normalised.

    ``is_rgb``: who read it would have given RGB.
    """
    image: NDArray[Any] = picture[..., ::-1] if is_rgb else picture
    for step in steps:
        if isinstance(step, Resize):
            image = resized(image, step)
        elif isinstance(step, Normalization):
            image = (image.astype(np.float32) - np.array(step.mean, np.float32)) / np.array(step.std, np.float32)
        else:
            image = image[..., ::-1]
    return image


def resized(image: NDArray[Any], step: Resize) -> NDArray[Any]:
    """Return a picture at the size of a step; one of that size already stays as it is."""
    height, width = step.target
    if image.shape[:2] == step.target:
        return image
    name = (step.interpolation or "linear").lower()
    if step.use_pillow:
        return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), _PILLOW[name]))
    return cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=_OPENCV[name])
