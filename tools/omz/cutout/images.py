"""Images, many or one: each is read, matted and written by itself, and one that fails does not stop the others."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import ClassVar, TypeAlias

import cv2

from omz.cutout.image_files import NoPlaceError, encode_images, sweep_images, write_images
from omz.cutout.inputs import Input, StdinPicture
from omz.cutout.manifest import Entry, Fingerprint, Manifest, fingerprint, fingerprint_of, open_manifest_of
from omz.cutout.names import Outputs
from omz.cutout.plan import STANDARD_OUTPUT, Plan
from omz.cutout.rendering import is_seen_through
from omz.cutout.session import NOTHING_DIFFERS, Session, is_empty, plate_warnings
from omz.cutout.summary import Ended, Ending, Outcome, Tally
from omz.errors import ImageError, OmzError, UsageError, os_reason
from omz.events import Event
from omz.images.arrays import Picture
from omz.images.encoding import Metadata
from omz.images.files import WITH_ALPHA, read_image
from omz.images.source import SourceImage
from omz.images.suffixes import IMAGE_SUFFIXES, is_video
from omz.images.transparency import over
from omz.matting.backgrounds import Target
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.network import MOST_SEEN
from omz.matting.plate_fitting import Fitted, Plates
from omz.matting.plates import OnePlate, PlatesByName, PlateSource, read_plate
from omz.work.pipeline import ahead, in_order, iterator

Stream: TypeAlias = Callable[[Iterable[Frame | Failure]], Iterator[MattedFrame | Failure]]
"""Mattes frames: gives a matted frame or a failure for each, in order, and hands failures on."""

_IMAGES = "images"


@dataclass(frozen=True)
class Task:
    """An image and the files that come of it.

    ``content`` is what came over standard input, None for a file. ``number`` chooses the target of a folder.
    """

    input: Input
    outputs: Outputs
    content: bytes | None = None
    number: int = 0

    @property
    def fingerprint(self) -> Fingerprint:
        """Fingerprint of the image."""
        if self.content is not None:
            return fingerprint_of(self.content)
        return fingerprint(self.input.path)


@dataclass(frozen=True)
class ImageSettings:
    """Plates, targets, and how images are written.

    ``quality``: see :func:`omz.images.files.encode_picture`. ``strip`` leaves EXIF data and colour profile out.
    ``retry_failed`` tries those again that failed in the run that is resumed. ``threads`` read, and as many write.
    The error of a picture that ``is_alone`` is raised. ``piped`` results go to standard output. Larger images than
    ``max_pixels`` are not read; the network sees ``most_seen`` of their pixels, None for a network of one size.
    """

    plates: Plates | None = None
    target: Target | None = None
    quality: int | None = None
    strip: bool = False
    retry_failed: bool = False
    threads: int = 2
    is_alone: bool = False
    piped: bool = False
    max_pixels: int | None = None
    most_seen: int | None = None


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


def run_images(session: Session, plan: Plan, source: PlateSource | None) -> Outcome:
    """Cut the images of a plan against the plates of ``source``.

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
        stream = session.stream(session.model, follows=False)
        return cut_images(_tasks(plan), stream, settings, manifest, session.tally)


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
    """Matte images and write what is asked for, a few at a time; return how many ended how.

    What the manifest of an earlier run has, with the same input and with results that are there as they were written,
    is skipped. A picture that fails is noted and reported, and the others go on. Whatever ends the job early, Ctrl-C
    too, what was begun is finished and noted before it is raised. Raises :class:`NoPlaceError` where results cannot be
    written, and what ``stream`` raises.
    """
    sweep_images(path for task in tasks for path in task.outputs.values())
    with ExitStack() as stack:
        readers, writers, checkers = (stack.enter_context(ThreadPoolExecutor(settings.threads)) for _ in range(3))
        job = _Job(tasks, settings, manifest, tally, checkers)
        # Signals reach the main thread alone, so that another one notes what has ended, a line at a time.
        for _ in stack.enter_context(closing(ahead(job.work(stream, readers, writers), 1))):
            if tally.observer.should_stop():
                raise KeyboardInterrupt
    if settings.piped:
        job.outputs = [STANDARD_OUTPUT]
    done = job.counts["done"]
    return Outcome(done, job.counts["failed"], job.counts["skipped"], done, outputs=tuple(job.outputs))


