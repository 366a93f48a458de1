"""One frame from its files: each is decoded once, and believed only if it is what it should be."""

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
from omz.images.arrays import Picture, Size
from omz.images.files import Levels, read_levels

_GREYS = (0, 128, 255)


@dataclass(frozen=True)
class Content:
    """What a file holds: colours (H, W, 3) uint8 BGR, alpha (H, W) float64, 0 to 1, or a trimap (H, W) uint8.

    ``bits`` are those of a channel in the file, 8 or 16; ``sha256`` is the digest of the file.
    """

    path: Path
    size: Size
    bits: int
    sha256: str
    colours: Picture | None = None
    alpha: NDArray[np.float64] | None = None
    trimap: NDArray[np.uint8] | None = None


def read_content(role: Role, path: Path) -> Content:
    """Read a file; raises :class:`DataError` where it cannot be read, or does not hold what ``role`` says."""
    try:
        levels = read_levels(path)
    except ImageError as error:
        raise DataError(str(error)) from error
    height, width = levels.shape[:2]
    colours = alpha = trimap = None
    if role == "alpha":
        alpha = _share(_grey(levels, path))
    elif role == "cutout":
        alpha = _share(_fourth(levels, path))
    elif role == "trimap":
        trimap = _trimap(levels, path)
    else:
        colours = _colours(levels)
        alpha = _share(levels[..., 3]) if role == "foreground" and _has_fourth(levels) else None
    return Content(path, (height, width), 8 * levels.itemsize, file_digest(path, "sha256"), colours, alpha, trimap)


def read_frame(entry: Entry, read_background: Callable[[Path, Size], Picture]) -> Sample:
    """Read all files of a frame, and make its picture if it has none; raises :class:`DataError`.

    ``read_background`` reads a background at a size.
    """
    contents: dict[Role, Content] = {
        role: read_content(role, path) for role, path in entry.files.items() if role != "background"
    }
    for problem in (*other_sizes(contents), *no_alpha(entry, contents)):
        raise problem.as_error()
    alpha = true_alpha(contents)
    colours = {role: content.colours for role, content in contents.items()}
    foreground, picture, plate = (colours.get(role) for role in ("foreground", "picture", "plate"))
    digests = [f"{role} {content.sha256}" for role, content in sorted(contents.items())]
    if alpha is not None and foreground is not None and "background" in entry.files:
        plate = read_background(entry.files["background"], (foreground.shape[0], foreground.shape[1]))
        picture = composite(alpha, foreground, plate)
        digests.append(f"composite {fingerprint(picture)}")
    if picture is None:
        raise DataError(f"{entry.name} has no picture, nor what to make one from; use another layout")
    trimap = contents["trimap"].trimap if "trimap" in contents else None
    digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return Sample(entry, picture, plate, alpha, foreground, trimap, digest)


def other_sizes(contents: Mapping[Role, Content]) -> Iterator[Problem]:
    """Yield the files of a frame that are of another size than its first."""
    first = next(iter(contents.values()), None)
    for other in contents.values():
        if first is not None and other.size != first.size:
            message = f"is {_told(other.size)}, {first.path} is {_told(first.size)}; make them of one size"
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
    return next((contents[role].alpha for role in roles if role in contents), None)


def _grey(levels: Levels, path: Path) -> Levels:
    """Return the one channel of a grey picture, in whatever form it is stored."""
    if levels.ndim == 2:
        return levels
    if _has_fourth(levels) and levels[..., 3].min() < np.iinfo(levels.dtype).max:
        raise DataError(f"{path} has an alpha channel beside its greys; save one of the two, as grey")
    if (levels[..., 0] != levels[..., 1]).any() or (levels[..., 0] != levels[..., 2]).any():
        raise DataError(f"{path} is coloured: its channels differ, so no one of them is the truth; save it as grey")
    return levels[..., 0]


def _fourth(levels: Levels, path: Path) -> Levels:
    if not _has_fourth(levels):
        raise DataError(f"{path} has no alpha channel; save the cut-out with alpha")
    return levels[..., 3]


def _has_fourth(levels: Levels) -> bool:
    return levels.ndim == 3 and levels.shape[2] == 4


def _share(levels: Levels) -> NDArray[np.float64]:
    return np.divide(levels, np.iinfo(levels.dtype).max, dtype=np.float64)


def _colours(levels: Levels) -> Picture:
    """Return colours of 8 bits: of 16 bits the upper 8 stay, as in :func:`omz.images.files.read_picture`."""
    eight = (levels >> 8).astype(np.uint8) if levels.dtype == np.uint16 else levels
    if eight.ndim == 2:
        return cv2.cvtColor(eight, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(eight, cv2.COLOR_BGRA2BGR) if _has_fourth(eight) else eight.astype(np.uint8, copy=False)


def _trimap(levels: Levels, path: Path) -> NDArray[np.uint8]:
    greys = _grey(levels, path)
    if strange := sorted(set(np.unique(greys).tolist()) - set(_GREYS)):
        told = ", ".join(map(str, strange[:5])) + (", …" if len(strange) > 5 else "")
        raise DataError(f"{path} has the greys {told}; a trimap has 0, 128 (unknown) and 255 alone: map them to these")
    return greys.astype(np.uint8)


def _told(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
