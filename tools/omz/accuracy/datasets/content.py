"""Contents of single files, each decoded once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.datasets.sample import Role
from omz.checksum import file_digest
from omz.errors import DataError, ImageError
from omz.images.arrays import Picture, Pixels, Size
from omz.images.files import read_pixels
from omz.images.source import image_of

_GREYS = (0, 128, 255)


@dataclass(frozen=True)
class Content:
    """Content of a file: colours (H, W, 3) uint8 BGR, alpha (H, W) float64, 0 to 1, or a trimap (H, W) uint8.

    ``bits`` are those of a channel in the file, 8 or 16; ``sha256`` is the digest of the file; ``is_transparent``
    tells that it has an alpha channel that is not opaque everywhere.
    """

    path: Path
    size: Size
    bits: int
    sha256: str
    colours: Picture | None = None
    alpha: NDArray[np.float64] | None = None
    trimap: NDArray[np.uint8] | None = None
    is_transparent: bool = False


def read_levels(path: Path) -> Pixels:
    """Read the pixels of a file as they are; raises :class:`DataError` where it cannot be read."""
    try:
        return read_pixels(path)
    except ImageError as error:
        raise DataError(str(error)) from error


def read_content(role: Role, path: Path) -> Content:
    """Read a file; raises :class:`DataError` where it cannot be read, or does not hold what ``role`` says."""
    levels = read_levels(path)
    height, width = levels.shape[:2]
    colours = alpha = trimap = None
    if role == "alpha":
        alpha = _share(grey(levels, path))
    elif role == "cutout":
        alpha = _share(_fourth(levels, path))
    elif role == "trimap":
        trimap = _trimap(levels, path)
    else:
        colours = image_of(levels).picture
        if role == "foreground" and _has_fourth(levels):
            alpha = _share(levels[..., 3])
    facts = path, (height, width), 8 * levels.itemsize, file_digest(path, "sha256")
    return Content(*facts, colours, alpha, trimap, colours is not None and _is_transparent(levels))


def grey(levels: Pixels, path: Path) -> Pixels:
    """Return the one channel of a grey picture, in whatever form it is stored."""
    if levels.ndim == 2:
        return levels
    if _is_transparent(levels):
        raise DataError(f"{path} has an alpha channel beside its greys; save one of the two, as grey")
    if (levels[..., 0] != levels[..., 1]).any() or (levels[..., 0] != levels[..., 2]).any():
        raise DataError(f"{path} is coloured: its channels differ, so no one of them is the truth; save it as grey")
    return levels[..., 0]


def _fourth(levels: Pixels, path: Path) -> Pixels:
    if not _has_fourth(levels):
        raise DataError(f"{path} has no alpha channel; save the cut-out with alpha")
    return levels[..., 3]


def _has_fourth(levels: Pixels) -> bool:
    return levels.ndim == 3 and levels.shape[2] == 4


def _is_transparent(levels: Pixels) -> bool:
    return _has_fourth(levels) and bool(levels[..., 3].min() < np.iinfo(levels.dtype).max)


def _share(levels: Pixels) -> NDArray[np.float64]:
    return np.divide(levels, np.iinfo(levels.dtype).max, dtype=np.float64)


def _trimap(levels: Pixels, path: Path) -> NDArray[np.uint8]:
    greys = grey(levels, path)
    if strange := sorted(set(np.unique(greys).tolist()) - set(_GREYS)):
        told = ", ".join(map(str, strange[:5])) + (", …" if len(strange) > 5 else "")
        raise DataError(f"{path} has the greys {told}; a trimap has 0, 128 (unknown) and 255 alone: map them to these")
    return greys.astype(np.uint8)
