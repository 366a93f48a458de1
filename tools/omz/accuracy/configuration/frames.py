"""The ``annotation_conversion`` of a configuration: where a dataset's files are, as a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import cv2

from omz.accuracy.configuration.pictures import resized
from omz.accuracy.configuration.schema import Clips, DatasetEntry, Images, Resize
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.layouts import Layout, find_layout
from omz.accuracy.datasets.paths import PathPattern
from omz.accuracy.datasets.sample import Dataset, Entry, Role, Sample
from omz.errors import DataError, ImageError
from omz.images.files import read_levels

Identifiers = Mapping[Role, str]
"""What the file of a role is called in a dataset: its path below the folder of its kind."""


@dataclass(frozen=True)
class NamedEntry(Entry):
    """A frame, and what its files are called; where there are several names, those of all roles first count first."""

    identifiers: tuple[Identifiers, ...] = ()


def identifiers(entry: Entry) -> tuple[Identifiers, ...]:
    """Return what the files of a frame are called; as in accuracy checker's layout, where no dataset tells it."""
    if isinstance(entry, NamedEntry):
        return entry.identifiers
    return (_usual(entry),)


def open_frames(frames: DatasetEntry, source: Path, allow_missing: bool = False, count: int | None = None) -> Dataset:
    """List the frames of a dataset whose relative paths start from ``source``; none is read yet.

    Without ``annotation_conversion`` the layout is found out. ``count`` is how many frames to take at most, the
    dataset's own ``subsample_size`` unless given: whole clips in their order, at least one. Raises :class:`DataError`
    as :func:`omz.accuracy.datasets.folder.open_dataset` does.
    """
    conversion = frames.annotation_conversion
    if conversion is None:
        folder = source / (frames.data_source or "")
        layout = find_layout(folder, "auto")
    else:
        folder = source
        layout = _layout(frames.name, conversion, folder)
    dataset = open_dataset(folder, layout, allow_missing=allow_missing)
    named = [_named(entry, conversion, layout.base(folder)) for entry in dataset.entries]
    return at_its_size(frames, replace(dataset, entries=whole_clips(named, count or frames.subsample_size)))


def at_its_size(frames: DatasetEntry, dataset: Dataset) -> Dataset:
    """Return ``dataset``, whatever it is, at the size that ``postprocessing`` brings truth to; as it is without one."""
    if not frames.postprocessing:
        return dataset
    step = next(step for step in frames.preprocessing if isinstance(step, Resize))
    return ResizedDataset(dataset, step)


def whole_clips(entries: Sequence[Entry], count: int | None) -> Sequence[Entry]:
    """Return the first clips with no more than ``count`` frames together, or the first clip; pictures are single."""
    if count is None:
        return entries
    taken: list[Entry] = []
    start = 0
    while start < len(entries):
        clip = entries[start].clip
        end = start + 1
        while clip and end < len(entries) and entries[end].clip == clip:
            end += 1
        if taken and end > count:
            break
        taken += entries[start:end]
        start = end
    return taken


@dataclass(frozen=True)
class ResizedDataset:
    """Frames of another dataset at the size of a step: pictures as this resizes them, truth by its nearest pixels."""

    inner: Dataset
    step: Resize
    entries: Sequence[Entry] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", self.inner.entries)

    @property
    def title(self) -> str:
        """What people call it."""
        height, width = self.step.target
        return f"{self.inner.title} at {width}x{height}"

    def read(self, entry: Entry) -> Sample:
        """Read a frame; raises :class:`DataError` naming the file that cannot be used."""
        sample = self.inner.read(entry)
        truth = {
            name: cv2.resize(levels, self.step.target[::-1], interpolation=cv2.INTER_NEAREST)
            for name in ("alpha", "foreground", "trimap")
            if (levels := getattr(sample, name)) is not None
        }
        plate = None if sample.plate is None else resized(sample.plate, self.step)
        return replace(sample, picture=resized(sample.picture, self.step), plate=plate, **truth)


def _layout(name: str, conversion: Images, folder: Path) -> Layout:
    """Return where the files of a conversion are; raises :class:`DataError` where one kind has none."""
    paths: dict[Role, str] = {"picture": _pattern(conversion, "image")}
    if isinstance(conversion, Clips):
        if conversion.with_background:
            paths["plate"] = _pattern(conversion, "background")
        if conversion.with_foreground:
            paths["foreground"] = _pattern(conversion, "foreground")
    mask = _pattern(conversion, "mask")
    if mask != paths.get("foreground"):
        paths[_mask_role(conversion, mask, folder, "foreground" in paths)] = mask
    layout = Layout(name, paths, needs=tuple((role,) for role in paths))
    if lack := layout.lack(folder):
        raise DataError(f"{folder} has not the files of dataset {name}: {lack}; name the folder that they are in")
    return layout


def _pattern(conversion: Images, kind: str) -> str:
    """Return where the files of a kind are; a path that is absolute stays so."""
    folder, prefix, postfix = (
        getattr(conversion, key) for key in (_folder_key(kind), f"{kind}_prefix", f"{kind}_postfix")
    )
    if not isinstance(conversion, Clips):
        inner = f"{prefix}{{frame}}{postfix}"
    elif conversion.per_clip_location:
        inner = f"{{clip}}/{prefix}/{{frame}}{postfix}"
    else:
        inner = f"{prefix}{{clip}}/{{frame}}{postfix}"
    return str(Path(folder, inner))


def _folder_key(kind: str) -> str:
    return f"{kind}s_dir"


def _mask_role(conversion: Images, pattern: str, folder: Path, has_foreground: bool) -> Role:
    """Return what masks hold: alpha as grey, or as the fourth channel beside colours.

    In clips these colours are the foreground's, unless that has files of its own; elsewhere they are just a cut-out's.
    """
    first = next(iter(PathPattern(pattern).find(folder).values()), None)
    try:
        levels = read_levels(first[0]) if first else None
    except ImageError as error:
        raise DataError(str(error)) from error
    if levels is None or levels.ndim == 2 or levels.shape[2] == 3:
        return "alpha"
    is_foreground = isinstance(conversion, Clips) and conversion.with_alpha and not has_foreground
    return "foreground" if is_foreground else "cutout"


def _named(entry: Entry, conversion: Images | None, base: Path) -> NamedEntry:
    """Name the files of a frame as its dataset does; one whose layout was found out as accuracy checker would, too."""
    kinds: Mapping[Role, str] = {"picture": "image", "plate": "background"}
    names: dict[Role, str] = {}
    for role, kind in kinds.items():
        if role in entry.files:
            folder = base if conversion is None else base / getattr(conversion, _folder_key(kind))
            names[role] = entry.files[role].relative_to(folder).as_posix()
    inherited = {each.name: getattr(entry, each.name) for each in fields(Entry)}
    return NamedEntry(**inherited, identifiers=(names,) if conversion else (_usual(entry), names))


def _usual(entry: Entry) -> Identifiers:
    return {"picture": f"com/{entry.name}", "plate": f"bgr/{entry.name}"}
