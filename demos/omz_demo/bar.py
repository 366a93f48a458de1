"""Bar: the progress of a job on a terminal."""

from __future__ import annotations

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TimeRemainingColumn,
)
from rich.text import Text

from omz.cli.tables import NameColumn, terminal


class Bar:
    """Progress bar on standard error, with the rate and the time that is left; it goes when it is closed."""

    def __init__(self) -> None:
        columns = (
            NameColumn(), BarColumn(), MofNCompleteColumn(), _Rate(),
            TimeRemainingColumn(),
        )  # fmt: skip
        self._progress = Progress(*columns, console=terminal(err=True), transient=True)
        self._task: tuple[str, TaskID] | None = None
        self._progress.start()

    def show(self, name: str, done: int, total: int | None) -> None:
        """Move the bar of the job ``name``; that of another job goes."""
        if self._task is None or self._task[0] != name:
            if self._task is not None:
                self._progress.remove_task(self._task[1])
            self._task = name, self._progress.add_task(name)
        self._progress.update(self._task[1], completed=done, total=total)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """Return what is shown."""
        return Text("" if task.speed is None else f"{task.speed:.1f} a second")
