"""Layers: subjects as colours and alpha, ready to be set before any background."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import ModelFileError, os_reason
from omz.images.arrays import Alpha, Colours, Picture

_MARGIN = 24  # pixels of colour around a subject
_SEEN = 0.02
_OPAQUE = 127


@dataclass(frozen=True)
class Layer:
    """A subject: ``colour`` (H, W, 3) uint8 BGR, defined beyond the edge, too, and ``alpha`` (H, W) uint8."""

    colour: Picture
    alpha: NDArray[np.uint8]

    @property
    def cut(self) -> bool:
        """Whether the subject goes on below the lower edge."""
        return bool((self.alpha[-1] > _OPAQUE).any())


def layer_of(premultiplied: Colours, alpha: Alpha) -> Layer:
    """Return the layer of an image whose colours, BGR, are multiplied by its alpha; without the empty space around."""
    left, top, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    rows = slice(max(0, top - _MARGIN), min(top + height + _MARGIN, alpha.shape[0]))
    columns = slice(max(0, left - _MARGIN), min(left + width + _MARGIN, alpha.shape[1]))
    box = rows, columns
    colour = extended(premultiplied[box], alpha[box])
    return Layer(cv2.convertScaleAbs(colour, alpha=255), cv2.convertScaleAbs(alpha[box], alpha=255))


def extended(premultiplied: Colours, alpha: Alpha) -> Colours:
    """Return colours by themselves, which go on where alpha is 0: means of what is near (push and pull)."""
    height, width = alpha.shape
    if min(height, width) <= 2:
        mean = premultiplied.sum(axis=(0, 1)) / max(float(alpha.sum()), 1e-6)
        around = np.broadcast_to(mean.astype(np.float32), premultiplied.shape)
    else:
        half = ((width + 1) // 2, (height + 1) // 2)
        smaller = [cv2.resize(each, half, interpolation=cv2.INTER_AREA) for each in (premultiplied, alpha)]
        around = cv2.resize(extended(*smaller), (width, height), interpolation=cv2.INTER_LINEAR)
    own = premultiplied / np.maximum(alpha, 1e-6)[..., None]
    share = np.clip(alpha / _SEEN, 0, 1)[..., None]
    return np.clip(around + share * (own - around), 0, 1).astype(np.float32)


def read_levels(path: Path, how: int) -> np.ndarray:
    """Read an image of our own as OpenCV's flags ``how`` say, without the checks that images of others need.

    Raises :class:`ModelFileError`.
    """
    try:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), how)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {os_reason(error)}") from error
    except cv2.error:
        image = None
    if image is None:
        raise ModelFileError(f"{path} is not an image; remove it, and make the layers again")
    return image
