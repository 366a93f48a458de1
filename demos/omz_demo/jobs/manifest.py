"""What has become of each picture of a job, on the disk as soon as it is known, so that a run can be gone on with.

The file has JSON, a line each: first what results depend on, then a line for every picture that ended. A line that a
killed process has begun is cut away. The last line about a picture holds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import filelock

from omz.errors import ImageError, UsageError
from omz.journal_file import open_journal_file, read_journal_file, what_differs
from omz_demo.inputs.stills import Fingerprint, fingerprint
from omz_demo.outputs.names import Outputs

SCHEMA = "1"

Status: TypeAlias = Literal["done", "failed"]


@dataclass(frozen=True)
class Entry:
    """What became of a picture.

    ``input`` is its path below the root it was found under; ``size`` and ``sha256`` are those of its file.
    ``outputs`` has the SHA-256 of every result, empty where it failed, by the paths as the manifest's folder sees them.
    ``attempts`` counts the runs that tried; ``seconds`` passed from reading it to its results being there.
    """

    input: str
    size: int
    sha256: str
    outputs: Mapping[str, str]
    status: Status
    attempts: int
    seconds: float
    error: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> Fingerprint:
        """That of the input."""
        return Fingerprint(self.size, self.sha256)


class Manifest:
    """The pictures that have ended; ``warning`` says why those of an earlier run do not count, where that is so."""

    def __init__(
        self, folder: Path, before: tuple[Entry, ...], add: Callable[[Mapping[str, Any]], None], warning: str = ""
    ) -> None:
        self.warning = warning
        self._folder = folder
        self._add = add
        self._entries = {frozenset(entry.outputs): entry for entry in before}  # each output is of one picture

    def before(self, outputs: Outputs) -> Entry | None:
        """Return what is known of the picture with these outputs."""
        return self._entries.get(frozenset(map(self.name, outputs.values())))

    def add(self, entry: Entry) -> None:
        """Note a picture; it is kept whatever becomes of this process. Raises :class:`OSError`."""
        self._entries[frozenset(entry.outputs)] = entry
        self._add(asdict(entry))

    def holds(self, entry: Entry, outputs: Outputs) -> bool:
        """Whether the results are there, as they were written."""
        return entry.status == "done" and all(
            fingerprint(path).sha256 == entry.outputs[self.name(path)] for path in outputs.values()
        )

    def name(self, output: Path) -> str:
        """Return the path of a result as the manifest's folder sees it, so that both can move together."""
        try:
            return Path(os.path.relpath(output.absolute(), self._folder)).as_posix()
        except ValueError:  # another drive
            return output.absolute().as_posix()


def manifest_name(shard: tuple[int, int] | None = None) -> str:
    """Return the name of the file: one of its own for each shard, given as its number and their count."""
    return "omz_demo.jsonl" if shard is None else f"omz_demo.{shard[0]}-of-{shard[1]}.jsonl"


def is_manifest_name(name: str) -> bool:
    """Whether a file of this name may be a manifest, of pictures or of videos."""
    return re.fullmatch(r"omz_demo(_videos)?(\.\d+-of-\d+)?\.jsonl", name, re.IGNORECASE) is not None


@contextmanager
def open_manifest(path: Path, depends_on: Mapping[str, str], resume: bool = False) -> Iterator[Manifest]:
    """Open the manifest at ``path``: a new one, or to ``resume``, the one that is there.

    ``depends_on`` is all that results depend on but the pictures themselves, by name: the tool's version, hashes of the
    options, the model and the plate. Where a manifest to resume depends on something else, it is begun anew, with a
    warning. Raises :class:`UsageError` where another process works on it, :class:`ImageError` where it cannot be
    used.
    """
    header = {"schema": SCHEMA, **depends_on}
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(filelock.FileLock(path.with_name(f".{path.name}.lock")).acquire(blocking=False))
            there = read_journal_file(path, _from_json)
            going_on = resume and there.header == header
            add = stack.enter_context(open_journal_file(path, header, there.size if going_on else 0))
        except filelock.Timeout:
            raise UsageError(f"another run works on {path}; wait for it, or give each a shard of its own") from None
        except OSError as error:
            raise ImageError(f"{path} cannot be used: {error.strerror or error}; choose another place") from error
        warning = ""
        if resume and there.header and not going_on:
            warning = f"{path} is of a run with another {what_differs(there.header, header)}; everything is done anew"
        yield Manifest(path.parent.absolute(), there.entries if going_on else (), add, warning)


def _from_json(value: Mapping[str, Any]) -> Entry:
    return Entry(**{**value, "outputs": dict(value["outputs"]), "warnings": tuple(value["warnings"])})
