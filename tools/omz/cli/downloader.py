"""``omz_downloader``: the files of models, right or absent."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError, OmzError, UsageError

if TYPE_CHECKING:
    from omz.cli.display import Display
    from omz.zoo import CompositeCard, ModelCard

_INTERRUPTED, _TERMINATED = 130, 143
_PATH, _FILE = click.Path(path_type=Path), click.Path(path_type=Path, dir_okay=False)


@omz_command()
@selection_options
@click.option("--precisions", metavar="PREC[,PREC...]", help="Of models that are IRs already: these only.")
@click.option("-o", "--output_dir", type=_PATH, default=".", metavar="DIR", help="Where the models go; default: here.")
@click.option("--cache_dir", type=_PATH, metavar="DIR", help="A folder that keeps what is downloaded, or a bundle.")
@click.option("--num_attempts", type=click.IntRange(1), default=3, show_default=True, metavar="N",
              help="How often an address is asked in vain.")  # fmt: skip
@click.option("--progress_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Files at a time.")
@click.option("--verify", is_flag=True, help="Check what is there, and download nothing.")
@click.option("--bundle", type=_FILE, metavar="FILE", help="Pack the files for --cache_dir on a machine without net.")
@click.option("--timeout", type=click.IntRange(1, 86_400), default=30, show_default=True, metavar="SECONDS",
              help="How long a server may be silent.")  # fmt: skip
def main(
    selection: Selection,
    precisions: str | None,
    output_dir: Path,
    cache_dir: Path | None,
    num_attempts: int,
    progress_format: str,
    jobs: int,
    verify: bool,
    bundle: Path | None,
    timeout: int,
) -> None:
    """Download the files of models; check their sizes and checksums.

    Files land in OUTPUT_DIR/public/NAME (or where the card's zoo has the model). What is there and right is kept; what
    a stopped run has received is continued. Exits with 1 where a model is not complete in the end, and names it.
    """
    from omz.cli.display import JsonDisplay
    from omz.cli.download_display import DownloadDisplay
    from omz.download import Policy, Settings, download_all, make_bundle
    from omz.download.cache import open_cache
    from omz.zoo.vocabulary import parse_precisions

    if verify and bundle:
        raise UsageError("--verify and --bundle exclude each other")
    wanted = parse_precisions(precisions)
    display: Display = JsonDisplay() if progress_format == "json" else DownloadDisplay()
    good, failures = _read_cards(selection)
    if verify:
        failures |= _verify(good, output_dir, wanted, display)
    else:
        settings = Settings(
            precisions=wanted,
            jobs=jobs,
            cache=open_cache(cache_dir) if cache_dir else None,
            policy=Policy(attempts=num_attempts, patience=timeout),
            file_roots=selection.catalog.roots,
        )
        try:
            with display, _terminated_as_interrupted():
                if bundle:
                    failures |= make_bundle(good, bundle, settings, display.show)
                else:
                    failures |= download_all(good, output_dir, settings, display.show)
        except KeyboardInterrupt as error:
            click.echo("interrupted; the same command goes on where this one stopped", err=True)
            sys.stdout.flush()
            # What waits for a server cannot be woken; what it has received is kept.
            os._exit(_TERMINATED if isinstance(error, _Terminated) else _INTERRUPTED)
        except OmzError:
            display.summary([*failures, *(card.name for card in good)])
            raise
    for line in dict.fromkeys(line for lines in failures.values() for line in lines):
        click.echo(f"error: {line}", err=True)
    display.summary(list(failures))
    if failures:
        raise click.exceptions.Exit(1)


class _Terminated(KeyboardInterrupt):
    """Somebody else than the user wants the command to end."""


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let the command end in order when it is terminated."""

    def end(*_: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read_cards(selection: Selection) -> tuple[list[ModelCard | CompositeCard], dict[str, list[str]]]:
    """Return the cards that were asked for, and those that cannot be read, with why."""
    good, bad = [], {}
    for name, card in selection.cards():
        if isinstance(card, CardError):
            bad[name] = [str(card)]
            continue
        for remark in card.remarks:
            click.echo(f"warning: {card.path}: {remark}", err=True)
        good.append(card)
    return good, bad


def _verify(
    cards: list[ModelCard | CompositeCard], directory: Path, precisions: frozenset[str], display: Display
) -> dict[str, list[str]]:
    """Show what is there; return what is not right."""
    from omz.download.verify import verify

    failures: dict[str, list[str]] = {}
    for card in cards:
        for check in (check for model in card.models for check in verify(model, directory, precisions)):
            display.show(check)
            if check.problem:
                failures.setdefault(card.name, []).append(f"{check.model}: {check.path} {check.problem}")
    return failures


if __name__ == "__main__":
    main()
