"""Tables and progress of ``omz_benchmark`` on the console."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TimeElapsedColumn

from omz.benchmark import table
from omz.benchmark.recommendation import Recommendation
from omz.benchmark.request import BenchmarkObserver
from omz.benchmark.results import BenchmarkRun
from omz.cli.conversion_display import ConversionDisplay
from omz.cli.printing import say
from omz.cli.tables import NameColumn, Table, cell, say_on, terminal
from omz.events import Event


class BenchmarkDisplay(BenchmarkObserver):
    """Display of one run on standard error: conversions, warnings, and a bar."""

    def __init__(self) -> None:
        self._conversions = ConversionDisplay(err=True)
        self._progress = Progress(
            NameColumn(), BarColumn(), TimeElapsedColumn(), console=terminal(err=True), transient=True
        )

    def __enter__(self) -> BenchmarkDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.tasks:
            self._progress.stop()

    def on_event(self, event: Event) -> None:
        """Print a step of a conversion."""
        self._conversions.show(event)

    def on_warning(self, line: str) -> None:
        """Print a warning."""
        say(f"warning: {line}", err=True)

    def on_progress(self, step: str, share: float) -> None:
        """Move the bar."""
        if not self._progress.tasks:
            self._progress.add_task("", total=1.0)
            self._progress.start()
        self._progress.update(self._progress.tasks[0].id, description=step, completed=share)


def show(console: Console, runs: Sequence[BenchmarkRun]) -> None:
    """Print the table of each run, and below it the cases without figures, with their reasons."""
    for run in runs:
        if run.measured:
            console.print(_figures(run))
            say_on(console, table.NOTES)
        for title, reason in table.left_out(run):
            say_on(console, f"{title}: {reason}")
        for title, note in table.notes(run):
            say_on(console, f"note on {title}: {note}")


def show_recommendation(console: Console, found: Recommendation) -> None:
    """Print what is recommended, and why others are not."""
    for row, reason in found.left_out:
        say_on(console, f"left out: {row.case.title}: {reason}")
    if found.row is None:
        say_on(console, f"RECOMMENDED: none; {found.reason}")
    else:
        say_on(console, f"RECOMMENDED: {found.row.case.title}: {found.reason}")


def _figures(run: BenchmarkRun) -> Table:
    """Return the table; what all rows have in common is in its title, and no column."""
    names = table.headings(run)
    rows = [table.cells(run, row) for row in run.measured]
    common, kept = [run.machine.get("processor", "")], []
    for place in range(len(names)):
        values = {row[place] for row in rows}
        if 0 < place < table.WORDS and len(values) == 1:
            common.append(values.pop())
        else:
            kept.append(place)
    found = Table(title=", ".join(filter(None, common)), caption=_caption(run))
    for place in kept:
        found.add_column(cell(names[place]), overflow="fold", justify="left" if place < table.WORDS else "right")
    for row in rows:
        found.row(*(row[place] for place in kept))
    return found


def _caption(run: BenchmarkRun) -> str:
    if not run.metrics:
        return ""
    return f"errors on {run.dataset}, {run.convention}; lower is better"
