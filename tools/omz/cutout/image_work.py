"""Work on images: each is read, matted and written by itself, several side by side, in whatever process."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import cv2

from omz.atomic import Stamp
from omz.cutout.image_files import NoPlaceError, encode_images, write_images
from omz.cutout.inputs import Input
from omz.cutout.manifest import Fingerprint, fingerprint, fingerprint_of
from omz.cutout.names import Outputs
from omz.cutout.plan import STANDARD_OUTPUT
from omz.cutout.rendering import is_seen_through
from omz.cutout.session import NOTHING_DIFFERS, is_empty, plate_warnings
from omz.cutout.summary import Account, Tally
from omz.errors import ImageError, OmzError
from omz.images.arrays import Picture
from omz.images.encoding import Metadata
from omz.images.files import WITH_ALPHA, read_image
from omz.images.source import SourceImage
from omz.images.transparency import over
from omz.matting.backgrounds import Target
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.plate_fitting import Fitted, Plates
from omz.work.pipeline import in_order, iterator
from omz.work.units import Executor

Stream: TypeAlias = Callable[[Iterable[Frame | Failure]], Iterator[MattedFrame | Failure]]
"""Mattes frames: gives a matted frame or a failure for each, in order, and hands failures on."""


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
class ImageUnit:
    """Unit of work: an image, by its place among the tasks of a run.

    ``replaces`` has the stamps of files that lie where its results go, if others may be at the same unit.
    """

    index: int
    task: Task
    replaces: Mapping[Path, Stamp | None] | None = None


@dataclass(frozen=True)
class ImageMade:
    """What has become of an image: fingerprints of it and of its files, notes, and why it failed, if it did."""

    index: int
    fingerprint: Fingerprint
    files: Mapping[Path, Fingerprint]
    notes: tuple[str, ...]
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class ImagesMade:
    """Images that have ended.

    Another process tells with them what it adds to the tally, and the ``error`` after which no image can be written.
    """

    images: tuple[ImageMade, ...]
    account: Account | None = None
    error: OmzError | None = None


@dataclass(frozen=True)
class _Begun:
    """Facts about an image between reading and writing it."""

    started: float
    fingerprint: Fingerprint
    metadata: Metadata
    notes: tuple[str, ...] = ()


class ImageWork(Executor[ImageUnit, ImagesMade]):
    """Executor of images in this process: they are read, matted and written side by side, and end in order."""

    def __init__(self, stream: Stream, settings: ImageSettings, tally: Tally) -> None:
        self._stream, self._settings, self._tally = stream, settings, tally
        self._units: dict[int, ImageUnit] = {}
        self._begun: dict[int, _Begun] = {}
        self._writing: deque[Future[ImageMade]] = deque()

    def run(self, units: Iterable[ImageUnit]) -> Generator[ImagesMade, None, None]:
        """See :class:`omz.work.units.Executor`. Raises :class:`NoPlaceError` where results cannot be written."""
        threads = self._settings.threads
        with ExitStack() as stack:
            readers, checkers, writers = (stack.enter_context(ThreadPoolExecutor(threads)) for _ in range(3))
            frames = stack.enter_context(closing(in_order(readers, self._read, units, threads + 1)))
            for result in stack.enter_context(closing(iterator(self._stream(frames)))):
                self._writing.append(writers.submit(self._finish, result, checkers))
                if len(self._writing) > threads:
                    yield self._next()
            while self._writing:
                yield self._next()

    def rest(self) -> Iterator[ImagesMade]:
        """See :class:`omz.work.units.Executor`; images that cannot be written are left out."""
        while self._writing:
            future = self._writing.popleft()
            if not isinstance(future.exception(), NoPlaceError):
                yield ImagesMade((future.result(),))

    def _next(self) -> ImagesMade:
        return ImagesMade((self._writing.popleft().result(),))

    def _read(self, unit: ImageUnit) -> Frame | Failure:
        index, task = unit.index, unit.task
        begun = _Begun(time.perf_counter(), Fingerprint(), Metadata())
        plates, behind = self._settings.plates, self._settings.target
        fitted: Fitted | None = None
        plate = target = None
        try:
            begun = replace(begun, fingerprint=task.fingerprint)
            with self._tally.watch("decode"):
                image = read_image(task.input.path, task.content, self._settings.max_pixels)
            shrunk = shrunk_notes(image.picture, self._settings.most_seen)
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
            self._units[index], self._begun[index] = unit, begun

    def _finish(self, result: MattedFrame | Failure, checkers: ThreadPoolExecutor) -> ImageMade:
        """Write the results of an image.

        Raises :class:`NoPlaceError`, after which no other needs to be tried.
        """
        if isinstance(result, MattedFrame):
            result = result.within_input()
        index = result.index if isinstance(result, Failure) else result.frame.index
        unit, begun = self._units.pop(index), self._begun.pop(index)
        files = dict.fromkeys(unit.task.outputs.values(), Fingerprint())
        problem = ""
        try:
            if isinstance(result, Failure):
                raise result.error
            checking = checkers.submit(plate_warnings, result, self._tally)  # which takes as long as to encode
            try:
                files.update(self._written(unit, result, begun.metadata))
            finally:
                begun = replace(begun, notes=begun.notes + checking.result())
            if is_empty(result):
                begun = replace(begun, notes=(*begun.notes, NOTHING_DIFFERS))
            self._tally.cut(result)
        except NoPlaceError:
            raise
        except OmzError as error:
            problem = str(error)
        seconds = round(time.perf_counter() - begun.started, 3)
        return ImageMade(index, begun.fingerprint, files, begun.notes, seconds, problem)

    def _written(self, unit: ImageUnit, matted: MattedFrame, metadata: Metadata) -> dict[Path, Fingerprint]:
        """Write the files of an image; return their fingerprints."""
        watch, settings = self._tally.watch, self._settings
        if settings.strip:
            metadata = Metadata()
        for what, path in unit.task.outputs.items():
            if is_seen_through(matted, what) and path.suffix.lower() not in WITH_ALPHA:
                self._tally.warn(f"{path.suffix} has no transparency, so the target lies before white; use .png")
        with watch("compose"):
            contents = encode_images(matted, unit.task.outputs, settings.quality, metadata)
        with watch("write"):
            if settings.piped:
                _pipe(contents)
            else:
                write_images(contents, unit.replaces)
        return {path: fingerprint_of(content) for path, content in contents.items()}


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


def _is_own_plate(plate: Picture, picture: Picture) -> bool:
    """Tell whether two images are one, and not of one colour, which has no subject."""
    return not cv2.norm(plate, picture, cv2.NORM_INF) and bool(picture.min() < picture.max())
