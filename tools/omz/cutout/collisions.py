"""Results that would replace one another, or what is read: found before any is written."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from omz.cutout.inputs import Input
from omz.errors import UsageError
from omz.paths import real_path

Results: TypeAlias = Mapping[Input, Collection[Path]]


def name_key(path: Path) -> str:
    """Return a key that is the same for paths that are one file on some systems: in small letters, composed."""
    return unicodedata.normalize("NFC", str(real_path(path))).casefold()


def colliding(results: Results) -> list[list[Input]]:
    """Return the inputs that have a result in common, in groups."""
    users: dict[str, list[Input]] = defaultdict(list)
    for item, places in results.items():
        for place in places:
            users[name_key(place)].append(item)
    return [group for group in users.values() if len(group) > 1]


def check_collisions(results: Results, also_read: Iterable[Path] = (), sequences: Collection[Path] = ()) -> None:
    """Check that each result has a place of its own; ``sequences`` are those that are folders of frames.

    Such a folder is for its frames alone. Raises :class:`UsageError` for results of one name (small and capital letters
    are the same), and for one that would replace an input, or one of the files that are ``also_read``.
    """
    for first, second, *_rest in colliding(results):
        place = next(iter(results[first]))
        raise UsageError(
            f"{first.source} and {second.source} would both become {place}, capitals aside; rename one of them"
        )
    inputs = [item.path for item in results if item.kind in ("picture", "video")]
    read = {name_key(path): path for path in (*inputs, *also_read)}
    files = list(read.values())
    for place in chain.from_iterable(results.values()):
        if name_key(place) in read:
            raise UsageError(f"{place} would replace {read[name_key(place)]}, which is read; name another output")
        files.append(place)
    if not sequences:
        return
    owned = {name_key(folder): folder for folder in sequences}
    for folder, path in {real_path(path).parent: path for path in files}.items():
        for key in map(name_key, (folder, *folder.parents)):
            if key in owned:
                raise UsageError(
                    f"{owned[key]} is for the frames of a video alone, and {path} is in it; name another output"
                )


def check_apart(inputs: Iterable[Input], folder: Path, results: Iterable[Path]) -> None:
    """Raise :class:`UsageError` where results below ``folder`` would be found as inputs by the next run.

    Where that is below the root of a search, the search leaves it out (see
    :func:`omz.cutout.inputs.discover`); where it is that root or above it, results may lie among the inputs.
    """
    searched = {real_path(item.root) for item in inputs if item.is_found}
    searched -= {*real_path(folder).parents}
    for place in dict.fromkeys(path.parent for path in results):
        real = real_path(place)
        if not searched.isdisjoint((real, *real.parents)):
            raise UsageError(f"{place} has the inputs, and results there would be inputs, too; name another output")