@dataclass(frozen=True)
class _Begun:
    """Facts about an image between reading and writing it."""

    started: float
    fingerprint: Fingerprint
    metadata: Metadata
    notes: tuple[str, ...] = ()


class _Job:
    def __init__(
        self,
        tasks: Sequence[Task],
        settings: ImageSettings,
        manifest: Manifest | None,
        tally: Tally,
        checkers: ThreadPoolExecutor,
    ) -> None:
        self.tasks, self.settings, self.manifest, self.tally, self.checkers = tasks, settings, manifest, tally, checkers
        self.counts: Counter[str] = Counter()
        self.outputs: list[Path] = []
        self.begun: dict[int, _Begun] = {}

    def work(
        self, stream: Stream, readers: ThreadPoolExecutor, writers: ThreadPoolExecutor
    ) -> Generator[None, None, None]:
        """Do all tasks, yielding after each, where it can be ended."""
        if self.manifest:
            self.tally.finish(_IMAGES, 0)
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
        if before.fingerprint != task.fingerprint or not (is_tried or self.manifest.holds(before, task.outputs)):
            return False
        self._report(task, replace(before, seconds=0.0), "failed" if is_tried else "skipped")
        return True

    def _read(self, index: int) -> Frame | Failure:
        task, begun = self.tasks[index], _Begun(time.perf_counter(), Fingerprint(), Metadata())
        plates, behind = self.settings.plates, self.settings.target
        fitted: Fitted | None = None
        plate = target = None
        try:
            begun = replace(begun, fingerprint=task.fingerprint)
            with self.tally.watch("decode"):
                image = read_image(task.input.path, task.content, self.settings.max_pixels)
            shrunk = shrunk_notes(image.picture, self.settings.most_seen)
            begun = replace(begun, metadata=image.metadata, notes=(*image.notes, *shrunk))
            if plates is not None:
                fitted = fit_plate(str(task.input.relative), image, plates)
                begun, plate = replace(begun, notes=begun.notes + fitted.notes), fitted.plate
            if behind is not None:
                target = behind.at(task.number, 0.0, (image.picture.shape[0], image.picture.shape[1]))
            return Frame(index, image.picture, plate, target, fitted=fitted).with_opacity(image.opacity)
        except OmzError as error:
            return Failure(index, error)
        finally:
            self.begun[index] = begun

    def _finish(self, result: MattedFrame | Failure) -> tuple[int, Entry]:
        """Write the results of an image, and return its place and the line about it.

        Raises :class:`NoPlaceError`, after which no other needs to be tried.
        """
        if isinstance(result, MattedFrame):
            result = result.within_input()
        index = result.index if isinstance(result, Failure) else result.frame.index
        task, begun = self.tasks[index], self.begun.pop(index)
        hashes = dict.fromkeys(task.outputs.values(), "")
        problem = ""
        try:
            if isinstance(result, Failure):
                raise result.error
            checking = self.checkers.submit(plate_warnings, result, self.tally)  # which takes as long as to encode
            try:
                hashes.update(self._written(task, result, begun.metadata))
            finally:
                begun = replace(begun, notes=begun.notes + checking.result())
            if is_empty(result):
                begun = replace(begun, notes=(*begun.notes, NOTHING_DIFFERS))
            self.tally.cut(result)
        except NoPlaceError:
            raise
        except OmzError as error:
            problem = str(error)
        return index, self._entry(task, begun, hashes, problem)

    def _written(self, task: Task, matted: MattedFrame, metadata: Metadata) -> dict[Path, str]:
        """Write the files of an image; return their SHA-256."""
        watch, settings = self.tally.watch, self.settings
        if settings.strip:
            metadata = Metadata()
        for what, path in task.outputs.items():
            if is_seen_through(matted, what) and path.suffix.lower() not in WITH_ALPHA:
                self.tally.warn(f"{path.suffix} has no transparency, so the target lies before white; use .png")
        with watch("compose"):
            contents = encode_images(matted, task.outputs, settings.quality, metadata)
        with watch("write"):
            if settings.piped:
                _pipe(contents)
            else:
                write_images(contents)
        return {path: fingerprint_of(content).sha256 for path, content in contents.items()}

    def _entry(self, task: Task, begun: _Begun, hashes: Mapping[Path, str], problem: str) -> Entry:
        attempts = 1
        name: Callable[[Path], str] = str
        if self.manifest:
            attempts += self.manifest.attempts(task.outputs)
            name = self.manifest.name
        return Entry(
            input=str(task.input.relative),
            size=begun.fingerprint.size,
            sha256=begun.fingerprint.sha256,
            outputs={name(path): text for path, text in hashes.items()},
            status="failed" if problem else "done",
            attempts=attempts,
            seconds=round(time.perf_counter() - begun.started, 3),
            error=problem,
            warnings=begun.notes,
        )

    def _note(self, index: int, entry: Entry) -> None:
        try:
            if self.manifest:
                self.manifest.add(entry)
        except OSError as error:
            raise NoPlaceError(
                f"the manifest cannot be written: {os_reason(error)}; free the disk, then resume"
            ) from error
        self._report(self.tasks[index], entry, entry.status)

    def _report(self, task: Task, entry: Entry, status: Ending) -> None:
        """Tell the observer that a task has ended. Raises the error of the only task."""
        self.counts[status] += 1
        observer, outputs = self.tally.observer, tuple(task.outputs.values())
        number, total, is_alone = sum(self.counts.values()), len(self.tasks), self.settings.is_alone
        if status == "failed":
            outputs = ()
        elif self.manifest:
            self.tally.finish(_IMAGES, 1)
        self.outputs.extend(outputs)
        source, error, warnings, shown = task.input.source, entry.error, entry.warnings, tuple(map(str, outputs))
        self.tally.ended[source] = Ended(status, error, warnings)
        observer.on_event(ImageEnded(source, status, number, total, shown, entry.seconds, error, warnings))
        if status == "failed" and not is_alone:
            observer.on_failure(error)
        if status != "skipped":  # their warnings were given before
            for warning in warnings:
                self.tally.warn(warning if is_alone else f"{source}: {warning}")
        observer.on_progress(_IMAGES, number, total)
        if status == "failed" and is_alone:
            raise ImageError(error)


