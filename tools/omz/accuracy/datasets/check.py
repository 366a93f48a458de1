"""What is wrong with a dataset, told before a model runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.datasets.folder import find_backgrounds
from omz.accuracy.datasets.frames import Frames, find_frames
from omz.accuracy.datasets.layouts import Layout, find_layout
from omz.accuracy.datasets.reading import Content, no_alpha, other_sizes, read_content
from omz.accuracy.datasets.sample import Entry, Problem, Role
from omz.accuracy.metrics.regions import UNKNOWN
from omz.errors import DataError

_FAINT = 0.1
_LOSSY = (".jpg", ".jpeg")


def check_dataset(
    folder: Path,
    layout: str | Layout = "auto",
    backgrounds: Path | None = None,
    allow_missing: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Problem, ...]:
    """Read every file once, a frame at a time, and return all that is wrong with them, or worth knowing.

    Frames with missing files are looked at, too; with ``allow_missing`` these are remarks. ``on_progress`` takes how
    many frames and backgrounds are done, and of how many. Raises :class:`DataError` where the folder has not the
    layout, or there are no backgrounds to place foregrounds before.
    """
    chosen = layout if isinstance(layout, Layout) else find_layout(folder, layout)
    behind = find_backgrounds(folder, chosen, backgrounds)
    pictures = behind.files() if chosen.is_composited else ()
    frames = find_frames(folder, chosen)
    problems = [*_of_names(frames, allow_missing)]
    total = len(frames.entries) + len(frames.incomplete) + len(pictures)
    for done, found in enumerate(_of_files(frames, pictures), start=1):
        problems += found
        on_progress(done, total)
    if not frames.entries:
        problems.append(Problem("error", folder, "has no frame with all its files; add what is missing"))
    return tuple(problems)


def _of_names(frames: Frames, allow_missing: bool) -> Iterator[Problem]:
    yield from frames.ambiguous
    for problem in frames.missing:
        yield replace(problem, severity="remark") if allow_missing else problem


def _of_files(frames: Frames, backgrounds: Sequence[Path]) -> Iterator[Sequence[Problem]]:
    """Yield what is wrong with each frame, and with each background."""
    for entry in frames.entries:
        yield [*_of_frame(entry, is_whole=True)]
    for entry in frames.incomplete:
        yield [*_of_frame(entry, is_whole=False)]
    for path in backgrounds:
        yield [*_of_frame(Entry(path.name, "", 0, {"background": path}), is_whole=False)]


def _of_frame(entry: Entry, is_whole: bool) -> Iterator[Problem]:
    contents: dict[Role, Content] = {}
    for role, path in entry.files.items():
        try:
            contents[role] = read_content(role, path)
        except DataError as error:
            yield Problem("error", path, str(error).removeprefix(f"{path} "))
    yield from other_sizes(contents)
    if is_whole:
        yield from no_alpha(entry, contents)
    for role, content in contents.items():
        for remark in _remarks(role, content):
            yield Problem("remark", content.path, remark)


def _remarks(role: Role, content: Content) -> Iterator[str]:
    if content.bits > 8 and content.colours is not None:
        yield f"has {content.bits} bits; models see the upper 8"
    if content.trimap is not None and not (content.trimap == UNKNOWN).any():
        yield f"has no unknown pixel (grey {UNKNOWN}); what is measured in the unknown region has no figure"
    if content.alpha is not None:
        yield from _remarks_on_alpha(content.alpha)
        if content.path.suffix.lower() in _LOSSY:
            yield "is a JPEG, whose alpha is not exact; prefer PNG"


def _remarks_on_alpha(alpha: NDArray[np.float64]) -> Iterator[str]:
    most = alpha.max()
    if most == 0:
        yield "is empty: a frame without a subject, whose foreground is not measured"
    elif most < _FAINT:
        yield f"is nowhere above {most:.2g} of the range of its depth; correct its depth, if it is not that faint"
    elif ((alpha == 0) | (alpha == 1)).all():
        yield "has 0 and 1 alone: a mask, not a matte; check its depth"
