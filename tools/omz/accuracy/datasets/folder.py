"""A folder of a known layout: a dataset, and the problems of its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.datasets.compositing import Backgrounds
from omz.accuracy.datasets.frames import Frames, find_frames
from omz.accuracy.datasets.layouts import Layout, find_layout
from omz.accuracy.datasets.reading import Content, no_alpha, other_sizes, read_content, read_frame
from omz.accuracy.datasets.sample import Entry, Problem, Role, Sample
from omz.errors import DataError
from omz.metrics.regions import UNKNOWN

_FAINT = 0.1
_LOSSY = (".jpg", ".jpeg")


@dataclass(frozen=True)
class FolderDataset:
    """Whole frames of a folder; ``left_out`` are the names of those with missing files.

    ``backgrounds`` are what foregrounds are placed before; unused where the dataset has pictures.
    """

    folder: Path
    layout: Layout
    entries: Sequence[Entry]
    left_out: Sequence[str]
    backgrounds: Backgrounds

    @property
    def title(self) -> str:
        """Folder, layout, and the number of frames left out."""
        missing = f", {len(self.left_out)} frames left out, for files are missing" if self.left_out else ""
        return f"{self.folder} ({self.layout.name}{missing})"

    def read(self, entry: Entry) -> Sample:
        """Read a frame; raises :class:`DataError` naming the file that cannot be used."""
        return read_frame(entry, self.backgrounds.read)


def open_dataset(
    folder: Path,
    layout: str | Layout = "auto",
    backgrounds: Path | None = None,
    seed: int = 0,
    allow_missing: bool = False,
) -> FolderDataset:
    """List the frames of a folder; none is read yet.

    ``layout`` is one, or the name of one, or "auto". ``backgrounds`` is a folder for layouts without pictures; ``seed``
    chooses among them. Raises :class:`DataError` where there is no frame, two files stand for one, or a file is
    missing; with ``allow_missing`` frames that a file is missing for are left out, and named.
    """
    chosen = find_layout(folder, layout)
    behind = find_backgrounds(folder, chosen, backgrounds, seed)
    frames = find_frames(folder, chosen)
    _check(folder, frames, allow_missing)
    entries: Sequence[Entry] = frames.entries
    if chosen.is_composited:
        entries = _with_backgrounds(entries, behind)
    return FolderDataset(folder, chosen, entries, [entry.name for entry in frames.incomplete], behind)


def find_backgrounds(folder: Path, layout: Layout, backgrounds: Path | None, seed: int = 0) -> Backgrounds:
    """Return what foregrounds are placed before; raises :class:`DataError` where the dataset has pictures already."""
    if backgrounds and not layout.is_composited:
        raise DataError(f"{folder} has images ({layout.name}), which need no backgrounds; leave {backgrounds} out")
    return Backgrounds(backgrounds or layout.base(folder) / "bgr", seed)


def _check(folder: Path, frames: Frames, allow_missing: bool) -> None:
    problems = frames.ambiguous
    if not allow_missing:
        problems += frames.missing
    if len(problems) > 1:
        raise DataError(f"{problems[0]}; {len(problems) - 1} more such files, see --check_dataset")
    if problems:
        raise problems[0].as_error()
    if not frames.entries:
        raise DataError(f"{folder} has no frame with all its files; --check_dataset names what is missing")


def _with_backgrounds(entries: Sequence[Entry], backgrounds: Backgrounds) -> Sequence[Entry]:
    """Give each clip its background; a picture without a clip has one of its own."""
    files = backgrounds.files()
    chosen: dict[str, Path] = {}
    composited = []
    for entry in entries:
        clip = entry.clip or entry.name
        if clip not in chosen:
            chosen[clip] = backgrounds.choose(clip, files)
        composited.append(replace(entry, files={**entry.files, "background": chosen[clip]}))
    return composited


def check_dataset(
    folder: Path, layout: str | Layout = "auto", backgrounds: Path | None = None, allow_missing: bool = False
) -> tuple[Problem, ...]:
    """Read every file once, a frame at a time, and return all errors in them, and remarks on them.

    Missing files are errors, with ``allow_missing`` remarks; the other files of their frames are read, too. Raises
    :class:`DataError` if the folder lacks the layout, or backgrounds to place foregrounds before.
    """
    chosen = find_layout(folder, layout)
    behind = find_backgrounds(folder, chosen, backgrounds)
    pictures = behind.files() if chosen.is_composited else ()
    frames = find_frames(folder, chosen)
    problems = [*frames.ambiguous]
    for problem in frames.missing:
        problems.append(replace(problem, severity="remark") if allow_missing else problem)
    for entry in frames.entries:
        problems += _of_frame(entry, is_whole=True)
    for entry in frames.incomplete:
        problems += _of_frame(entry, is_whole=False)
    for path in pictures:
        problems += _of_frame(Entry(path.name, "", 0, {"background": path}), is_whole=False)
    if not frames.entries:
        problems.append(Problem("error", folder, "has no frame with all its files; add what is missing"))
    return tuple(problems)


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
