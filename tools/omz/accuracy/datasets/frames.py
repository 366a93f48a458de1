"""The frames of a folder, paired by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omz.accuracy.datasets.layouts import Layout
from omz.accuracy.datasets.paths import Key, PathPattern, natural
from omz.accuracy.datasets.sample import Entry, Problem, Role
from omz.errors import DataError


@dataclass(frozen=True)
class Frames:
    """What a folder has: whole frames, others with the files they have, the missing ones, and twins of files."""

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
    patterns = {role: PathPattern(text) for role, text in layout.paths.items()}
    found = {role: files for role, pattern in patterns.items() if (files := pattern.find(base))}
    listed = _listed(base, layout.listing)
    keys = sorted(listed if listed is not None else set().union(*found.values()), key=natural)
    lacking = {key: [role for role in found if key not in found[role]] for key in keys}
    entries = dict(zip(keys, _entries(keys, found), strict=True))
    return Frames(
        tuple(entry for key, entry in entries.items() if not lacking[key]),
        tuple(entry for key, entry in entries.items() if lacking[key]),
        tuple(_missing(base / patterns[role].fill(key), role) for key in keys for role in lacking[key]),
        tuple(_ambiguous(files[key]) for files in found.values() for key in keys if len(files.get(key, ())) > 1),
    )


def _entries(keys: Iterable[Key], found: Mapping[Role, Mapping[Key, Sequence[Path]]]) -> Iterator[Entry]:
    """Yield all frames, with the files that there are."""
    counts: dict[str, int] = {}
    for key in keys:
        clip = "/".join(key[:-1])
        index = counts.setdefault(clip, 0)
        counts[clip] += bool(clip)
        yield Entry("/".join(key), clip, index, {role: files[key][0] for role, files in found.items() if key in files})


def _listed(base: Path, pattern: str) -> set[Key] | None:
    """Return the keys in the list of frames, None where there is none."""
    path = base / f"{base.resolve().name}.txt"
    if not pattern or not path.is_file():
        return None
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of frames; write it anew, or remove it") from error
    keys = {line: PathPattern(pattern).parse(line) for line in lines}
    if strange := [line for line, key in keys.items() if key is None]:
        raise DataError(f"{path} has a line {strange[0]!r}, which is not of the form {pattern}.*; correct or remove it")
    return {key for key in keys.values() if key is not None}


def _missing(path: Path, role: Role) -> Problem:
    return Problem(
        "error", path, f"is missing, the {role} of a frame; add it, or leave the frame out (--allow_missing)"
    )


def _ambiguous(paths: Sequence[Path]) -> Problem:
    return Problem("error", paths[1], f"stands for the same frame as {paths[0].name}; keep one of the two")
