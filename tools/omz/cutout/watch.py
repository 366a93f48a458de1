"""Watch: images are cut as they arrive in folders, until somebody ends it.

What the system tells of changes only says when to look. What there is to do follows from the files and the manifest
alone, so that nothing is missed or done twice, whatever was lost while this process did not run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Container, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from omz.atomic import whole_file
from omz.cutout.arrivals import Arrivals, read_complete, stamps
from omz.cutout.collisions import name_key
from omz.cutout.flag import default_of, flag_of
from omz.cutout.folder_events import folder_events, has_events
from omz.cutout.image_files import NoPlaceError
from omz.cutout.image_work import Task
from omz.cutout.images import ImageEnded, cut_images, image_settings
from omz.cutout.inputs import Input, input_of, visible_files
from omz.cutout.manifest import FAILURES, Manifest, manifest_folder, open_manifest_of
from omz.cutout.names import Outputs, check_places, is_called_as_result, name_new
from omz.cutout.observer import Observer
from omz.cutout.options import Options
from omz.cutout.plan import STANDARD_OUTPUT, Plan, check_image_results, files_in, image_suffix, plate_and_target
from omz.cutout.session import Session
from omz.errors import ImageError, OmzError, UsageError, os_reason, os_remedy
from omz.events import Event
from omz.extras import require
from omz.images.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES, natural
from omz.matting.plates import PlateSource
from omz.paths import real_path

_WITH_AN_END = ("trimap", "compare", "review", "report", "json", "profile", "part", "limit")
"""Options for jobs whose inputs are all known."""
_BATCH = 16  # images that are read before they are cut
_BATCH_BYTES = 1 << 27
_LARGEST = 1 << 30  # bytes of a file
_UNTOLD = 60.0  # seconds after which folders are looked at, even if nothing was told of them
_REST = 10  # times as long as a look at the folders takes, until the next one
_LONG = 60.0  # seconds after which a file that somebody keeps open is mentioned


def plan_watch(options: Options) -> Plan:
    """Check the folders to watch, and return a plan without inputs, for they are still to come.

    Raises :class:`OmzError`.
    """
    require("watchfiles")
    for text in options.inputs:
        if not os.path.lexists(text):
            raise ImageError(f"no folder at {text}; check the path")
        if not os.path.isdir(text):
            raise UsageError(f"--watch is for folders, and {text} is not one; name its folder")
    for each in fields(options):
        if each.name in _WITH_AN_END and getattr(options, each.name) != default_of(each):
            raise UsageError(f"{flag_of(each).label} is for jobs that have an end; leave it out, or --watch")
    place = _results_folder(options)
    for folder in map(Path, options.inputs):
        _check_apart(options, folder)
    example = Input(str(place / "a.png"), input_of(place / "a.png", place).relative, "picture")
    outputs = name_new(example, options.output, options.whats, image_suffix(options), lambda _: True)
    check_image_results(options, outputs)
    check_places([*outputs.values(), place / FAILURES])
    return Plan({}, {})


def _results_folder(options: Options) -> Path:
    """Return the folder of results, which has the manifest, too."""
    output = options.output
    if output is not None and not options.output_is_folder:
        is_file = bool(output.suffix) and not output.is_dir()
        if is_file or output == STANDARD_OUTPUT:
            raise UsageError(f"--watch makes many files, and {output} is not a folder; name one with -o")
    folder = manifest_folder(options, ())
    if folder is None:
        raise UsageError("several folders are watched, and nothing names one for their results; add -o FOLDER")
    return folder


def _check_apart(options: Options, folder: Path) -> None:
    """Raise :class:`UsageError` where results would be taken as inputs; below the folder, they are left out."""
    if options.output is None:
        return
    watched, output = real_path(folder), real_path(options.output)
    if output == watched or (options.recursive and output in watched.parents):
        raise UsageError(f"{folder} is watched, and results there would be inputs, too; name another output")


def run_watch(session: Session, source: PlateSource | None) -> NoReturn:
    """Cut the images of the folders that are the input, against the plates of ``source``, and those that come.

    Raises :class:`KeyboardInterrupt` where somebody ends it, after what was begun is finished, and :class:`OmzError`
    where nothing more can be written, or nothing can be watched.
    """
    session.tally.remedy = "start it again to go on"
    with open_manifest_of(session, (), video=False) as manifest:
        if manifest is None:
            raise UsageError("there is no folder for the manifest; name one with -o")
        _Watch(session, source, manifest).run()
    raise KeyboardInterrupt


class _Watch:
    def __init__(self, session: Session, source: PlateSource | None, manifest: Manifest) -> None:
        self._session, self._manifest = session, manifest
        self._options, self._tally = session.options, session.tally
        self._observer = self._tally.observer
        self._tally.observer = _Counting(self._observer)
        self._settings = image_settings(session, source)
        self._folders = tuple(Path(text) for text in dict.fromkeys(self._options.inputs))
        self._is_local = {folder: has_events(folder) for folder in self._folders}
        besides = plate_and_target(self._options)
        self._left_out = {real_path(path) for path in (*besides, self._options.output) if path is not None}
        self._left_out_names = {path.name for path in self._left_out}
        self._names = _Names(self._options, manifest, files_in(besides))
        self._arrivals, self._roots = Arrivals(), dict[Path, Path]()
        self._failures = _Failures(_results_folder(self._options) / FAILURES)
        self._number = 0

    def run(self) -> None:
        """Look at the folders at each change, and now and then, until the observer stops it."""
        self._observer.on_note(f"watching {', '.join(map(str, self._folders))}; Ctrl-C ends it")
        is_changed, looked, rest = True, 0.0, 0.0
        with closing(self._events()) as events:
            for has_come in events:
                if self._observer.should_stop():
                    return
                is_changed = is_changed or has_come
                passed = time.monotonic() - looked
                if passed >= rest and (is_changed or self._arrivals.are_pending or passed >= _UNTOLD):
                    is_changed, began = False, time.monotonic()
                    self._look(began)
                    looked = time.monotonic()
                    rest = _REST * (looked - began)
                    self._cut_arrived(began)

    def _events(self) -> Generator[bool, None, None]:
        """Yield at changes; poll where the system tells of none, or of no more folders."""
        recursive, untold = self._options.recursive, [str(each) for each, told in self._is_local.items() if not told]
        if untold:
            self._observer.on_note(f"{', '.join(untold)}: the system tells of no changes there, so it is polled")
        else:
            try:
                yield from folder_events(self._folders, recursive, polls=False)
            except ImageError as error:
                self._check_folders()
                self._tally.warn(f"{error}; polled instead")
        yield from folder_events(self._folders, recursive, polls=True)

    def _check_folders(self) -> None:
        for folder in self._folders:
            if not folder.is_dir():
                raise ImageError(f"{folder} is not there any more; make it or mount it, and start again")

    def _look(self, now: float) -> None:
        """Take note of the files in the folders."""
        self._check_folders()
        self._roots = {}
        for folder in self._folders:
            for path in visible_files(folder, self._options.recursive, self._left_out, self._warn_unreadable):
                if self._may_be_input(path):
                    self._roots.setdefault(path, folder)
        self._arrivals.look(stamps(self._roots), now)

    def _warn_unreadable(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # which was there a moment before
            self._tally.warn(f"{error.filename} cannot be read: {os_reason(error)}; check its permissions")

    def _may_be_input(self, path: Path) -> bool:
        suffix = path.suffix.lower()
        if suffix not in IMAGE_SUFFIXES and suffix not in VIDEO_SUFFIXES:
            return False
        if self._options.output is None and is_called_as_result(path):
            return False
        return path.name not in self._left_out_names or real_path(path) not in self._left_out

    def _cut_arrived(self, now: float) -> None:
        """Cut what is complete, some images at a time, so that their files fit into the memory."""
        batch, size = list[Task](), 0
        for path in sorted(self._arrivals.steady(now), key=lambda path: tuple(map(natural, path.parts))):
            task = self._task(path, now)
            if task is None:
                continue
            batch.append(task)
            size += len(task.content or b"")
            if len(batch) == _BATCH or size >= _BATCH_BYTES:
                self._cut(batch)
                batch, size = [], 0
        if batch:
            self._cut(batch)
        self._failures.keep(self._arrivals)

    def _task(self, path: Path, now: float) -> Task | None:
        """Take a file, and return what there is to do; None for nothing, or if it is not complete yet."""
        try:
            content = self._content(path, now)
            if content is None:
                return None
            item = input_of(path, self._roots[path], is_found=True)
            outputs = self._names.of(item)
        except OmzError as error:
            self._arrivals.take(path)
            self._failures.add(path, str(error))
            self._observer.on_failure(str(error))
            return None
        self._arrivals.take(path)
        if item.kind == "video":
            self._tally.warn(f"{path} is a video, and left out: --watch is for images")
            return None
        self._number += 1
        return Task(item, outputs, content, self._number - 1)

    def _content(self, path: Path, now: float) -> bytes | None:
        """Return what is in a file; None if it is not complete yet, or gone. Raises :class:`ImageError`."""
        stamp, age = self._arrivals.stamp(path), self._arrivals.age(path, now)
        if stamp.size > _LARGEST:
            raise ImageError(f"{path} has more than {_LARGEST >> 20} MB; cut it without --watch")
        try:
            content = read_complete(path, stamp, age, self._is_local[self._roots[path]])
        except FileNotFoundError:
            return None
        except OSError as error:
            remedy = os_remedy(error, "check the disk")
            raise ImageError(f"{path} cannot be read: {os_reason(error)}; {remedy}") from error
        if content is None and age > _LONG:
            self._tally.warn(f"{path} waits until the program that has it open for writing closes it")
        return content

    def _cut(self, tasks: Sequence[Task]) -> None:
        stream = self._session.stream(self._session.model, follows=False)
        try:
            cut_images(tasks, stream, self._settings, self._manifest, self._tally)
        finally:
            for task in tasks:
                ended = self._tally.ended.pop(task.input.source, None)
                if ended is not None:
                    self._failures.add(task.input.path, ended.error)
            self._failures.write()


class _Names:
    """Names of results: once given, an input keeps them, whatever comes later.

    ``kept`` are files that no result may replace.
    """

    def __init__(self, options: Options, manifest: Manifest, kept: Iterable[Path]) -> None:
        self._options = options
        self._owners: dict[str, tuple[str, str]] = {}  # the input below its folder, and where it is, if that is known
        for entry in manifest.entries:
            for name in entry.outputs:
                self._owners[name_key(manifest.path(name))] = (entry.input, "")
        for path in kept:
            self._owners[name_key(path)] = ("", "")

    def of(self, item: Input) -> Outputs:
        """Return the files that come of an image. Raises :class:`UsageError` where others have their names."""
        options = self._options
        outputs = name_new(item, options.output, options.whats, image_suffix(options), partial(self._is_free, item))
        for path in outputs.values():
            self._owners[name_key(path)] = (str(item.relative), item.key)
        return outputs

    def _is_free(self, item: Input, path: Path) -> bool:
        relative, key = self._owners.get(name_key(path), (str(item.relative), ""))
        return relative == str(item.relative) and key in ("", item.key)


class _Failures:
    """List of the files that failed as they are now, in a file with a line each; without any, there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[Path, str] = {}
        self._written: str | None = None

    def add(self, path: Path, problem: str) -> None:
        """Note a failure; without a ``problem``, that there is none any more."""
        self._lines.pop(path, None)
        if problem:
            self._lines[path] = problem

    def keep(self, there: Container[Path]) -> None:
        """Forget files that are gone, and write the list."""
        self._lines = {path: line for path, line in self._lines.items() if path in there}
        self.write()

    def write(self) -> None:
        """Write the list if it has changed. Raises :class:`NoPlaceError` where that cannot be."""
        text = "".join(f"{line}\n" for line in self._lines.values())
        if text == self._written:
            return
        try:
            if text:
                with whole_file(self._path) as temporary:
                    temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise NoPlaceError(
                f"{self._path} cannot be written: {os_reason(error)}; free the disk, then start again"
            ) from error
        self._written = text


class _Counting(Observer):
    """Observer of one batch after another, which tells another one of all images together, as they end."""

    def __init__(self, observer: Observer) -> None:
        self._observer, self._count = observer, 0

    def on_note(self, text: str) -> None:
        """Pass a line on."""
        self._observer.on_note(text)

    def on_warning(self, text: str) -> None:
        """Pass a warning on."""
        self._observer.on_warning(text)

    def on_failure(self, text: str) -> None:
        """Pass a failure on."""
        self._observer.on_failure(text)

    def on_event(self, event: Event) -> None:
        """Count images that ended, and pass all events on; note what was made."""
        if isinstance(event, ImageEnded):
            self._count += 1
            event = replace(event, number=self._count, total=self._count)
            if event.status == "done":
                self.on_note(f"{', '.join(event.outputs)}: made from {event.input} in {event.seconds:.2f} s")
        self._observer.on_event(event)

    def should_stop(self) -> bool:
        """Return whether the other one wants to stop."""
        return self._observer.should_stop()
