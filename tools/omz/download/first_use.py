"""Downloads on first use: what a model needs and does not have yet."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from omz.download.events import DownloadNeeded
from omz.download.licenses import check_license, is_accepted
from omz.download.plan import PlannedFile, plan_download
from omz.download.postprocess import postprocessed
from omz.errors import DownloadError, ModelFileError
from omz.events import Report
from omz.home import home_folder, is_offline, writable
from omz.zoo.card import ModelCard
from omz.zoo.model_file import address_of
from omz.zoo.vocabulary import Precision


@dataclass(frozen=True)
class FetchOptions:
    """Permissions of downloads on first use.

    ``offline`` forbids them, as ``OMZ_OFFLINE`` does. ``accepted`` are the names of models whose licences the user
    accepts. ``file_roots`` are the folders that ``file://`` addresses may point into. ``ask`` may ask the user for the
    licence of a model.
    """

    offline: bool = False
    accepted: tuple[str, ...] = ()
    file_roots: tuple[Path, ...] = ()
    ask: Callable[[ModelCard], None] = lambda card: None


def folder_of(card: ModelCard, given: Path | None) -> Path:
    """Return the folder below which the files of ``card`` are, or are to be.

    It is ``given``, or else the user's models folder. If the files are not there but in the current folder, where they
    went before there was a models folder, it is that.
    """
    if given is not None:
        return given
    home, here = home_folder(), Path()
    if missing_files(card, home) and not missing_files(card, here):
        return here
    return home


def writable_folder_of(card: ModelCard, given: Path | None) -> Path:
    """Return :func:`folder_of`; where files are missing and a models folder cannot be written, a temporary one."""
    folder = folder_of(card, given)
    if given is None and folder == home_folder() and missing_files(card, folder):
        return writable(folder)
    return folder


def missing_files(card: ModelCard, folder: Path) -> tuple[PlannedFile, ...]:
    """Return the files of ``card`` that are not below ``folder``, and were not unpacked there."""
    plan = plan_download(card, folder, get_args(Precision))
    missing = tuple(planned for planned in plan.files if not os.path.exists(planned.target))
    if missing and card.postprocessing:
        finished = postprocessed(card, plan.folder)
        missing = tuple(planned for planned in missing if planned.file.name not in finished)
    return missing


def fetch_missing(card: ModelCard, folder: Path, options: FetchOptions, report: Report) -> None:
    """Download what :func:`missing_files` finds, after an event that says what and from where.

    Files that are there are left alone, even damaged ones, for they may be the user's own; whoever uses them finds out.
    Raises :class:`ModelFileError` where downloads are forbidden, and :class:`DownloadError`.
    """
    missing = missing_files(card, folder)
    if not missing:
        return
    from omz.download.downloader import download_all  # brings HTTP
    from omz.download.session import DownloadSettings

    if options.offline or is_offline():
        raise ModelFileError(_offline(card, folder, missing))
    if not is_accepted(card) and card.name not in options.accepted:
        options.ask(card)
    check_license(card, options.accepted)
    sizes = [planned.file.size for planned in missing]
    size = None if None in sizes else sum(filter(None, sizes))
    source = address_of(missing[0].file.remotes[0])
    report(DownloadNeeded(card.name, len(missing), size, card.license, source))
    remaining = {planned.file.name for planned in missing}
    files = tuple(file for file in card.files if card.postprocessing or file.name in remaining)
    failures = download_all(
        [card.model_copy(update={"files": files})], folder, DownloadSettings(file_roots=options.file_roots), report
    )
    if failures:
        raise DownloadError("; ".join(failures[card.name]))


def download_command(card: ModelCard, folder: Path) -> str:
    """Return the command line that downloads the files of ``card`` to ``folder``."""
    command = ["omz_downloader", "--name", card.name]
    if folder != home_folder():
        command += ["-o", str(folder)]
    return shlex.join(command)


def _offline(card: ModelCard, folder: Path, missing: tuple[PlannedFile, ...]) -> str:
    names = missing[0].file.name
    if len(missing) > 1:
        names += f" and {len(missing) - 1} more"
    return (
        f"{card.name}: {names} is not in {folder / card.subdirectory}, and offline nothing is downloaded; "
        f"with a network, run {download_command(card, folder)}, or pack a bundle for this machine (--bundle, "
        "--cache_dir)"
    )
