"""Tables and progress of ``omz_benchmark`` on the console."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, TimeElapsedColumn

from omz.benchmark import table
from omz.benchmark.recommendation import Recommendation
from omz.benchmark.request import BenchmarkObserver
from omz.benchmark.results import BenchmarkRun
from omz.cli.conversion_display import ConversionDisplay
from omz.cli.display import Periodic
from omz.cli.printing import say
from omz.cli.tables import LateBar, NameColumn, Table, cell, say_on, terminal
from omz.events import Event

_SPEED = len("[0.98, 1.02],")  # so that a range stays in one piece


class BenchmarkDisplay(BenchmarkObserver):
    """Display of one run on standard error: conversions, warnings, and a bar, or lines where there is no terminal."""

    def __init__(self) -> None:
        self._conversions = ConversionDisplay(err=True)
        self._console, self._lines = terminal(err=True), Periodic()
        columns = (NameColumn(), BarColumn(), TimeElapsedColumn())
        self._bar = LateBar(self._console, *columns)

    def __enter__(self) -> BenchmarkDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def on_event(self, event: Event) -> None:
        """Print a step of a conversion."""
        self._conversions.show(event)

    def on_warning(self, line: str) -> None:
        """Print a warning."""
        say(f"warning: {line}", err=True)

    def on_progress(self, step: str, share: float) -> None:
        """Move the bar, or print a line if it is time for one."""
        if not self._console.is_terminal:
            if self._lines.is_due():
                say(f"{share:.0%}: {step}", err=True)
            return
        self._bar.move(step, share, 1.0)


def show(console: Console, runs: Sequence[BenchmarkRun]) -> None:
    """Print the table of each run, and below it the cases without figures, with their reasons."""
    for run in runs:
        if run.measured:
            console.print(_figures(run, table.EACH))
            console.print(_figures(run, table.ONCE))
            if run.metrics:
                errors = range(table.ONCE.stop, len(table.headings(run)))
                console.print(_figures(run, errors, f"on {run.dataset}, {run.convention}; lower is better"))
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


def _figures(run: BenchmarkRun, places: Sequence[int], caption: str = "") -> Table:
    """Return some columns; what all rows have in common is in the title."""
    title = ", ".join(filter(None, (run.title, table.common(run))))
    found, names = Table(title=title, caption=caption), table.headings(run)
    found.add_column(cell("model"), overflow="fold")
    for place in places:
        width = _SPEED if place == table.SPEED else None
        found.add_column(cell(names[place]), overflow="fold", justify="right", min_width=width)
    for row in run.measured:
        cells = table.cells(run, row)
        told = "\n".join(filter(None, (row.case.model, table.case(run, row))))
        found.row(told, *(cells[place] for place in places))
    return found
