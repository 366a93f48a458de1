"""Images, many or one: what has ended is noted, so that a later run can go on, and one that fails stops no other."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from omz.atomic import stamp_of
from omz.cutout.image_files import NoPlaceError, check_committed, sweep_images
from omz.cutout.image_work import ImageMade, ImageSettings, ImagesMade, ImageUnit, ImageWork, Stream, Task
from omz.cutout.inputs import StdinPicture
from omz.cutout.manifest import Entry, Fingerprint, Manifest, open_manifest_of
from omz.cutout.plan import STANDARD_OUTPUT, Plan
from omz.cutout.session import Session
from omz.cutout.summary import Ended, Ending, Outcome, Tally
from omz.errors import ImageError, UsageError, os_reason
from omz.events import Event
from omz.images.suffixes import IMAGE_SUFFIXES, is_video
from omz.matting.network import MOST_SEEN
from omz.matting.plate_fitting import Plates
from omz.matting.plates import OnePlate, PlatesByName, PlateSource, read_plate
from omz.work.pipeline import ahead
from omz.work.units import Executor, Lost

if TYPE_CHECKING:
    from omz.cutout.cluster import Cluster  # loads this module

IMAGES = "images"
"""Noun of what is counted."""


@dataclass(frozen=True)
class ImageEnded(Event):
    """An image has ended: ``number`` of ``total`` have now. ``error`` is one line; ``seconds`` is 0 if not tried."""

    TYPE: ClassVar[str] = "image_ended"
    input: str
    status: Ending
    number: int
    total: int
    outputs: tuple[str, ...]
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()


def run_images(session: Session, plan: Plan, source: PlateSource | None, cluster: Cluster | None = None) -> Outcome:
    """Cut the images of a plan against the plates of ``source``, here or on a cluster.

    Raises :class:`OmzError` where none can follow, and where there is but one input, and that fails.
    """
    options = session.options
    if options.show or options.show_with_original_frame:
        session.tally.warn("images are written, and not shown; --show is for videos and cameras")
    is_alone = len(plan.pictures) == 1 and not plan.videos
    settings = replace(image_settings(session, source), is_alone=is_alone, piped=options.output == STANDARD_OUTPUT)
    noted = not settings.piped and (len(plan.pictures) > 1 or options.resume)
    with ExitStack() as stack:
        manifest: Manifest | None = None
        if noted:
            manifest = stack.enter_context(open_manifest_of(session, plan.pictures.values(), video=False))
        tasks, tally = _tasks(plan), session.tally
        if cluster is not None:
            return run_tasks(tasks, cluster.for_images(len(tasks)), settings, manifest, tally)
        return cut_images(tasks, session.stream(session.model, follows=False), settings, manifest, tally)


def image_settings(session: Session, source: PlateSource | None) -> ImageSettings:
    """Return the settings of a session for several images, against the plates of ``source``."""
    options = session.options
    plates: Plates | None = None
    if source is not None:
        plates = Plates(source, options.plate_options, plate_size=session.model.plate_size)
    return ImageSettings(
        plates,
        session.target,
        options.quality,
        options.strip,
        options.retry_failed,
        min(4, os.cpu_count() or 1),
        max_pixels=options.max_pixels,
        most_seen=MOST_SEEN if session.model.network.sees_own_size else None,
    )


def _tasks(plan: Plan) -> list[Task]:
    tasks = []
    for item, outputs in plan.pictures.items():
        task = Task(item, outputs, number=plan.numbers[item])
        piped = plan.piped.get(item)
        if isinstance(piped, StdinPicture):
            task = replace(task, content=piped.data)
        tasks.append(task)
    return tasks


def cut_images(
    tasks: Sequence[Task], stream: Stream, settings: ImageSettings, manifest: Manifest | None, tally: Tally
) -> Outcome:
    """Matte images in this process and write what is asked for; see :func:`run_tasks`. Raises what ``stream`` does."""
    return run_tasks(tasks, ImageWork(stream, settings, tally), settings, manifest, tally)


def run_tasks(
    tasks: Sequence[Task],
    executor: Executor[ImageUnit, ImagesMade],
    settings: ImageSettings,
    manifest: Manifest | None,
    tally: Tally,
) -> Outcome:
    """Have images cut; return how many ended how.

    What the manifest of an earlier run has, with the same input and with results that are there as they were written,
    is skipped. A picture that fails is noted and reported, and the others go on. Whatever ends the job early, Ctrl-C
    too, what was begun is finished and noted before it is raised. Raises :class:`NoPlaceError` where results cannot be
    written, and what the ``executor`` raises.
    """
    files = [path for task in tasks for path in task.outputs.values()]
    sweep_images(files)
    job = _Job(tasks, executor, settings, manifest, tally)
    # Signals reach the main thread alone, so that another one notes what has ended, a line at a time.
    with closing(ahead(job.work(), 1)) as ended:
        for _ in ended:
            if tally.observer.should_stop():
                raise KeyboardInterrupt
    if executor.may_repeat:
        sweep_images(files)  # what workers that died have left
    outputs = [path for _, paths in sorted(job.outputs.items()) for path in paths]
    if settings.piped:
        outputs = [STANDARD_OUTPUT]
    done = job.counts["done"]
    return Outcome(done, job.counts["failed"], job.counts["skipped"], done, outputs=tuple(outputs))


class _Job:
    def __init__(
        self,
        tasks: Sequence[Task],
        executor: Executor[ImageUnit, ImagesMade],
        settings: ImageSettings,
        manifest: Manifest | None,
        tally: Tally,
    ) -> None:
        self.tasks, self.executor, self.settings, self.manifest, self.tally = tasks, executor, settings, manifest, tally
        self.counts: Counter[str] = Counter()
        self.outputs: dict[int, tuple[Path, ...]] = {}

    def work(self) -> Generator[None, None, None]:
        """Do all tasks, yielding after each, where it can be ended."""
        if self.manifest:
            self.tally.finish(IMAGES, 0)
        units = []
        for index in range(len(self.tasks)):
            if not self._is_settled(index):
                units.append(self._unit(index))
            yield
        try:
            with closing(self.executor.run(units)) as results:
                for result in results:
                    yield from self._take(result)
        finally:
            for made in self.executor.rest():  # the job stops early; what was begun is noted
                with suppress(NoPlaceError):
                    deque(self._take(made), maxlen=0)

    def _unit(self, index: int) -> ImageUnit:
        task = self.tasks[index]
        if not self.executor.may_repeat:
            return ImageUnit(index, task)
        return ImageUnit(index, task, {path: stamp_of(path) for path in task.outputs.values()})

    def _take(self, result: ImagesMade | Lost[ImageUnit] | None) -> Generator[None, None, None]:
        """Note what has ended, if anything has."""
        if result is None:
            yield
            return
        if isinstance(result, Lost):
            unit = result.unit
            self._note(self._lost(unit.index, f"{unit.task.input.source}: {result.problem}"))
            yield
            return
        if result.account is not None:
            self.tally.include(result.account)
        for made in result.images:
            if self.executor.may_repeat and not made.problem:
                check_committed(made.files)
            self._note(made)
            yield
        if result.error is not None:
            raise result.error

    def _lost(self, index: int, problem: str) -> ImageMade:
        task = self.tasks[index]
        return ImageMade(index, task.fingerprint, dict.fromkeys(task.outputs.values(), Fingerprint()), (), 0.0, problem)

    def _is_settled(self, index: int) -> bool:
        """Whether a task needs no work, for it has ended in an earlier run; that is reported here."""
        task = self.tasks[index]
        before = self.manifest and self.manifest.before(task.outputs)
        if not self.manifest or not before or before.input != str(task.input.relative):
            return False
        is_tried = before.status == "failed" and not self.settings.retry_failed
        if before.fingerprint != task.fingerprint or not (is_tried or self.manifest.holds(before, task.outputs)):
            return False
        self._report(index, replace(before, seconds=0.0), "failed" if is_tried else "skipped")
        return True

    def _entry(self, made: ImageMade) -> Entry:
        task, attempts = self.tasks[made.index], 1
        name: Callable[[Path], str] = str
        if self.manifest:
            attempts += self.manifest.attempts(task.outputs)
            name = self.manifest.name
        return Entry(
            input=str(task.input.relative),
            size=made.fingerprint.size,
            sha256=made.fingerprint.sha256,
            outputs={name(path): file.sha256 for path, file in made.files.items()},
            status="failed" if made.problem else "done",
            attempts=attempts,
            seconds=made.seconds,
            error=made.problem,
            warnings=made.notes,
        )

    def _note(self, made: ImageMade) -> None:
        entry = self._entry(made)
        try:
            if self.manifest:
                self.manifest.add(entry)
        except OSError as error:
            raise NoPlaceError(
                f"the manifest cannot be written: {os_reason(error)}; free the disk, then resume"
            ) from error
        self._report(made.index, entry, entry.status)

    def _report(self, index: int, entry: Entry, status: Ending) -> None:
        """Tell the observer that a task has ended. Raises the error of the only task."""
        task = self.tasks[index]
        self.counts[status] += 1
        observer, outputs = self.tally.observer, tuple(task.outputs.values())
        number, total, is_alone = sum(self.counts.values()), len(self.tasks), self.settings.is_alone
        if status == "failed":
            outputs = ()
        elif self.manifest:
            self.tally.finish(IMAGES, 1)
        self.outputs[index] = outputs
        source, error, warnings, shown = task.input.source, entry.error, entry.warnings, tuple(map(str, outputs))
        self.tally.ended[source] = Ended(status, error, warnings)
        observer.on_event(ImageEnded(source, status, number, total, shown, entry.seconds, error, warnings))
        if status == "failed" and not is_alone:
            observer.on_failure(error)
        if status != "skipped":  # their warnings were given before
            for warning in warnings:
                self.tally.warn(warning if is_alone else f"{source}: {warning}")
        observer.on_progress(IMAGES, number, total)
        if status == "failed" and is_alone:
            raise ImageError(error)


def is_plate_of_videos(text: str | None) -> bool:
    """Return whether a plate is a video, or comes from the video that is cut, and so is for videos alone."""
    return text is not None and (text in ("first", "median") or is_video(Path(text)))


def image_plates(text: str | None, recursive: bool, max_pixels: int | None = None) -> PlateSource | None:
    """Return where the plates of images come from: one picture, or a folder with one for each, by its name.

    Raises :class:`UsageError` for other sources of plates, and :class:`ImageError` for one that cannot be read.
    """
    if text is None:
        return None
    path = Path(text)
    if is_plate_of_videos(text) or text == "camera":
        raise UsageError(f"--plate {text} is for videos; for images, name an image, or a folder of them")
    if not path.is_dir():
        return OnePlate(read_plate(path, max_pixels))
    plates = {}
    for file in sorted(path.glob("**/*" if recursive else "*")):
        if file.suffix.lower() in IMAGE_SUFFIXES:
            name = PurePosixPath(file.relative_to(path).with_suffix("").as_posix())
            plates[str(name)] = file
    if not plates:
        raise UsageError(f"--plate {path}: the folder has no images")
    return PlatesByName(path, plates, max_pixels)
