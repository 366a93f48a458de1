"""Manifest of a run: a line about each image or video that ended, so that a later run can go on.

The file has JSON, a line each: first what results depend on, then a line for every input that ended, on the disk as
soon as that is known. A line that a killed process has begun is cut away. The last line about an input holds.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from omz.checksum import file_digest
from omz.cutout.inputs import Input
from omz.cutout.names import BESIDES, Outputs, is_file_name
from omz.cutout.options import Options
from omz.errors import ImageError, UsageError, VideoError, os_reason
from omz.journal_file import open_journal_file, read_journal_file, what_differs
from omz.video.sequence import TIMES

if TYPE_CHECKING:
    from omz.cutout.session import Session

SCHEMA = "1"
ALGORITHM = "sha256"
FAILURES = "omz_demo_failed.txt"
"""Name of the list of failures that ``--watch`` keeps beside its manifest."""
NOTHING_NOTED = (
    "results lie in several folders, and nothing notes which of them are done: all are done; "
    "with a folder as --output, --resume can go on"
)
"""Warning of a run that is to be resumed and has no folder for a manifest."""

Status: TypeAlias = Literal["done", "failed"]


@dataclass(frozen=True)
class Fingerprint:
    """Size in bytes and SHA-256 of a file's content; -1 and none for a file that cannot be read."""

    size: int = -1
    sha256: str = ""


def fingerprint(path: Path) -> Fingerprint:
    """Return the fingerprint of a file."""
    try:
        return Fingerprint(path.stat().st_size, file_digest(path, ALGORITHM))
    except OSError:
        return Fingerprint()


def fingerprint_of(content: bytes) -> Fingerprint:
    """Return the fingerprint of a file with this content."""
    return Fingerprint(len(content), hashlib.new(ALGORITHM, content).hexdigest())


@dataclass(frozen=True)
class Entry:
    """Line about an image or a video.

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
        """Fingerprint of the input."""
        return Fingerprint(self.size, self.sha256)


class Manifest:
    """Inputs that have ended; ``warning`` says why those of an earlier run do not count, and is empty if they do."""

    def __init__(
        self, folder: Path, before: tuple[Entry, ...], add: Callable[[Mapping[str, Any]], None], warning: str = ""
    ) -> None:
        self.warning = warning
        self._folder = folder
        self._add = add
        self._entries = {frozenset(entry.outputs): entry for entry in before}  # each output is of one picture

    def before(self, outputs: Outputs) -> Entry | None:
        """Return the line about the input with these outputs."""
        return self._entries.get(frozenset(map(self.name, outputs.values())))

    def attempts(self, outputs: Outputs) -> int:
        """Return how many runs have tried the input with these outputs."""
        entry = self.before(outputs)
        return 0 if entry is None else entry.attempts

    @property
    def entries(self) -> Collection[Entry]:
        """The last line about each input."""
        return self._entries.values()

    def path(self, name: str) -> Path:
        """Return the path of a result with this name in a line; of PNG files, their folder."""
        path = self._folder / name
        return path.parent if path.name == TIMES else path

    def add(self, entry: Entry) -> None:
        """Note an input; it is kept whatever becomes of this process. Raises :class:`OSError`."""
        self._entries[frozenset(entry.outputs)] = entry
        self._add(asdict(entry))

    def holds(self, entry: Entry, outputs: Outputs) -> bool:
        """Return whether the results are there, as they were written."""
        return entry.status == "done" and self.is_whole(entry, outputs)

    def is_whole(self, entry: Entry, outputs: Outputs) -> bool:
        """Return whether files are as they were when their line was written, failed or not."""
        return all(fingerprint(path).sha256 == entry.outputs[self.name(path)] for path in outputs.values())

    def name(self, output: Path) -> str:
        """Return the path of a result as the manifest's folder sees it, so that both can move together."""
        try:
            return Path(os.path.relpath(output.absolute(), self._folder)).as_posix()
        except ValueError:  # another drive
            return output.absolute().as_posix()


def manifest_name(shard: tuple[int, int] | None = None) -> str:
    """Return the name of the file: one of its own for each shard, given as its number and their count."""
    if shard is None:
        return "omz_demo.jsonl"
    return f"omz_demo.{shard[0]}-of-{shard[1]}.jsonl"


def is_manifest_name(name: str) -> bool:
    """Whether a file of this name may be a manifest, of pictures or of videos, or the list of failures of a watch."""
    if name.lower() == FAILURES:
        return True
    return re.fullmatch(r"omz_demo(_videos)?(\.\d+-of-\d+)?\.jsonl", name, re.IGNORECASE) is not None


