"""Files of JSON, a line each, to which lines are added as work is done, so that a run that was killed can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

Entry = TypeVar("Entry")

_SHOWN = 80  # characters of what differs


@dataclass(frozen=True)
class Written(Generic[Entry]):
    """What a file says: in its first line, ``header``, what the work depends on, by name; ``entries`` after it.

    ``size`` is how many bytes of it are whole lines. All is empty where there is no file, or none that can be used.
    """

    header: Mapping[str, str]
    entries: tuple[Entry, ...]
    size: int


def read_journal_file(path: Path, parse: Callable[[Any], Entry]) -> Written[Entry]:
    """Read the file at ``path`` up to the first line that is no entry, which a killed process has begun.

    ``parse`` makes an entry of what is in a line, and raises ValueError, TypeError, KeyError or AttributeError where it
    is none. Raises :class:`OSError` where a file is there and cannot be read.
    """
    header: dict[str, str] = {}
    entries: list[Entry] = []
    size = 0
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    value = json.loads(line if line.endswith(b"\n") else b"")
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
    """Open the file at ``path`` and give a function that adds a line, which is kept whatever becomes of this process.

    ``going_on`` is the size of what is there and stays, header included; 0 begins anew, with ``depends_on`` as the
    first line. A line that cannot be written whole is taken back. Raises :class:`OSError` where it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.truncate(going_on)

        def add(value: Mapping[str, Any]) -> None:
            rest = f"{json.dumps(dict(value))}\n".encode()
            size = os.fstat(file.fileno()).st_size
            try:
                while rest:
                    rest = rest[file.write(rest) :]  # what is left where the disk gets full, which then says so
            except OSError:
                file.truncate(size)
                raise

        if not going_on:
            add(depends_on)
        yield add


def what_differs(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the first thing that differs between what two runs depend on, by its name, and the part of it that does.

    They must differ.
    """
    name = next(name for name in {**before, **now} if before.get(name) != now.get(name))
    texts = [str(each.get(name, "none")) for each in (before, now)]
    first = next((index for index, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, first - _SHOWN // 2)
    shown = (f"{'…' if start else ''}{text[start : start + _SHOWN]}" for text in texts)
    return f"{name} ({', not '.join(shown)})"
