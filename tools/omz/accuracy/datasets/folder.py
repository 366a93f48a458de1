"""A folder of a known layout: a dataset, and the problems of its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omz.accuracy.datasets.check import read_checked, remarks, repeated
from omz.accuracy.datasets.compositing import Backgrounds
from omz.accuracy.datasets.content import read_content
from omz.accuracy.datasets.frames import Frames, find_frames
from omz.accuracy.datasets.layouts import Layout, find_layout
from omz.accuracy.datasets.reading import frame_digest, read_frame
from omz.accuracy.datasets.sample import Entry, Problem, Remark, Sample
from omz.errors import DataError


@dataclass(frozen=True)
class FolderDataset:
    """Whole frames of a folder; ``left_out`` are the names of those with missing files, which are among ``remarks``.

    ``backgrounds`` are what foregrounds are placed before; unused where the dataset has pictures.
    """

    folder: Path
    layout: Layout
    entries: Sequence[Entry]
    left_out: Sequence[str]
    backgrounds: Backgrounds
    remarks: Sequence[Remark] = ()

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
    left_out = [entry.name for entry in frames.incomplete]
    missing = [problem.as_remark() for problem in _as_remarks(frames.missing)]
    return FolderDataset(folder, chosen, entries, left_out, behind, missing)


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
    problems += _as_remarks(frames.missing) if allow_missing else frames.missing
    read = []
    for entry in frames.entries:
        contents, found = read_checked(entry)
        problems += found
        if len(contents) == len(entry.files):
            read.append((entry, frame_digest(contents)))
    problems += repeated(read)
    for entry in frames.incomplete:
        problems += read_checked(entry, is_whole=False)[1]
    for path in pictures:
        problems += _of_background(path)
    if not frames.entries:
        problems.append(Problem("error", folder, "has no frame with all its files; add what is missing"))
    return tuple(problems)


def _as_remarks(missing: Sequence[Problem]) -> list[Problem]:
    return [replace(problem, severity="remark") for problem in missing]


def _of_background(path: Path) -> Iterator[Problem]:
    try:
        yield from remarks("background", read_content("background", path))
    except DataError as error:
        yield Problem("error", path, str(error).removeprefix(f"{path} "))
