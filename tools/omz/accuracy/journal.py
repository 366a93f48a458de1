"""What has been found of each frame, on the disk as soon as it is, so that a run that was killed can go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, ModelFrame, follows
from omz.accuracy.datasets.sample import Dataset, Entry
from omz.errors import UsageError
from omz.journal_file import open_journal_file, read_journal_file, what_differs


class Journal:
    """The frames that are done, in the order of the dataset; a line each, after one that says what they depend on."""

    def __init__(self, add: Callable[[Mapping[str, Any]], None], done: Sequence[FrameResult]) -> None:
        self._add = add
        self.done = tuple(done)

    def add(self, result: FrameResult) -> None:
        """Note a frame; it is kept whatever becomes of this process."""
        self._add(_as_json(result))


@contextmanager
def open_journal(path: Path, depends_on: Mapping[str, str], resume: bool) -> Iterator[Journal]:
    """Open the journal at ``path``: a new one, or to ``resume``, the one that is there, if there is one.

    ``depends_on`` is all that figures depend on, by name. Raises :class:`UsageError` where it differs from that of the
    journal that is there, or where a journal with results is there and is not to be resumed; and :class:`OSError` where
    it cannot be written.
    """
    there = read_journal_file(path, _from_json)
    if there.entries and not resume:
        raise UsageError(
            f"{path} has {len(there.entries)} frames of a run that was killed; --resume goes on, or remove the file"
        )
    if resume and there.header and there.header != depends_on:
        raise UsageError(
            f"{path} was begun with another {what_differs(there.header, depends_on)}; remove it to begin anew"
        )
    with open_journal_file(path, depends_on, going_on=there.size if resume else 0) as add:
        yield Journal(add, there.entries)


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


def _stamp(path: Path) -> list[object]:
    try:
        stat = path.stat()
    except OSError:
        return [str(path), -1, 0]
    return [str(path), stat.st_size, stat.st_mtime_ns]


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
