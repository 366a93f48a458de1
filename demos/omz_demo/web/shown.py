"""Pictures as the page shows them: no larger than a screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from omz.images.arrays import Picture
from omz.images.files import encode_picture
from omz.images.geometry import limit_side, resize

_LONGEST = 1600  # pixels
_QUALITY = 92


def write_shown(path: Path, picture: Picture) -> Path:
    """Write a picture, (H, W, 3) uint8 BGR, for a screen, and return the path."""
    size = limit_side(picture.shape, _LONGEST)
    fitting = resize(np.ascontiguousarray(picture), size)
    quality = _QUALITY if path.suffix == ".jpg" else None
    path.write_bytes(encode_picture(path, fitting, quality=quality))
    return path
