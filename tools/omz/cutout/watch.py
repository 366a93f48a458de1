"""Watch: images and videos are cut as they arrive in folders, until somebody ends it.

What the system tells of changes only says when to look. What there is to do follows from the files and the manifest
alone, so that nothing is missed or done twice, whatever was lost while this process did not run.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from omz.cutout.arrivals import Arrivals, is_complete, read_complete, stamps
from omz.cutout.collisions import name_key
from omz.cutout.failure_list import FailureList
from omz.cutout.folder_events import folder_events, has_events
from omz.cutout.image_work import Task
from omz.cutout.images import IMAGES, ImageEnded, cut_images, image_settings
from omz.cutout.inputs import Input, input_of, visible_files
from omz.cutout.manifest import FAILURES, Manifest, open_manifest_of
from omz.cutout.names import Outputs, is_called_as_result, name_new
from omz.cutout.observer import Action, Observer
from omz.cutout.options import Options
from omz.cutout.plan import Plan, files_in, plate_and_target, video_formats
from omz.cutout.session import Session
from omz.cutout.videos import VideoRun
from omz.cutout.watch_plan import results_folder, takes_images
from omz.errors import ImageError, OmzError, UsageError, os_reason, os_remedy
from omz.events import Event
from omz.images.arrays import Picture
from omz.images.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_video, natural
from omz.matting.plates import PlateSource
from omz.paths import real_path

_BATCH = 16  # images that are read before they are cut
_BATCH_BYTES = 1 << 27
_LARGEST = 1 << 30  # bytes of a file
_UNTOLD = 60.0  # seconds after which folders are looked at, even if nothing was told of them
_REST = 10  # times as long as a look at the folders takes, until the next one
_LONG = 60.0  # seconds after which a file that somebody keeps open is mentioned


def run_watch(session: Session, source: PlateSource | None) -> NoReturn:
    """Cut the files of the folders that are the input, and those that come; images against the plates of ``source``.

    Raises :class:`KeyboardInterrupt` where somebody ends it, after the images that were begun are finished, and the
    video up to its last segment; :class:`OmzError` where nothing more can be written, or nothing can be watched.
    """
    session.tally.remedy = "start it again to go on"
    with (
        open_manifest_of(session, (), video=False) as images,
        open_manifest_of(session, (), video=True) as videos,
    ):
        if images is None or videos is None:
            raise UsageError("there is no folder for the manifests; name one with -o")
        _Watch(session, source, images, videos).run()
    raise KeyboardInterrupt


class _Watch:
    def __init__(self, session: Session, source: PlateSource | None, images: Manifest, videos: Manifest) -> None:
        self._session, self._manifest = session, images
        self._options, self._tally = session.options, session.tally
        self._observer = self._tally.observer
        self._tally.observer = _Counting(self._observer)
        self._settings = image_settings(session, source)
        self._videos = VideoRun(session, videos)
        self._folders = tuple(Path(text) for text in dict.fromkeys(self._options.inputs))
        self._is_local = {folder: has_events(folder) for folder in self._folders}
        besides = plate_and_target(self._options)
        self._left_out = {real_path(path) for path in (*besides, self._options.output) if path is not None}
        self._left_out_names = {path.name for path in self._left_out}
        self._names = _Names(self._options, (images, videos), files_in(besides))
        self._arrivals, self._roots = Arrivals(), dict[Path, Path]()
        self._failures = FailureList(results_folder(self._options) / FAILURES)
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
        """Cut what is complete: all images, and one video, after which the folders are looked at again."""
        arrived = sorted(self._arrivals.steady(now), key=lambda path: tuple(map(natural, path.parts)))
        moves = {path: is_video(path) for path in arrived}  # asked once, for a file may change meanwhile
        self._cut_images([path for path in arrived if not moves[path]], now)
        for path in arrived:
            if moves[path] and self._cut_video(path, now):
                break
        self._failures.keep(self._arrivals)

    def _cut_images(self, paths: Iterable[Path], now: float) -> None:
        """Cut the images that are complete, some at a time, so that their files fit into the memory."""
        batch, size = list[Task](), 0
        for path in paths:
            task = self._task(path, now)
            if task is None:
                continue
            batch.append(task)
            size += len(task.content or b"")
            if len(batch) == _BATCH or size >= _BATCH_BYTES:
                self._cut_batch(batch)
                batch, size = [], 0
        if batch:
            self._cut_batch(batch)

    def _cut_video(self, path: Path, now: float) -> bool:
        """Cut a video that is complete, unless that was done before; return False where nothing was to be done."""
        task, started = self._task(path, now), time.monotonic()
        if task is None:
            return False
        try:
            formats = video_formats(self._options, [task.outputs])
        except OmzError as error:  # the target is another one than at the start
            self._refuse(path, f"{path}: {error}")
            return False
        plan = Plan({}, {task.input: task.outputs}, formats=formats)
        with self._ending([task]):
            outcome = self._videos.cut(plan)
        if outcome.done:
            made = ", ".join(map(str, outcome.outputs))
            self._observer.on_note(f"{made}: made from {path} in {time.monotonic() - started:.2f} s")
        return not outcome.skipped

    def _task(self, path: Path, now: float) -> Task | None:
        """Take a file, and return what there is to do; None for nothing, or if it is not complete yet.

        It has the content of an image, so that what is noted is what was cut; a video is too large for that.
        """
        try:
            complete = self._complete(path, now)
            if complete is None:
                return None
            item = input_of(path, self._roots[path], is_found=True)
            if item.kind == "picture" and not takes_images(self._options):
                raise UsageError(f"{path} is an image, and plate or target are for videos; cut it in a job of its own")
            outputs = self._names.of(item)
        except OmzError as error:
            self._refuse(path, str(error))
            return None
        self._arrivals.take(path)
        self._number += item.kind == "picture"
        return Task(item, outputs, complete, self._number - 1)

    def _refuse(self, path: Path, problem: str) -> None:
        """List a file that is not cut, and do not try again before it changes."""
        self._arrivals.take(path)
        self._failures.add(path, problem)
        self._observer.on_failure(problem)

    def _complete(self, path: Path, now: float) -> bytes | None:
        """Return what is in an image, or nothing of a video; None if it is not complete yet, or gone.

        Raises :class:`ImageError`.
        """
        moves, stamp, age = is_video(path), self._arrivals.stamp(path), self._arrivals.age(path, now)
        if stamp.size > _LARGEST and not moves:
            raise ImageError(f"{path} has more than {_LARGEST >> 20} MB; cut it without --watch")
        content: bytes | None = b""
        is_local = self._is_local[self._roots[path]]
        try:
            if not moves:
                content = read_complete(path, stamp, age, is_local)
            elif not is_complete(path, stamp, age, is_local):
                content = None
        except FileNotFoundError:
            return None
        except OSError as error:
            remedy = os_remedy(error, "check the disk")
            raise ImageError(f"{path} cannot be read: {os_reason(error)}; {remedy}") from error
        if content is None and age > _LONG:
            self._tally.warn(f"{path} waits until the program that has it open for writing closes it")
        return content

    def _cut_batch(self, tasks: Sequence[Task]) -> None:
        stream = self._session.stream(self._session.model, follows=False)
        with self._ending(tasks):
            cut_images(tasks, stream, self._settings, self._manifest, self._tally)

    @contextmanager
    def _ending(self, tasks: Sequence[Task]) -> Iterator[None]:
        """List which of the tasks that end in the block have failed."""
        try:
            yield
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

    def __init__(self, options: Options, manifests: Iterable[Manifest], kept: Iterable[Path]) -> None:
        self._options = options
        self._owners: dict[str, tuple[str, str]] = {}  # the input below its folder, and where it is, if that is known
        for manifest in manifests:
            for entry in manifest.entries:
                for name in entry.outputs:
                    self._owners[name_key(manifest.path(name))] = (entry.input, "")
        for path in kept:
            self._owners[name_key(path)] = ("", "")

    def of(self, item: Input) -> Outputs:
        """Return the files that come of an input. Raises :class:`UsageError` where others have their names."""
        options = self._options
        outputs = name_new(item, options.output, options.whats, options.format, partial(self._is_free, item))
        for path in outputs.values():
            self._owners[name_key(path)] = (str(item.relative), item.key)
        return outputs

    def _is_free(self, item: Input, path: Path) -> bool:
        relative, key = self._owners.get(name_key(path), (str(item.relative), ""))
        return relative == str(item.relative) and key in ("", item.key)


class _Counting(Observer):
    """Observer of one batch after another, which tells another one of all images together, and of each video."""

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

    def on_progress(self, name: str, done: int, total: int | None) -> None:
        """Pass on how many frames of a video are done; images are told as they end."""
        if name != IMAGES:
            self._observer.on_progress(name, done, total)

    def watches(self, live: bool, recorded: bool) -> bool:
        """Return whether the other one wants to see frames."""
        return self._observer.watches(live, recorded)

    def on_frame(self, picture: Picture, lines: Sequence[str], pinned: bool = False) -> Action:
        """Pass a frame on."""
        return self._observer.on_frame(picture, lines, pinned)

    def should_stop(self) -> bool:
        """Return whether the other one wants to stop."""
        return self._observer.should_stop()
