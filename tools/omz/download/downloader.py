"""Models, file by file, into their folders."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import filelock

from omz.download.cache import Cache, FolderCache, pack_bundle
from omz.download.events import (
    Event,
    FileBegin,
    FileEnd,
    FileProgress,
    FileRetry,
    FileSkipped,
    ModelBegin,
    ModelEnd,
    ModelSkipped,
    PostprocessingBegin,
    PostprocessingEnd,
    Report,
    State,
    Waiting,
    Warned,
)
from omz.download.plan import DownloadPlan, PlannedFile, plan_download
from omz.download.policy import Policy
from omz.download.postprocess import original_path, postprocess, postprocessed
from omz.download.transfer import Listener, Transfer
from omz.download.transport import Transport
from omz.errors import DownloadError
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.vocabulary import Precision

LOCK_FILE = ".omz_downloader.lock"


@dataclass(frozen=True)
class Settings:
    """How downloads are made.

    ``jobs`` files come at a time; ``cache``, where there is one, is asked first and given what was fetched;
    ``file_roots`` are the folders that ``file://`` addresses may point into.
    """

    precisions: Collection[str] = get_args(Precision)
    jobs: int = 1
    cache: Cache | None = None
    policy: Policy = field(default_factory=Policy)
    file_roots: tuple[Path, ...] = ()


_DEFAULTS = Settings()


def download(
    card: ModelCard | CompositeCard,
    directory: Path,
    settings: Settings = _DEFAULTS,
    report: Report = lambda event: None,
) -> tuple[Path, ...]:
    """Bring the files of ``card`` below ``directory`` and make of them what the card says; return their paths.

    A file that is there and has the card's size and checksum is kept. An archive that was unpacked is not among the
    paths. Raises :class:`DownloadError` with everything that failed; the other files are in their place then.
    """
    failures = download_all([card], directory, settings, report)
    if failures:
        raise DownloadError("; ".join(failures[card.name]))
    plans = [plan_download(model, directory, settings.precisions) for model in models_of(card)]
    return tuple(planned.target for plan in plans for planned in plan.files if planned.target.exists())


def download_all(
    cards: Sequence[ModelCard | CompositeCard],
    directory: Path,
    settings: Settings = _DEFAULTS,
    report: Report = lambda event: None,
) -> dict[str, list[str]]:
    """Bring the files of all ``cards`` below ``directory``; return the names of those that failed, with a line a cause.

    Another process that downloads to the same directory is waited for. Raises :class:`DownloadError` where the
    directory cannot be written.
    """
    plans = {
        card.name: [plan_download(model, directory, settings.precisions) for model in models_of(card)] for card in cards
    }
    return _run(plans, directory, settings, report, postprocessing=True)


def make_bundle(
    cards: Sequence[ModelCard | CompositeCard],
    bundle: Path,
    settings: Settings = _DEFAULTS,
    report: Report = lambda event: None,
) -> dict[str, list[str]]:
    """Pack the files of all ``cards`` into one file, which serves as a cache elsewhere; return what failed.

    The files come through the cache folder of ``settings``, or through one beside ``bundle``, which is removed once the
    bundle is whole. It is not made where a file failed. Raises :class:`DownloadError` where it cannot be written.
    """
    beside = bundle.with_name(f".{bundle.name}.cache")
    cache = settings.cache if isinstance(settings.cache, FolderCache) else FolderCache(beside)
    plans = {
        card.name: [_into(cache, plan_download(model, Path(), settings.precisions)) for model in models_of(card)]
        for card in cards
    }
    failures = _run(plans, cache.folder, settings, report, postprocessing=False)
    if not failures:
        files = [planned.file for several in plans.values() for plan in several for planned in plan.files]
        with _no_os_errors(f"{bundle} cannot be written"):
            pack_bundle(cache, [file.checksum for file in files], bundle)
        shutil.rmtree(beside, ignore_errors=True)
    return failures


def models_of(card: ModelCard | CompositeCard) -> tuple[ModelCard, ...]:
    """Return the stages of a composite model, or the model itself."""
    return card.stages if isinstance(card, CompositeCard) else (card,)


def _into(cache: FolderCache, plan: DownloadPlan) -> DownloadPlan:
    files = tuple(replace(planned, target=cache.path(planned.file.checksum)) for planned in plan.files)
    return replace(plan, folder=cache.folder, files=files)


def _run(
    plans: Mapping[str, Sequence[DownloadPlan]],
    directory: Path,
    settings: Settings,
    report: Report,
    postprocessing: bool,
) -> dict[str, list[str]]:
    """Carry out the plans of each name, which may share models and targets; return what failed."""
    with _lock(directory, report), Transport(settings.policy, settings.file_roots) as transport:
        session = _Session(settings, transport, report)
        pool = ThreadPoolExecutor(settings.jobs, "omz-download")
        try:
            models: dict[str, _Model] = {}
            for plan in (plan for several in plans.values() for plan in several):
                if plan.card.name not in models:
                    models[plan.card.name] = _Model(plan, session, pool, postprocessing)
            problems = {name: model.finish() for name, model in models.items()}
        except BaseException:
            session.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()
    failures = {
        name: [line for plan in several for line in problems[plan.card.name]] for name, several in plans.items()
    }
    return {name: lines for name, lines in failures.items() if lines}


@contextlib.contextmanager
def _lock(directory: Path, report: Report) -> Iterator[None]:
    """Keep other processes from working on ``directory``."""
    with contextlib.ExitStack() as stack:
        with _no_os_errors(f"{directory} cannot be written"):
            directory.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(directory / LOCK_FILE)
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except filelock.Timeout:
                report(Waiting(str(directory)))
                stack.enter_context(lock.acquire())
        yield


@contextlib.contextmanager
def _no_os_errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{what}: {error.strerror or error}") from error


class _Session:
    """What all files of a run share; gets one file."""

    def __init__(self, settings: Settings, transport: Transport, report: Report) -> None:
        self.stop = threading.Event()
        self._settings = settings
        self._transport = transport
        self._report = report
        self._reporting = threading.Lock()
        self._targets: dict[Path, threading.Lock] = {}

    def tell(self, event: Event) -> None:
        """Report one event at a time."""
        with self._reporting:
            self._report(event)

    def get(self, planned: PlannedFile) -> str | None:
        """Bring a file to its place; return None, or what to tell the user where it failed."""
        model, file = planned.model, planned.file
        self.tell(FileBegin(model, file.name, file.size))
        try:
            with self._lock_of(planned.target):
                state = self._state(planned)
        except (DownloadError, OSError) as error:
            cause = (
                str(error)
                if isinstance(error, DownloadError)
                else f"{error.filename or planned.target}: {error.strerror or error}"
            )
            self.tell(FileEnd(model, file.name, False, reason=cause))
            return _failure(planned, cause)
        self.tell(FileEnd(model, file.name, True, state))
        return None

    def _fail(self, planned: PlannedFile, cause: str) -> str:
        self.tell(FileEnd(planned.model, planned.file.name, False, reason=cause))
        return _failure(planned, cause)

    def _lock_of(self, target: Path) -> threading.Lock:
        with self._reporting:
            return self._targets.setdefault(target, threading.Lock())

    def _state(self, planned: PlannedFile) -> State:
        file, target, cache = planned.file, planned.target, self._settings.cache
        if file.problem_at(target) is None:
            return "present"
        original = original_path(target)
        if file.problem_at(original) is None:
            original.replace(target)
            return "present"
        if cache and cache.take(file.checksum, target):
            return "cached"
        listener = Listener(
            progress=lambda size: self.tell(FileProgress(planned.model, file.name, size)),
            retry=lambda url, cause, wait: self.tell(FileRetry(planned.model, file.name, url, cause, wait)),
            stop=self.stop,
        )
        Transfer(file, target, self._transport, self._settings.policy, listener).run()
        if cache:
            try:
                cache.put(file.checksum, target)
            except OSError as error:
                self.tell(Warned(planned.model, f"{file.name} could not be put into the cache: {error}"))
        return "downloaded"


class _Model:
    """A model's files on their way, and what is done to them then."""

    def __init__(self, plan: DownloadPlan, session: _Session, pool: ThreadPoolExecutor, postprocessing: bool) -> None:
        self._plan = plan
        self._session = session
        self._steps = postprocessing and bool(plan.card.postprocessing)
        self._finished: frozenset[str] | None = None
        self._beginning = threading.Lock()
        self._files = [pool.submit(self._get, planned) for planned in plan.files]

    def _begin(self) -> frozenset[str]:
        """Announce the model once, and return the names of the files that postprocessing has dealt with before."""
        with self._beginning:
            if self._finished is None:
                name = self._plan.card.name
                self._session.tell(ModelBegin(name, len(self._plan.files)))
                for file, reason in self._plan.skipped:
                    self._session.tell(FileSkipped(name, file, reason))
                self._finished = postprocessed(self._plan.card, self._plan.folder) if self._steps else frozenset()
            return self._finished

    def _get(self, planned: PlannedFile) -> str | None:
        if planned.file.name in self._begin():
            self._session.tell(FileBegin(planned.model, planned.file.name, planned.file.size))
            self._session.tell(FileEnd(planned.model, planned.file.name, True, "present"))
            return None
        return self._session.get(planned)

    def finish(self) -> list[str]:
        """Wait for the files, and do what the card asks for to them; return what failed."""
        name = self._plan.card.name
        if self._plan.reason:
            self._session.tell(ModelSkipped(name, self._plan.reason))
            return []
        finished = self._begin()
        problems = [problem for problem in (file.result() for file in self._files) if problem]
        self._session.tell(ModelEnd(name, not problems))
        if self._steps and not problems and not finished:
            self._session.tell(PostprocessingBegin(name))
            try:
                postprocess(self._plan.card, self._plan.folder)
            except (DownloadError, OSError) as error:
                problems.append(f"{name}: {error}")
            self._session.tell(PostprocessingEnd(name, not problems, "; ".join(problems) or None))
        return problems


def _failure(planned: PlannedFile, cause: str) -> str:
    """Return which file failed and why, and what to do by hand."""
    target = planned.target.absolute()
    line = f"{planned.model}: {planned.file.name} could not be fetched: {cause}"
    if not planned.file.urls:
        return line
    command = shlex.join(["curl", "--fail", "--location", "--output", str(target), planned.file.urls[0]])
    return f"{line}. To fetch it by hand: {command} (it belongs to {target}, and is checked when you run this again)"
