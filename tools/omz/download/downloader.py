"""Models, file by file, into their folders."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from omz.download.cache import FolderCache, pack_bundle
from omz.download.plan import DownloadPlan, plan_download
from omz.download.session import ModelJob, Session, Settings
from omz.download.transfer import Stopped
from omz.download.transport import Transport
from omz.errors import DownloadError
from omz.events import Report, Waiting
from omz.locked import locked_folder
from omz.zoo.card import CompositeCard, ModelCard

LOCK_FILE = ".omz_downloader.lock"
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
    plans = _plan([card], directory, settings)[card.name]
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
    with _lock(directory, report):
        return _run(_plan(cards, directory, settings), settings, report, postprocessing=True)


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
    with _no_os_errors(f"{bundle} cannot be written"):
        if bundle.is_dir() or not bundle.name:
            raise DownloadError(f"{bundle} is a folder; name a file to pack into")
    beside = bundle.with_name(f".{bundle.name}.cache")
    cache = settings.cache if isinstance(settings.cache, FolderCache) else FolderCache(beside)
    source = None if settings.cache is cache else settings.cache
    plans = {name: [_into(cache, plan) for plan in several] for name, several in _plan(cards, Path(), settings).items()}
    with _lock(bundle.parent if cache.folder == beside else cache.folder, report):
        failures = _run(plans, replace(settings, cache=source), report, postprocessing=False)
        if not failures:
            files = [planned.file for several in plans.values() for plan in several for planned in plan.files]
            with _no_os_errors(f"{bundle} cannot be written"):
                pack_bundle(cache, [file.checksum for file in files], bundle)
            shutil.rmtree(beside, ignore_errors=True)
    return failures


def _plan(
    cards: Sequence[ModelCard | CompositeCard], directory: Path, settings: Settings
) -> dict[str, list[DownloadPlan]]:
    """Return what is to be done for the models of each card, by its name."""
    return {
        card.name: [plan_download(model, directory, settings.precisions) for model in card.models] for card in cards
    }


def _into(cache: FolderCache, plan: DownloadPlan) -> DownloadPlan:
    files = tuple(replace(planned, target=cache.path(planned.file.checksum)) for planned in plan.files)
    return replace(plan, folder=cache.folder, files=files)


def _run(
    plans: Mapping[str, Sequence[DownloadPlan]], settings: Settings, report: Report, postprocessing: bool
) -> dict[str, list[str]]:
    """Carry out the plans of each name, which may share models; return what failed."""
    with Transport(settings.policy, settings.file_roots) as transport:
        session = Session(settings, transport, report)
        pool = ThreadPoolExecutor(settings.jobs, "omz-download")
        try:
            jobs: dict[str, ModelJob] = {}
            for plan in (plan for several in plans.values() for plan in several):
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
    failures = {
        name: [line for plan in several for line in problems[plan.card.name]] for name, several in plans.items()
    }
    return {name: lines for name, lines in failures.items() if lines}


@contextlib.contextmanager
def _lock(directory: Path, report: Report) -> Iterator[None]:
    """Keep other runs from working on ``directory``."""
    with contextlib.ExitStack() as stack:
        with _no_os_errors(f"{directory} cannot be written"):
            stack.enter_context(locked_folder(directory, LOCK_FILE, lambda: report(Waiting(str(directory)))))
        yield


@contextlib.contextmanager
def _no_os_errors(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(f"{what}: {error.strerror or error}") from error
