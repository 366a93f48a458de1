"""State of a run, and the downloads of its files and models."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from omz.atomic import sweep
from omz.download.cache import Cache
from omz.download.events import (
    FileBegin,
    FileEnd,
    FileProgress,
    FileRetry,
    FileSkipped,
    ModelBegin,
    ModelEnd,
    PostprocessingBegin,
    PostprocessingEnd,
    State,
    Warned,
)
from omz.download.listener import Listener, Stopped
from omz.download.partial import forget_partials
from omz.download.plan import DownloadPlan, PlannedFile
from omz.download.policy import Policy
from omz.download.postprocess import original_path, postprocess, postprocessed
from omz.download.transfer import Transfer
from omz.download.transport import Transport
from omz.errors import DownloadError, os_reason
from omz.events import Event, ModelSkipped, Report
from omz.zoo.model_file import address_of
from omz.zoo.vocabulary import Precision


@dataclass(frozen=True)
class DownloadSettings:
    """DownloadSettings of downloads.

    ``jobs`` files are fetched at a time; ``cache``, if any, is asked first and gets the files fetched; ``file_roots``
    are the folders that ``file://`` addresses may point into.
    """

    precisions: Collection[str] = get_args(Precision)
    jobs: int = 1
    cache: Cache | None = None
    policy: Policy = field(default_factory=Policy)
    file_roots: tuple[Path, ...] = ()


class Session:
    """State shared by all files of a run; gets one file at a time for each thread.

    ``stop``, once set, ends all transfers; so does ``failure``, an error raised by ``report``.
    """

    def __init__(self, settings: DownloadSettings, transport: Transport, report: Report) -> None:
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._settings = settings
        self._transport = transport
        self._report = report
        self._reporting = threading.Lock()
        self._targets: dict[Path, threading.Lock] = {}

    def tell(self, event: Event) -> None:
        """Report one event at a time; raises :class:`Stopped` once a report has failed."""
        with self._reporting:
            if self.failure is None:
                try:
                    self._report(event)
                except BaseException as error:  # whoever waits for the run gets it
                    self.failure = error
                    self.stop.set()
        if self.failure is not None:
            raise Stopped

    def get(self, planned: PlannedFile) -> str | None:
        """Bring a file to its place; return None, or a message for the user about the failure."""
        self.tell(FileBegin(planned.model, planned.file.name, planned.file.size))
        with self._reporting:
            lock = self._targets.setdefault(planned.target, threading.Lock())
        try:
            with lock:
                state = self._bring(planned)
        except DownloadError as error:
            cause, hint = str(error), _by_hand(planned)
        except OSError as error:
            cause, hint = f"{error.filename or planned.target}: {os_reason(error)}", "; name another folder with -o"
        except Stopped:
            raise
        except Exception as error:  # a defect here must not stop the other files
            cause, hint = f"{type(error).__name__}: {error}", _by_hand(planned)
        else:
            self.tell(FileEnd(planned.model, planned.file.name, True, state))
            return None
        self.tell(FileEnd(planned.model, planned.file.name, False, reason=cause))
        return f"{planned.model}: {planned.file.name} could not be fetched: {cause}{hint}"

    def _bring(self, planned: PlannedFile) -> State:
        file, target, cache = planned.file, planned.target, self._settings.cache
        if file.problem_at(target) is None:
            forget_partials(target)
            return "present"
        original = original_path(target)
        if planned.is_changed and file.problem_at(original) is None:
            original.replace(target)
            return "present"
        sweep(target)
        if cache and cache.take(file.checksum, target, file.size):
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
                self.tell(Warned(planned.model, f"{file.name} could not be put into the cache: {os_reason(error)}"))
        return "downloaded"


def _by_hand(planned: PlannedFile) -> str:
    """Return instructions to fetch a file by hand."""
    target = planned.target.absolute()
    if planned.file.urls:
        steps = shlex.join(["curl", "--fail", "--location", "--output", str(target), planned.file.urls[0]])
    elif planned.file.remotes:
        steps = f"take {address_of(planned.file.remotes[0])}"
    else:
        return ""
    return f". To fetch it by hand: {steps} (it belongs to {target}, and is checked when you run this again)"


class ModelJob:
    """Download and postprocessing of a model's files."""

    def __init__(self, plan: DownloadPlan, session: Session, pool: ThreadPoolExecutor, postprocessing: bool) -> None:
        self._plan = plan
        self._session = session
        self._steps = postprocessing and bool(plan.card.postprocessing)
        self._finished: frozenset[str] | None = None
        self._beginning = threading.Lock()
        self._files = [pool.submit(self._get, planned) for planned in plan.files]

    def _begin(self) -> frozenset[str]:
        """Announce the model once, and return the names of the files that are already postprocessed."""
        with self._beginning:
            if self._finished is None:
                name = self._plan.card.name
                self._session.tell(ModelBegin(name, len(self._plan.files)))
                for file, reason in self._plan.skipped:
                    self._session.tell(FileSkipped(name, file, reason))
                self._finished = frozenset()
                if self._steps:
                    self._finished = postprocessed(self._plan.card, self._plan.folder)
            return self._finished

    def _get(self, planned: PlannedFile) -> str | None:
        if planned.file.name in self._begin():
            self._session.tell(FileBegin(planned.model, planned.file.name, planned.file.size))
            self._session.tell(FileEnd(planned.model, planned.file.name, True, "present"))
            return None
        return self._session.get(planned)

    def finish(self) -> list[str]:
        """Wait for the files, and postprocess them; return the failures."""
        name = self._plan.card.name
        if self._plan.reason:
            self._session.tell(ModelSkipped(name, self._plan.reason))
            return []
        finished = self._begin()
        problems = [*filter(None, map(Future.result, self._files))]
        self._session.tell(ModelEnd(name, not problems))
        if self._steps and not problems and not finished:
            self._session.tell(PostprocessingBegin(name))
            try:
                postprocess(self._plan.card, self._plan.folder)
            except (DownloadError, OSError) as error:
                problems.append(f"{name}: {os_reason(error)}")
            self._session.tell(PostprocessingEnd(name, not problems, "; ".join(problems) or None))
        return problems
