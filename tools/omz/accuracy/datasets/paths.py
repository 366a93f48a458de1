"""Files of a folder by the names in their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from omz.errors import DataError
from omz.images.suffixes import natural

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
"""Suffixes of the formats in which datasets come; other images beside them, such as animations, are not frames."""

Key: TypeAlias = tuple[str, ...]
"""The names in a path, in their order: those of the clip, and last that of the frame."""

_NAME = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class PathPattern:
    """Paths of pictures, such as ``com/{clip}/{frame}``, where braces hold the place of a part of a name.

    A file's suffix is one of ``SUFFIXES``, unless the pattern ends in one. Hidden files and folders are not seen, among
    them the ``._*`` that macOS leaves. Patterns of files that belong together have the same names, in the same order.
    """

    text: str

    def find(self, folder: Path) -> Mapping[Key, Sequence[Path]]:
        """Return the files below ``folder``; more than one of a key where they differ in suffix alone.

        Raises :class:`DataError` for a folder that cannot be listed.
        """
        found: dict[Key, list[Path]] = {}
        for key, path in _walk(folder, self._segments, ()):
            found.setdefault(key, []).append(path)
        return found

    def is_in(self, folder: Path) -> bool:
        """Tell whether the folder has such a file."""
        return next(_walk(folder, self._segments, ()), None) is not None

    def parse(self, path: str) -> Key | None:
        """Return the names in a path written with slashes, of any suffix; None where it is of another form."""
        stem = path if self._has_suffix else path.rpartition(".")[0] or path
        match = re.fullmatch("/".join(map(_expression, self._segments)), stem)
        return match.groups() if match else None

    def fill(self, key: Key) -> str:
        """Return the path of ``key``, with ``.*`` for a suffix that is not known."""
        names = iter(key)
        path = _NAME.sub(lambda _: next(names), self.text)
        return path if self._has_suffix else f"{path}.*"

    @cached_property
    def _segments(self) -> tuple[str, ...]:
        return Path(self.text).parts

    @property
    def _has_suffix(self) -> bool:
        return _has_suffix(self.text)


def natural_key(key: Sequence[str]) -> tuple[object, ...]:
    """Return what sorts the names of a path as people do: 2 before 10."""
    return tuple(map(natural, key))


def _walk(folder: Path, segments: Sequence[str], key: Key) -> Iterator[tuple[Key, Path]]:
    """Go down a folder a segment; ``key`` are the names so far."""
    segment, rest = segments[0], segments[1:]
    if rest and not _NAME.search(segment):
        yield from _walk(folder / segment, rest, key)
        return
    expression = re.compile(_expression(segment))
    for path in _visible(folder):
        if rest:
            match = expression.fullmatch(path.name)
            if match and path.is_dir():
                yield from _walk(path, rest, (*key, *match.groups()))
        elif _has_suffix(path.name):
            match = expression.fullmatch(path.name if _has_suffix(segment) else path.stem)
            if match and path.is_file():
                yield (*key, *match.groups()), path


def _visible(folder: Path) -> Sequence[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise DataError(f"{folder} cannot be listed: {error.strerror}; check its permissions") from error


def _expression(segment: str) -> str:
    """Return the regular expression of a segment, a group for each name."""
    return "([^/]+)".join(map(re.escape, _NAME.split(segment)))


def _has_suffix(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)
