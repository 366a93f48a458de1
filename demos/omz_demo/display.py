"""How far a job is, on a terminal; elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from omz_demo.summary import Summary


class Advance(Protocol):
    """Is told of progress."""

    def __call__(self, steps: int, /) -> None:
        """Count so many more steps as done."""


@contextmanager
def progress(name: str, total: int | None) -> Iterator[Advance]:
    """Show how far a job of ``total`` steps is, how many it does a second, and the time that is left.

    None: nobody knows how many there are.
    """
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), _Rate(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(name, total=total)
        yield lambda steps: bar.advance(task, steps)


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """Return what is shown."""
        return Text("" if task.speed is None else f"{task.speed:.1f} a second")


def note(text: str) -> None:
    """Print what is worth knowing."""
    click.echo(text, err=True)


def say(text: str) -> None:
    """Print a warning."""
    click.echo(f"warning: {text}", err=True)


def fail(text: str) -> None:
    """Print what failed, while the rest goes on."""
    click.echo(f"failed: {text}", err=True)


def show_table(title: str, rows: Mapping[str, str], to_stderr: bool = False) -> None:
    """Print names and values."""
    table = Table(title=title, show_header=False)
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))  # a path may look like markup
    Console(stderr=to_stderr).print(table)


def show_profile(summary: Summary, to_stderr: bool = False) -> None:
    """Print where the time went; stages work side by side, so that their sum can exceed the whole."""
    rows = {stage: f"{milliseconds:.1f} ms a frame" for stage, milliseconds in summary.stages.items()}
    whole = f"{1e3 * summary.seconds / max(1, summary.frames):.1f} ms a frame, {summary.rate:.1f} frames a second"
    show_table("where the time went", {**rows, "all together": whole}, to_stderr)
