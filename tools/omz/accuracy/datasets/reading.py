"""Frames read from their files, each of which is decoded once, and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.datasets.compositing import composite, fingerprint
from omz.accuracy.datasets.sample import Entry, Problem, Role, Sample
from omz.checksum import file_digest
from omz.errors import DataError, ImageError
from omz.images.arrays import Picture, Pixels, Size
from omz.images.files import read_pixels
from omz.images.sizes import size_text

_GREYS = (0, 128, 255)


@dataclass(frozen=True)
class Content:
    """Content of a file: colours (H, W, 3) uint8 BGR, alpha (H, W) float64, 0 to 1, or a trimap (H, W) uint8.

    ``bits`` are those of a channel in the file, 8 or 16; ``sha256`` is the digest of the file.
    """

    path: Path
    size: Size
    bits: int
    sha256: str
    colours: Picture | None = None
    alpha: NDArray[np.float64] | None = None
    trimap: NDArray[np.uint8] | None = None


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
        colours = _colours(levels)
        if role == "foreground" and _has_fourth(levels):
            alpha = _share(levels[..., 3])
    return Content(path, (height, width), 8 * levels.itemsize, file_digest(path, "sha256"), colours, alpha, trimap)


def read_frame(entry: Entry, read_background: Callable[[Path, Size], Picture]) -> Sample:
    """Read all files of a frame, and make its picture if it has none; raises :class:`DataError`.

    ``read_background`` reads a background at a size.
    """
    contents: dict[Role, Content] = {}
    for role, path in entry.files.items():
        if role != "background":
            contents[role] = read_content(role, path)
    for problem in (*other_sizes(contents), *no_alpha(entry, contents)):
        raise problem.as_error()
    alpha, trimap = true_alpha(contents), None
    if "trimap" in contents:
        trimap = contents["trimap"].trimap
    colours = {role: content.colours for role, content in contents.items()}
    foreground, picture, plate = colours.get("foreground"), colours.get("picture"), colours.get("plate")
    digests = [f"{role} {content.sha256}" for role, content in sorted(contents.items())]
    if alpha is not None and foreground is not None and "background" in entry.files:
        plate = read_background(entry.files["background"], (foreground.shape[0], foreground.shape[1]))
        picture = composite(alpha, foreground, plate)
        digests.append(f"composite {fingerprint(picture)}")
    if picture is None:
        raise DataError(f"{entry.name} has no image, nor what to make one from; use another layout")
    digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return Sample(entry, picture, plate, alpha, foreground, trimap, digest)


def other_sizes(contents: Mapping[Role, Content]) -> Iterator[Problem]:
    """Yield the files of a frame that are of another size than its first."""
    first = next(iter(contents.values()), None)
    for other in contents.values():
        if first is not None and other.size != first.size:
            message = f"is {size_text(*other.size)}, {first.path} is {size_text(*first.size)}; make them of one size"
            yield Problem("error", other.path, message)


def no_alpha(entry: Entry, contents: Mapping[Role, Content]) -> Iterator[Problem]:
    """Yield the foreground that should hold the frame's alpha, and does not."""
    foreground = contents.get("foreground")
    if foreground is not None and foreground.alpha is None and not {"alpha", "cutout"} & {*entry.files}:
        message = "has no alpha channel, and there is no file of alpha; save it with alpha, or add that file"
        yield Problem("error", foreground.path, message)


def true_alpha(contents: Mapping[Role, Content]) -> NDArray[np.float64] | None:
    """Return the alpha of a frame: a file of its own counts before a foreground's fourth channel."""
    roles: tuple[Role, ...] = ("alpha", "cutout", "foreground")
    for role in roles:
        if role in contents:
            return contents[role].alpha
    return None


def grey(levels: Pixels, path: Path) -> Pixels:
    """Return the one channel of a grey picture, in whatever form it is stored."""
    if levels.ndim == 2:
        return levels
    if _has_fourth(levels) and levels[..., 3].min() < np.iinfo(levels.dtype).max:
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


def _share(levels: Pixels) -> NDArray[np.float64]:
    return np.divide(levels, np.iinfo(levels.dtype).max, dtype=np.float64)


def _colours(levels: Pixels) -> Picture:
    """Return colours of 8 bits: of 16 bits the upper 8 stay, as in :func:`omz.images.files.read_picture`."""
    if levels.dtype == np.uint16:
        levels = (levels >> 8).astype(np.uint8)
    if levels.ndim == 2:
        return cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR)
    if _has_fourth(levels):
        return cv2.cvtColor(levels, cv2.COLOR_BGRA2BGR)
    return levels.astype(np.uint8, copy=False)


def _trimap(levels: Pixels, path: Path) -> NDArray[np.uint8]:
    greys = grey(levels, path)
    if strange := sorted(set(np.unique(greys).tolist()) - set(_GREYS)):
        told = ", ".join(map(str, strange[:5])) + (", …" if len(strange) > 5 else "")
        raise DataError(f"{path} has the greys {told}; a trimap has 0, 128 (unknown) and 255 alone: map them to these")
    return greys.astype(np.uint8)
