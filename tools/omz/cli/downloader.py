"""``omz_downloader``: download the files of models, and check them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omz.cli.command import omz_command
from omz.cli.printing import say
from omz.cli.selection import ACCEPT_LICENSE_HELP, Selection, selection_options
from omz.errors import CardError, DownloadError, OmzError, UsageError

if TYPE_CHECKING:
    from omz.cli.display import Display
    from omz.download import DownloadSettings
    from omz.zoo import Catalog, CompositeCard, ModelCard

_INTERRUPTED, _TERMINATED = 130, 143
_PATH, _FILE = click.Path(path_type=Path), click.Path(path_type=Path, dir_okay=False)


@omz_command()
@selection_options
@click.option("--precisions", metavar="PREC[,PREC...]", help="Precisions to download, of models that are IRs.")
@click.option("-o", "--output_dir", type=_PATH, metavar="DIR",
              help="Folder for models; default: OMZ_HOME, see omz_demo doctor.")  # fmt: skip
@click.option("--cache_dir", type=_PATH, metavar="DIR", help="Cache folder for downloads, or a bundle to read from.")
@click.option("--num_attempts", type=click.IntRange(1), default=3, show_default=True, metavar="N",
              help="Attempts per address.")  # fmt: skip
@click.option("--progress_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Parallel downloads.")
@click.option("--verify", is_flag=True, help="Check existing files; download nothing.")
@click.option("--bundle", type=_FILE, metavar="FILE", help="Pack the files, for --cache_dir on an offline machine.")
@click.option("--timeout", type=click.IntRange(1, 86_400), default=30, show_default=True, metavar="SECONDS",
              help="How long a server may stay silent.")  # fmt: skip
@click.option("--accept_license", multiple=True, metavar="NAME", help=ACCEPT_LICENSE_HELP)
@click.option("--remove", metavar="NAME", help="Remove the files of a model, downloaded and converted; nothing else.")
def main(
    selection: Selection,
    precisions: str | None,
    output_dir: Path | None,
    accept_license: tuple[str, ...],
    remove: str | None,
    progress_format: str,
    verify: bool,
    bundle: Path | None,
    **flags: Any,
) -> None:
    """Download the files of models, and check their sizes and checksums.

    Files are saved in OUTPUT_DIR/public/NAME, or as in the card's zoo. Valid files are kept, and partial downloads
    continued. If a model is incomplete at the end, it is listed, and the exit code is 1.
    """
    from omz.cli.display import JsonDisplay, end
    from omz.cli.download_display import DownloadDisplay
    from omz.home import can_write, home_folder
    from omz.zoo.vocabulary import parse_precisions

    output_dir = output_dir or home_folder()
    if remove is not None:
        if not selection.empty or verify or bundle:
            raise UsageError("--remove removes and does nothing else; of the other flags it takes -o and --models_dir")
        _remove(selection.catalog, remove, output_dir)
        return
    if verify and bundle:
        raise UsageError("--verify and --bundle exclude each other; give one")
    wanted = parse_precisions(precisions)
    display: Display = JsonDisplay() if progress_format == "json" else DownloadDisplay()
    good, failures = _read_cards(selection)
    if verify:
        failures |= _verify(good, output_dir, wanted, display)
        end(display, failures)
        return
    if output_dir == home_folder() and not bundle and not can_write(output_dir):
        remedy = "set OMZ_HOME to another folder, or name one with -o"
        raise DownloadError(f"{output_dir} cannot be written or is full; {remedy}")
    settings = _settings(selection, wanted, flags)
    good = _with_licenses(good, bundle or output_dir, accept_license, failures)
    try:
        failures |= _download(good, bundle or output_dir, settings, display, as_bundle=bundle is not None)
    except OmzError:
        display.summary([*failures, *(card.name for card in good)])
        raise
    end(display, failures)


def _settings(selection: Selection, precisions: frozenset[str], flags: dict[str, Any]) -> DownloadSettings:
    from omz.download import DownloadSettings, Policy
    from omz.download.cache import open_cache

    return DownloadSettings(
        precisions=precisions,
        jobs=flags["jobs"],
        cache=open_cache(flags["cache_dir"]) if flags["cache_dir"] else None,
        policy=Policy(attempts=flags["num_attempts"], patience=flags["timeout"]),
        file_roots=selection.catalog.roots,
    )


def _download(
    cards: list[ModelCard | CompositeCard], target: Path, settings: DownloadSettings, display: Display, as_bundle: bool
) -> dict[str, list[str]]:
    """Download into a folder or a bundle; return why models failed."""
    from omz.download import download_all, make_bundle

    act = make_bundle if as_bundle else download_all
    try:
        with display, _terminated_as_interrupted():
            return dict(act(cards, target, settings, display.show))
    except KeyboardInterrupt as error:
        say("omz_downloader: interrupted; run the same command again to continue", err=True)
        sys.stdout.flush()
        # A thread that waits for a server cannot be woken; what it has received is kept.
        os._exit(_TERMINATED if isinstance(error, _Terminated) else _INTERRUPTED)


def _with_licenses(
    cards: list[ModelCard | CompositeCard], target: Path, accepted: tuple[str, ...], failures: dict[str, list[str]]
) -> list[ModelCard | CompositeCard]:
    """Return the cards whose licences are accepted, or whose files are there; add the others to ``failures``."""
    from omz.cli.licenses import ask_for_license
    from omz.download.first_use import missing_files
    from omz.download.licenses import check_license, is_accepted
    from omz.errors import DownloadError

    ready = []
    for card in cards:
        try:
            for model in card.models:
                if is_accepted(model) or not missing_files(model, target):
                    continue
                if model.name not in accepted:
                    ask_for_license(model)
                check_license(model, accepted)
        except DownloadError as error:
            failures[card.name] = [f"{card.name}: {error}"]
        else:
            ready.append(card)
    return ready


class _Terminated(KeyboardInterrupt):
    """SIGTERM."""


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Handle SIGTERM like Ctrl-C, so that the command ends in order."""

    def interrupt(*_: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read_cards(selection: Selection) -> tuple[list[ModelCard | CompositeCard], dict[str, list[str]]]:
    """Return the chosen cards, and the names of those that cannot be read, with the reason."""
    good, bad = [], {}
    for name, card in selection.cards():
        if isinstance(card, CardError):
            bad[name] = [str(card)]
            continue
        for remark in card.remarks:
            say(f"warning: {card.path}: {remark}", err=True)
        good.append(card)
    return good, bad


def _verify(
    cards: list[ModelCard | CompositeCard], directory: Path, precisions: frozenset[str], display: Display
) -> dict[str, list[str]]:
    """Show the state of each file; return what is wrong, by model."""
    from omz.download.verify import verify

    failures: dict[str, list[str]] = {}
    for card in cards:
        for model in card.models:
            for check in verify(model, directory, precisions):
                display.show(check)
                if check.problem:
                    failures.setdefault(card.name, []).append(f"{check.model}: {check.path} {check.problem}")
    return failures


def _remove(catalog: Catalog, name: str, folder: Path) -> None:
    from rich.filesize import decimal

    from omz.installed import remove

    removed = remove(catalog.load(name), folder)
    if not removed:
        say(f"{name}: nothing to remove from {folder} and the cache")
        return
    size = sum(part.size for part in removed)
    say(f"{name}: removed {len(removed)} files, {decimal(size)}")


if __name__ == "__main__":
    main()
