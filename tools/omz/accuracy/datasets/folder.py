"""A folder of a known layout, as a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omz.accuracy.datasets.compositing import Backgrounds
from omz.accuracy.datasets.frames import Frames, find_frames
from omz.accuracy.datasets.layouts import Layout, find_layout
from omz.accuracy.datasets.reading import read_frame
from omz.accuracy.datasets.sample import Entry, Sample
from omz.errors import DataError


@dataclass(frozen=True)
class FolderDataset:
    """The whole frames of a folder; ``left_out`` are the names of those that a file is missing for.

    ``backgrounds`` are what foregrounds are placed before; unused where the dataset has pictures.
    """

    folder: Path
    layout: Layout
    entries: Sequence[Entry]
    left_out: Sequence[str]
    backgrounds: Backgrounds

    @property
    def title(self) -> str:
        """What people call it."""
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
    chosen = layout if isinstance(layout, Layout) else find_layout(folder, layout)
    behind = find_backgrounds(folder, chosen, backgrounds, seed)
    frames = find_frames(folder, chosen)
    _check(folder, frames, allow_missing)
    entries = _with_backgrounds(frames.entries, behind) if chosen.is_composited else frames.entries
    return FolderDataset(folder, chosen, entries, [entry.name for entry in frames.incomplete], behind)


def find_backgrounds(folder: Path, layout: Layout, backgrounds: Path | None, seed: int = 0) -> Backgrounds:
    """Return what foregrounds are placed before; raises :class:`DataError` where the dataset has pictures already."""
    if backgrounds and not layout.is_composited:
        raise DataError(f"{folder} has pictures ({layout.name}), which need no backgrounds; leave {backgrounds} out")
    return Backgrounds(backgrounds or layout.base(folder) / "bgr", seed)


def _check(folder: Path, frames: Frames, allow_missing: bool) -> None:
    problems = frames.ambiguous + (() if allow_missing else frames.missing)
    if problems:
        more = f"; {len(problems) - 1} more such files, see --check_dataset" if len(problems) > 1 else ""
        raise DataError(f"{problems[0]}{more}")
    if not frames.entries:
        raise DataError(f"{folder} has no frame with all its files; --check_dataset names what is missing")


def _with_backgrounds(entries: Sequence[Entry], backgrounds: Backgrounds) -> Sequence[Entry]:
    """Give each clip its background; a picture without a clip has one of its own."""
    files = backgrounds.files()
    clips = {entry.clip or entry.name for entry in entries}
    chosen = {clip: backgrounds.choose(clip, files) for clip in clips}
    return tuple(
        replace(entry, files={**entry.files, "background": chosen[entry.clip or entry.name]}) for entry in entries
    )
