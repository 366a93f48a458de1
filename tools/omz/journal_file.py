"""Journals: files of JSON lines, added as work is done, so that a killed run can continue."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from omz.paths import without_links

Entry = TypeVar("Entry")

_SHOWN = 80  # characters of a difference


@dataclass(frozen=True)
class Written(Generic[Entry]):
    """Content of a journal: ``header``, its first line, names what the work depends on; ``entries`` follow.

    ``size`` counts the bytes of whole lines. All are empty if there is no file, or an unusable one.
    """

    header: Mapping[str, str]
    entries: tuple[Entry, ...]
    size: int


def read_journal_file(path: Path, parse: Callable[[Any], Entry]) -> Written[Entry]:
    """Read the file at ``path`` up to the first broken line, which a killed process has begun.

    ``parse`` makes an entry of the value of a line, and raises ValueError, TypeError, KeyError or AttributeError for
    anything else. Raises :class:`OSError` if the file exists but cannot be read.
    """
    header: dict[str, str] = {}
    entries: list[Entry] = []
    size = 0
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    value = json.loads(line)
                    if header:
                        entries.append(parse(value))
                    else:
                        header = dict(value)
                except (ValueError, TypeError, KeyError, AttributeError):
                    break
                size += len(line)
    except FileNotFoundError:
        pass
    return Written(header, tuple(entries), size)


@contextmanager
def open_journal_file(
    path: Path, depends_on: Mapping[str, str], going_on: int = 0
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Open the file at ``path`` and give a function that adds a line, which stays even if the process is killed.

    ``going_on`` is the number of bytes to keep, header included; 0 starts a new file with ``depends_on`` as the first
    line. A line that cannot be written whole is taken back. Raises :class:`OSError` if the file cannot be written, and
    for a link.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab", buffering=0, opener=without_links) as file:
        file.truncate(going_on)

        def add(value: Mapping[str, Any]) -> None:
            rest = f"{json.dumps(dict(value))}\n".encode()
            size = os.fstat(file.fileno()).st_size
            try:
                while rest:
                    rest = rest[file.write(rest) :]  # a disk that fills up takes a part, and then fails
            except OSError:
                file.truncate(size)
                raise

        if not going_on:
            add(depends_on)
        yield add


def what_differs(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the name and the text of the first difference between two headers, which must differ."""
    name = next(name for name in {**before, **now} if before.get(name) != now.get(name))
    old, new = str(before.get(name, "none")), str(now.get(name, "none"))
    pairs = zip(old, new, strict=False)
    start = max(0, next((index for index, (one, other) in enumerate(pairs) if one != other), 0) - _SHOWN // 2)
    dots = "…" if start else ""
    return f"{name} ({dots}{old[start : start + _SHOWN]}, not {dots}{new[start : start + _SHOWN]})"
