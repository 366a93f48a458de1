"""Downloads of models, file by file, into their folders."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from omz.download.cache import FolderCache, pack_bundle
from omz.download.listener import Stopped
from omz.download.plan import DownloadPlan, plan_download
from omz.download.session import DownloadSettings, ModelJob, Session
from omz.download.transport import Transport
from omz.errors import DownloadError, os_reason
from omz.events import Event, Report, Waiting
from omz.locked import locked_folder
from omz.zoo.card import CompositeCard, ModelCard

LOCK_FILE = ".omz_downloader.lock"
_DEFAULTS = DownloadSettings()
Card: TypeAlias = ModelCard | CompositeCard
Failures: TypeAlias = dict[str, list[str]]
"""Names of models, each with a line a cause."""


def _ignore(event: Event) -> None:
    """Report nothing."""


def download(
    card: Card, directory: Path, settings: DownloadSettings = _DEFAULTS, report: Report = _ignore
) -> tuple[Path, ...]:
    """Bring the files of ``card`` below ``directory``, process them as the card says, and return their paths.

    A file that exists with the card's size and checksum is kept. An archive that was unpacked is not among the paths.
    Raises :class:`DownloadError` with all failures; the other files are then in their place.
    """
    failures = download_all([card], directory, settings, report)
    if failures:
        raise DownloadError("; ".join(failures[card.name]))
    targets: list[Path] = []
    for plan in _plan([card], directory, settings)[card.name]:
        targets += [planned.target for planned in plan.files if planned.target.exists()]
    return tuple(targets)


def download_all(
    cards: Sequence[Card], directory: Path, settings: DownloadSettings = _DEFAULTS, report: Report = _ignore
) -> Failures:
    """Bring the files of all ``cards`` below ``directory``; return the failures.

    It waits for other processes that download to the same directory. Raises :class:`DownloadError` if the directory
    cannot be written.
    """
    with locked_downloads(directory, report):
        return _run(_plan(cards, directory, settings), settings, report, postprocessing=True)


def make_bundle(
    cards: Sequence[Card], bundle: Path, settings: DownloadSettings = _DEFAULTS, report: Report = _ignore
) -> Failures:
    """Pack the files of all ``cards`` into one file, to be used as a cache elsewhere; return the failures.

    The files come through the cache folder of ``settings``, or through one beside ``bundle``, which is removed once the
    bundle is whole. After a failure there is no bundle. Raises :class:`DownloadError` if it cannot be written.
    """
    with _no_os_errors(f"{bundle} cannot be written"):
        if bundle.is_dir() or not bundle.name:
            raise DownloadError(f"{bundle} is a folder; name a file to pack into")
    beside = bundle.with_name(f".{bundle.name}.cache")
    cache, locked = FolderCache(beside), bundle.parent
    if isinstance(settings.cache, FolderCache):
        cache, locked = settings.cache, settings.cache.folder
        settings = replace(settings, cache=None)
    plans = _plan(cards, Path(), settings)
    for several in plans.values():
        several[:] = [_into(cache, plan) for plan in several]
    with locked_downloads(locked, report):
        failures = _run(plans, settings, report, postprocessing=False)
        if not failures:
            files = chain(*(plan.files for plan in chain(*plans.values())))
            with _no_os_errors(f"{bundle} cannot be written"):
                pack_bundle(cache, [planned.file.checksum for planned in files], bundle)
            shutil.rmtree(beside, ignore_errors=True)
    return failures


def _plan(cards: Sequence[Card], directory: Path, settings: DownloadSettings) -> dict[str, list[DownloadPlan]]:
    """Return the plans for the models of each card, by its name."""
    plans = {}
    for card in cards:
        plans[card.name] = [plan_download(model, directory, settings.precisions) for model in card.models]
    return plans


def _into(cache: FolderCache, plan: DownloadPlan) -> DownloadPlan:
    files = tuple(replace(planned, target=cache.path(planned.file.checksum)) for planned in plan.files)
    return replace(plan, folder=cache.folder, files=files)


def _run(
    plans: Mapping[str, Sequence[DownloadPlan]], settings: DownloadSettings, report: Report, postprocessing: bool
) -> Failures:
    """Carry out the plans of each name, which may share models; return the failures."""
    with Transport(settings.policy, settings.file_roots) as transport:
        session = Session(settings, transport, report)
        pool = ThreadPoolExecutor(settings.jobs, "omz-download")
        try:
            jobs: dict[str, ModelJob] = {}
            for plan in chain(*plans.values()):
                if plan.card.name not in jobs:
                    jobs[plan.card.name] = ModelJob(plan, session, pool, postprocessing)
            problems = {name: job.finish() for name, job in jobs.items()}
        except BaseException as error:
            session.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, Stopped) and session.failure:
                raise session.failure from None
            raise
        pool.shutdown()
    failures: Failures = {}
    for name, several in plans.items():
        for plan in several:
            if problems[plan.card.name]:
                failures.setdefault(name, []).extend(problems[plan.card.name])
    return failures


@contextlib.contextmanager
def locked_downloads(directory: Path, report: Report = _ignore) -> Iterator[None]:
    """Keep other runs out of ``directory``; raise :class:`DownloadError` if it cannot be written."""
    with contextlib.ExitStack() as stack:
        with _no_os_errors(f"{directory} cannot be written", "; name another folder with -o"):
            stack.enter_context(locked_folder(directory, LOCK_FILE, lambda: report(Waiting(str(directory)))))
        yield


@contextlib.contextmanager
def _no_os_errors(what: str, remedy: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{what}: {os_reason(error)}{remedy}") from error