@contextmanager
def open_manifest(path: Path, depends_on: Mapping[str, str], resume: bool = False) -> Iterator[Manifest]:
    """Open the manifest at ``path``: a new one, or to ``resume``, the one that is there.

    ``depends_on`` is all that results depend on but the pictures themselves, by name: the tool's version, hashes of the
    options, the model and the plate. Where a manifest to resume depends on something else, it is begun anew, with a
    warning. Raises :class:`UsageError` where another process works on it, :class:`ImageError` where it cannot be
    used.
    """
    import filelock

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
            raise ImageError(f"{path} cannot be used: {os_reason(error)}; choose another place") from error
        warning = ""
        if resume and there.header and not going_on:
            warning = f"{path} is of a run with another {what_differs(there.header, header)}; everything is done anew"
        yield Manifest(path.parent.absolute(), there.entries if going_on else (), add, warning)


def _from_json(value: Mapping[str, Any]) -> Entry:
    return Entry(**{**value, "outputs": dict(value["outputs"]), "warnings": tuple(value["warnings"])})


@contextmanager
def open_manifest_of(session: Session, results: Iterable[Outputs], video: bool) -> Iterator[Manifest | None]:
    """Open the manifest of a run's images, or of its videos; None, with a warning if need be, where it has no folder.

    Raises :class:`UsageError` and :class:`ImageError` as :func:`open_manifest` does.
    """
    options = session.options
    folder = manifest_folder(options, results)
    if folder is None:
        if options.resume:
            session.tally.warn(NOTHING_NOTED)
        yield None
        return
    name, depends_on = manifest_name(options.part), session.depends_on(video)
    if video:  # that of images may lie beside it
        name = name.replace("omz_demo", "omz_demo_videos", 1)
        depends_on["sound"] = str(options.sound)
    with open_manifest(folder / name, depends_on, options.resume) as manifest:
        if manifest.warning:
            session.tally.warn(manifest.warning)
        yield manifest


def manifest_folder(options: Options, results: Iterable[Outputs]) -> Path | None:
    """Return the folder of results; beside the inputs, the one folder that was given, or that has all results.

    None where there is none of these: a folder that they have in common may be anybody's.
    """
    output = options.output
    if output is not None and is_file_name(output) and not options.output_is_folder:
        return output.parent
    if output is not None:
        return output
    if len(options.inputs) == 1 and os.path.isdir(options.inputs[0]):
        return Path(options.inputs[0])
    folders: set[Path] = set()
    for outputs in results:
        folders.update(path.parent.absolute() for what, path in outputs.items() if what not in BESIDES)
    return folders.pop() if len(folders) == 1 else None


class FinishedVideos:
    """Videos that earlier runs went through to their end; without a ``manifest``, none.

    Of a folder of PNG files, the file with their times stands for all.
    """

    def __init__(self, manifest: Manifest | None, retry_failed: bool) -> None:
        self._manifest, self._retry_failed = manifest, retry_failed

    def before(self, item: Input, outputs: Outputs) -> Entry | None:
        """Return the line about a video that needs no other try: neither it nor its results have changed."""
        if self._manifest is None:
            return None
        files = _files(outputs)
        entry = self._manifest.before(files)
        if entry is None or entry.input != str(item.relative) or (entry.status == "failed" and self._retry_failed):
            return None
        if not self._manifest.is_whole(entry, files) or entry.fingerprint != fingerprint(item.path):
            return None
        return entry

    def notes(self, item: Input) -> bool:
        """Return whether an input is noted once it has ended."""
        return self._manifest is not None and item.kind == "video"

    def add(self, item: Input, video: Fingerprint, outputs: Outputs, problem: str, seconds: float) -> None:
        """Note a video, whose file is ``video``; ``problem`` says why it ended early.

        Raises :class:`VideoError` if that cannot be written.
        """
        if self._manifest is None:
            return
        files = _files(outputs)
        entry = Entry(
            input=str(item.relative),
            size=video.size,
            sha256=video.sha256,
            outputs={self._manifest.name(path): fingerprint(path).sha256 for path in files.values()},
            status="failed" if problem else "done",
            attempts=1 + self._manifest.attempts(files),
            seconds=round(seconds, 3),
            error=problem,
        )
        try:
            self._manifest.add(entry)
        except OSError as error:
            raise VideoError(
                f"the manifest cannot be written: {os_reason(error)}; free the disk, then resume"
            ) from error


def _files(outputs: Outputs) -> Outputs:
    return {what: path / TIMES if path.is_dir() else path for what, path in outputs.items()}
