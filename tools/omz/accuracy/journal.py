"""What has been found of each frame, on the disk as soon as it is, so that a run that was killed can go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, ModelFrame, follows
from omz.accuracy.datasets.sample import Dataset, Entry
from omz.errors import UsageError

_SHOWN = 80  # characters of what differs


class Journal:
    """The frames that are done, in the order of the dataset; a line each, after one that says what they depend on."""

    def __init__(self, file: TextIO, done: Sequence[FrameResult]) -> None:
        self._file = file
        self.done = tuple(done)

    def add(self, result: FrameResult) -> None:
        """Note a frame; it is kept whatever becomes of this process."""
        self._file.write(f"{json.dumps(_as_json(result))}\n")
        self._file.flush()


@contextmanager
def open_journal(path: Path, depends_on: Mapping[str, str], resume: bool) -> Iterator[Journal]:
    """Open the journal at ``path``: a new one, or to ``resume``, the one that is there, if there is one.

    ``depends_on`` is all that figures depend on, by name. Raises :class:`UsageError` where it differs from that of the
    journal that is there, or where a journal with results is there and is not to be resumed; and :class:`OSError` where
    it cannot be written.
    """
    header, done, size = _read(path)
    if done and not resume:
        raise UsageError(
            f"{path} has {len(done)} frames of a run that was killed; --resume goes on, or remove the file"
        )
    if resume and header and header != depends_on:
        raise UsageError(f"{path} was begun with another {_other(header, depends_on)}; remove it to begin anew")
    if not resume:
        header, size = {}, 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+" if header else "w", encoding="utf-8") as file:
        file.truncate(size)
        file.seek(size)
        if not header:
            file.write(f"{json.dumps(dict(depends_on))}\n")
            file.flush()
        yield Journal(file, done)


def depends_on_files(dataset: Dataset) -> str:
    """Return what changes with the files of a dataset, without reading them: paths, sizes, and when they were written.

    A file that is not there has a size of its own; reading it tells.
    """
    return json.dumps([[entry.name, [_stamp(path) for path in entry.files.values()]] for entry in dataset.entries])


def rest(entries: Sequence[Entry], done: int, remembers: bool, looks_back: bool) -> Sequence[Entry]:
    """Return the frames to run where the first ``done`` are known: the others, and before these, those they depend on.

    A model that ``remembers`` has to see a clip from its beginning; what ``looks_back`` needs the frame before.
    """
    first = done
    if done < len(entries):
        while first and follows(entries[first], entries[first - 1]) and (remembers or (looks_back and first == done)):
            first -= 1
    return entries[first:]


def _other(header: Mapping[str, str], depends_on: Mapping[str, str]) -> str:
    """Return the first thing that differs, by its name, and the part of it that does."""
    name = next(name for name in {**header, **depends_on} if header.get(name) != depends_on.get(name))
    before, now = (each.get(name, "none") for each in (header, depends_on))
    first = next((index for index, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, first - _SHOWN // 2)
    shown = (f"{'…' if start else ''}{text[start : start + _SHOWN]}" for text in (before, now))
    return f"{name} ({', not '.join(shown)})"


def _stamp(path: Path) -> list[object]:
    try:
        stat = path.stat()
    except OSError:
        return [str(path), -1, 0]
    return [str(path), stat.st_size, stat.st_mtime_ns]


def _read(path: Path) -> tuple[dict[str, str], list[FrameResult], int]:
    """Return what a journal says, and how many bytes of it are whole lines; nothing where it cannot be used."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, [], 0
    header: dict[str, str] = {}
    done: list[FrameResult] = []
    size = 0
    for line in content.splitlines(keepends=True):
        try:
            value = json.loads(line if line.endswith(b"\n") else b"")
            if header:
                done.append(_from_json(value))
            else:
                header = dict(value)
        except (ValueError, TypeError, KeyError, AttributeError):
            break  # a line that a killed process has begun
        size += len(line)
    return header, done, size


def _as_json(result: FrameResult) -> dict[str, Any]:
    """Return a frame as JSON has it, which knows no pairs for keys."""
    agreements = [
        {"pair": pair, "outputs": {name: asdict(each) for name, each in found.items()}}
        for pair, found in result.agreements.items()
    ]
    return {**asdict(replace(result, agreements={})), "agreements": agreements}


def _from_json(value: Mapping[str, Any]) -> FrameResult:
    models = {label: ModelFrame(**frame) for label, frame in value["models"].items()}
    agreements = {
        tuple(each["pair"]): {name: Agreement(**found) for name, found in each["outputs"].items()}
        for each in value["agreements"]
    }
    return FrameResult(**{**value, "models": models, "agreements": agreements})
