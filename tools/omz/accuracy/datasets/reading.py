"""Frames read from their files, and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from omz.accuracy.datasets.check import read_checked, remarks, true_alpha
from omz.accuracy.datasets.compositing import composite, fingerprint
from omz.accuracy.datasets.content import Content
from omz.accuracy.datasets.sample import Entry, Role, Sample
from omz.errors import DataError
from omz.images.arrays import Size


def read_frame(entry: Entry, read_background: Callable[[Path, Size], Content]) -> Sample:
    """Read all files of a frame, and make its picture if it has none; raises :class:`DataError`.

    ``read_background`` reads a background at a size.
    """
    contents, problems = read_checked(entry)
    for problem in problems:
        if problem.severity == "error":
            raise problem.as_error()
    truth, trimap = true_alpha(contents), None
    alpha = truth.alpha if truth else None
    if "trimap" in contents:
        trimap = contents["trimap"].trimap
    colours = {role: content.colours for role, content in contents.items()}
    foreground, picture, plate = colours.get("foreground"), colours.get("picture"), colours.get("plate")
    composited = ""
    if alpha is not None and foreground is not None and "background" in entry.files:
        background = read_background(entry.files["background"], (foreground.shape[0], foreground.shape[1]))
        problems += remarks("background", background)
        plate = background.colours
        assert plate is not None
        picture = composite(alpha, foreground, plate)
        composited = fingerprint(picture)
    if picture is None:
        raise DataError(f"{entry.name} has no image, nor what to make one from; use another layout")
    digest = frame_digest(contents, composited)
    found = tuple(problem.as_remark() for problem in problems)
    return Sample(entry, picture, plate, alpha, foreground, trimap, digest, found)


def frame_digest(contents: Mapping[Role, Content], composited: str = "") -> str:
    """Return a digest of all files of a frame, and of the fingerprint of an image that was made of them."""
    digests = [f"{role} {content.sha256}" for role, content in sorted(contents.items())]
    if composited:
        digests.append(f"composite {composited}")
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
