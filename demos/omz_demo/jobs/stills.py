"""Pictures, many or one: each is read, matted and written by itself, and what fails keeps no other from its place."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from omz.errors import OmzError
from omz.events import Report
from omz.images.encoding import Metadata
from omz_demo.frames import Cut, Failure, Frame
from omz_demo.inputs.stills import Fingerprint, fingerprint, fingerprint_of, read_still
from omz_demo.jobs.manifest import Entry, Manifest
from omz_demo.jobs.still_tasks import (
    Ending,
    PlateFor,
    Settings,
    StillEnded,
    Stream,
    TargetFor,
    Task,
    Totals,
    nothing,
    unseen,
)
from omz_demo.outputs.still_files import NoPlaceError, encode_stills, sweep_stills
from omz_demo.pipeline import ahead, in_order, iterator
from omz_demo.stopwatch import Stopwatch


def run_stills(
    tasks: Sequence[Task],
    stream: Stream,
    settings: Settings,
    manifest: Manifest | None,
    report: Report,
    plate_for: PlateFor = nothing,
    target_for: TargetFor = nothing,
    look: Callable[[Cut], tuple[str, ...]] = unseen,
    watch: Stopwatch | None = None,
) -> Totals:
    """Matte pictures and write what is asked for, a few at a time; return how many ended how.

    ``look`` sees each cut, and returns what is to be said of it, a line each.

    What the manifest of an earlier run has, with the same input and with results that are there as they were written,
    is skipped. A picture that fails is noted and reported, and the others go on. Whatever ends the job early, Ctrl-C
    too, what was begun is finished and noted before it is raised. Raises :class:`NoPlaceError` where results cannot be
    written, and what ``stream`` raises.
    """
    sweep_stills(path for task in tasks for path in task.outputs.values())
    job = _Job(tasks, settings, manifest, report, plate_for, target_for, look, watch or Stopwatch())
    with ExitStack() as stack:
        readers, writers = (stack.enter_context(ThreadPoolExecutor(settings.threads)) for _ in range(2))
        # Signals reach the main thread alone, so that another one notes what has ended, a line at a time.
        for _ in stack.enter_context(closing(ahead(job.work(stream, readers, writers), 1))):
            pass
    return Totals(**job.counts)


@dataclass(frozen=True)
class _Begun:
    """What is known of a picture between reading and writing it."""

    started: float
    fingerprint: Fingerprint
    metadata: Metadata
    notes: tuple[str, ...] = ()


class _Job:
    def __init__(
        self,
        tasks: Sequence[Task],
        settings: Settings,
        manifest: Manifest | None,
        report: Report,
        plate_for: PlateFor,
        target_for: TargetFor,
        look: Callable[[Cut], tuple[str, ...]],
        watch: Stopwatch,
    ) -> None:
        self.tasks, self.settings, self.manifest, self.report = tasks, settings, manifest, report
        self.plate_for, self.target_for, self.look, self.watch = plate_for, target_for, look, watch
        self.counts: Counter[str] = Counter()
        self.begun: dict[int, _Begun] = {}

    def work(
        self, stream: Stream, readers: ThreadPoolExecutor, writers: ThreadPoolExecutor
    ) -> Generator[None, None, None]:
        """Do all tasks, yielding after each, where it can be ended."""
        limit = self.settings.threads + 1
        rest = []
        for index in range(len(self.tasks)):
            if not self._is_settled(index):
                rest.append(index)
            yield
        frames = in_order(readers, self._read, rest, limit)
        writing: deque[Future[tuple[int, Entry]]] = deque()
        with closing(frames), closing(iterator(stream(frames))) as results:
            try:
                for result in results:
                    writing.append(writers.submit(self._finish, result))
                    if len(writing) >= limit:
                        self._note(*writing.popleft().result())
                        yield
                while writing:
                    self._note(*writing.popleft().result())
                    yield
            finally:
                for future in writing:  # the job stops early; what was begun is noted
                    with suppress(NoPlaceError):
                        self._note(*future.result())

    def _is_settled(self, index: int) -> bool:
        """Whether a task needs no work, for it has ended in an earlier run; that is reported here."""
        task = self.tasks[index]
        before = self.manifest and self.manifest.before(task.outputs)
        if not self.manifest or not before or before.input != str(task.input.relative):
            return False
        is_tried = before.status == "failed" and not self.settings.retry_failed
        if before.fingerprint != _fingerprint(task) or not (is_tried or self.manifest.holds(before, task.outputs)):
            return False
        self._report(task, "failed" if is_tried else "skipped", error=before.error, warnings=before.warnings)
        return True

    def _read(self, index: int) -> Frame | Failure:
        task, begun = self.tasks[index], _Begun(time.perf_counter(), Fingerprint(), Metadata())
        try:
            begun = replace(begun, fingerprint=_fingerprint(task))
            with self.watch("decode"):
                picture, metadata = read_still(task.input, task.content)
            begun = replace(begun, metadata=metadata, notes=(metadata.problem,) if metadata.problem else ())
            fitted = self.plate_for(task, picture)
            begun = replace(begun, notes=begun.notes + (fitted.notes if fitted else ()))
            return Frame(index, picture, None if fitted is None else fitted.plate, self.target_for(task, picture))
        except OmzError as error:
            return Failure(index, error)
        finally:
            self.begun[index] = begun

    def _finish(self, result: Cut | Failure) -> tuple[int, Entry]:
        """Write the results of a picture, and return its place and what became of it.

        Raises :class:`NoPlaceError`, after which no other needs to be tried.
        """
        index = result.index if isinstance(result, Failure) else result.frame.index
        task, begun = self.tasks[index], self.begun.pop(index)
        hashes = dict.fromkeys(task.outputs.values(), "")
        error: OmzError | None = None
        try:
            if isinstance(result, Failure):
                raise result.error
            begun = replace(begun, notes=begun.notes + self.look(result))
            metadata = Metadata() if self.settings.strip else begun.metadata
            with self.watch("compose"):
                contents = encode_stills(result, task.outputs, self.settings.quality, metadata)
            with self.watch("write"):
                self.settings.write(contents)
            hashes = {path: fingerprint_of(content).sha256 for path, content in contents.items()}
        except NoPlaceError:
            raise
        except OmzError as failure:
            error = failure
        return index, self._entry(task, begun, hashes, error)

    def _entry(self, task: Task, begun: _Begun, hashes: Mapping[Path, str], error: OmzError | None) -> Entry:
        before = self.manifest and self.manifest.before(task.outputs)
        return Entry(
            input=str(task.input.relative),
            size=begun.fingerprint.size,
            sha256=begun.fingerprint.sha256,
            outputs={self.manifest.name(path) if self.manifest else str(path): text for path, text in hashes.items()},
            status="failed" if error else "done",
            attempts=1 + (before.attempts if before else 0),
            seconds=round(time.perf_counter() - begun.started, 3),
            error=str(error or ""),
            warnings=begun.notes,
        )

    def _note(self, index: int, entry: Entry) -> None:
        try:
            if self.manifest:
                self.manifest.add(entry)
        except OSError as error:
            raise NoPlaceError(
                f"the manifest cannot be written: {error.strerror or error}; free the disk, then resume"
            ) from error
        self._report(self.tasks[index], entry.status, entry.seconds, entry.error, entry.warnings)

    def _report(
        self, task: Task, status: Ending, seconds: float = 0.0, error: str = "", warnings: tuple[str, ...] = ()
    ) -> None:
        self.counts[status] += 1
        outputs = () if status == "failed" else tuple(map(str, task.outputs.values()))
        number, total = sum(self.counts.values()), len(self.tasks)
        self.report(StillEnded(task.input.source, status, number, total, outputs, seconds, error, warnings))


def _fingerprint(task: Task) -> Fingerprint:
    return fingerprint(task.input.path) if task.content is None else fingerprint_of(task.content)
