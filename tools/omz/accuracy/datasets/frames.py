"""The frames of a folder, paired by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omz.accuracy.datasets.layouts import Layout
from omz.accuracy.datasets.paths import Key, PathPattern, natural_key
from omz.accuracy.datasets.sample import Entry, Problem, Role
from omz.errors import DataError
from omz.paths import real_path


@dataclass(frozen=True)
class Frames:
    """Frames of a folder: whole ones, incomplete ones, and problems: missing files, and two files for one."""

    entries: tuple[Entry, ...]
    incomplete: tuple[Entry, ...]
    missing: tuple[Problem, ...]
    ambiguous: tuple[Problem, ...]


def find_frames(folder: Path, layout: Layout) -> Frames:
    """List the frames that ``folder`` has in ``layout``, in natural order; no file is opened but the list of frames.

    A role that the dataset has at all, every frame must have; frames that have not are ``incomplete``.
    Raises :class:`DataError` where a folder or that list cannot be read.
    """
    base = layout.base(folder)
    found: dict[Role, Mapping[Key, Sequence[Path]]] = {}
    for role, text in layout.paths.items():
        files = PathPattern(text).find(base)
        if files:
            found[role] = files
    listed = _listed(base, layout.listing)
    if listed is None:
        listed = set().union(*found.values())
    keys = sorted(listed, key=natural_key)
    whole: list[Entry] = []
    incomplete: list[Entry] = []
    missing = []
    for key, entry in zip(keys, _entries(keys, found), strict=True):
        lacking = [role for role in found if role not in entry.files]
        (incomplete if lacking else whole).append(entry)
        for role in lacking:
            path = base / PathPattern(layout.paths[role]).fill(key)
            message = f"is missing, the {role} of a frame; add it, or leave the frame out (--allow_missing)"
            missing.append(Problem("error", path, message))
    ambiguous = []
    for files in found.values():
        for key in keys:
            if len(files.get(key, ())) > 1:
                first, second, *_ = files[key]
                message = f"stands for the same frame as {first.name}; keep one of the two"
                ambiguous.append(Problem("error", second, message))
    return Frames(tuple(whole), tuple(incomplete), tuple(missing), tuple(ambiguous))


def _entries(keys: Iterable[Key], found: Mapping[Role, Mapping[Key, Sequence[Path]]]) -> Iterator[Entry]:
    counts: dict[str, int] = {}
    for key in keys:
        clip = "/".join(key[:-1])
        index = counts.setdefault(clip, 0)
        counts[clip] += bool(clip)
        there = {role: files[key][0] for role, files in found.items() if key in files}
        yield Entry("/".join(key), clip, index, there)


def _listed(base: Path, pattern: str) -> set[Key] | None:
    """Return the keys in the list of frames; None without a list."""
    path = base / f"{real_path(base).name}.txt"
    if not pattern or not path.is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of frames; write it anew, or remove it") from error
    keys = set()
    for line in filter(None, map(str.strip, lines)):
        key = PathPattern(pattern).parse(line)
        if key is None:
            raise DataError(f"{path} has a line {line!r}, which is not of the form {pattern}.*; correct or remove it")
        keys.add(key)
    return keys
