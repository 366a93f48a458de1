"""Datasets of a configuration: the files that ``annotation_conversion`` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from omz.accuracy.configuration.pictures import resized
from omz.accuracy.configuration.schema import Clips, DatasetEntry, Images, Resize
from omz.accuracy.datasets.content import read_levels
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.layouts import Layout, find_layout
from omz.accuracy.datasets.paths import PathPattern
from omz.accuracy.datasets.sample import Dataset, Entry, Remark, Role, Sample
from omz.errors import DataError
from omz.images.sizes import size_text

Identifiers = Mapping[Role, str]
"""Path of the file of each role below the folder of its kind."""


@dataclass(frozen=True)
class NamedEntry(Entry):
    """A frame with the names of its files: one mapping, or several in the order in which they count."""

    identifiers: tuple[Identifiers, ...] = ()


def identifiers(entry: Entry) -> tuple[Identifiers, ...]:
    """Return the names of a frame's files; those of accuracy checker's layout, unless the dataset has its own."""
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

    @property
    def entries(self) -> Sequence[Entry]:
        """All frames of the other dataset."""
        return self.inner.entries

    @property
    def remarks(self) -> Sequence[Remark]:
        """All remarks on the other dataset."""
        return self.inner.remarks

    @property
    def title(self) -> str:
        """Title of the dataset, with the size."""
        return f"{self.inner.title} at {size_text(*self.step.target)}"

    def read(self, entry: Entry) -> Sample:
        """Read a frame; raises :class:`DataError` naming the file that cannot be used."""
        sample = self.inner.read(entry)
        images: dict[str, Any] = {"picture": resized(sample.picture, self.step)}
        if sample.plate is not None:
            images["plate"] = resized(sample.plate, self.step)
        for name in ("alpha", "foreground", "trimap"):
            truth = getattr(sample, name)
            if truth is not None:
                images[name] = cv2.resize(truth, self.step.target[::-1], interpolation=cv2.INTER_NEAREST)
        return replace(sample, **images)


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
    layout = Layout(name, paths, needs=tuple(zip(paths)))
    if lack := layout.lack(folder):
        raise DataError(f"{folder} lacks the files of dataset {name}: {lack}; name the folder that they are in")
    return layout


def _pattern(conversion: Images, kind: str) -> str:
    """Return where the files of a kind are; a path that is absolute stays so."""
    folder = getattr(conversion, _folder_key(kind))
    prefix, postfix = getattr(conversion, f"{kind}_prefix"), getattr(conversion, f"{kind}_postfix")
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
    found = PathPattern(pattern).find(folder)
    if not found:
        return "alpha"
    levels = read_levels(next(iter(found.values()))[0])
    if levels.ndim == 2 or levels.shape[2] == 3:
        return "alpha"
    if isinstance(conversion, Clips) and conversion.with_alpha and not has_foreground:
        return "foreground"
    return "cutout"


def _named(entry: Entry, conversion: Images | None, base: Path) -> NamedEntry:
    """Name the files of a frame as its dataset does; one whose layout was found out as accuracy checker would, too."""
    kinds: Mapping[Role, str] = {"picture": "image", "plate": "background"}
    names: dict[Role, str] = {}
    for role, kind in kinds.items():
        if role in entry.files:
            folder = base
            if conversion:
                folder /= getattr(conversion, _folder_key(kind))
            names[role] = entry.files[role].relative_to(folder).as_posix()
    if conversion is None:
        return NamedEntry(**vars(entry), identifiers=(_usual(entry), names))
    return NamedEntry(**vars(entry), identifiers=(names,))


def _usual(entry: Entry) -> Identifiers:
    return {"picture": f"com/{entry.name}", "plate": f"bgr/{entry.name}"}