def fit_plate(name: str, image: SourceImage, plates: Plates) -> Fitted:
    """Return the plate of an image. Raises :class:`ImageError` where that is the image itself."""
    seen = over(image.picture, image.opacity)
    fitted = plates.at(0, name, seen, whole=image.opacity is not None)
    if fitted.small is None and _is_own_plate(fitted.plate, seen):
        raise ImageError(f"{name} is its own plate; take the plate without the subject")
    return fitted


def shrunk_notes(picture: Picture, most_seen: int | None) -> tuple[str, ...]:
    """Return a note on an image of more pixels than the network sees, ``most_seen``; None for one of fixed size."""
    if most_seen is None or picture.shape[0] * picture.shape[1] <= most_seen:
        return ()
    return (f"the network sees it at {most_seen / 1e6:.0f} million pixels, and its details stay; see --input_size",)


def _pipe(contents: Mapping[Path, bytes]) -> None:
    """Write to standard output what goes there, which has no folder; anything else into its file."""
    files = dict(contents)
    piped = [files.pop(path) for path in contents if path.stem == STANDARD_OUTPUT.name]
    write_images(files)
    sys.stdout.buffer.writelines(piped)
    sys.stdout.buffer.flush()


def image_plates(text: str | None, recursive: bool, max_pixels: int | None = None) -> PlateSource | None:
    """Return where the plates of images come from: one picture, or a folder with one for each, by its name.

    Raises :class:`UsageError` for other sources of plates, and :class:`ImageError` for one that cannot be read.
    """
    if text is None:
        return None
    path = Path(text)
    if is_video(path) or text in ("first", "median", "camera"):
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


def _is_own_plate(plate: Picture, picture: Picture) -> bool:
    """Tell whether two images are one, and not of one colour, which has no subject."""
    return not cv2.norm(plate, picture, cv2.NORM_INF) and bool(picture.min() < picture.max())
