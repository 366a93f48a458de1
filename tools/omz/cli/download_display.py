"""Downloads as text and progress bars for people."""

from __future__ import annotations

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from omz.cli.display import Display, Periodic
from omz.cli.printing import say
from omz.cli.tables import NameColumn, say_on, terminal
from omz.download import events
from omz.events import Event, ModelSkipped, Waiting


class DownloadDisplay(Display):
    """A line per file, and a bar per file in transfer; a line now and then where there is no terminal.

    They go to standard output, or to standard error if ``err``.
    """

    def __init__(self, err: bool = False) -> None:
        self._progress = Progress(
            NameColumn(),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=terminal(err),
            transient=True,
        )
        self._bars: dict[tuple[str, str], TaskID] = {}
        self._periodic = Periodic()

    def __enter__(self) -> DownloadDisplay:
        if self._progress.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.console.is_terminal:
            self._progress.stop()

    def show(self, event: Event) -> None:
        """Print the event, or move its bar."""
        if isinstance(event, events.FileBegin):
            name = (event.model, event.model_file)
            self._bars[name] = self._progress.add_task(event.model_file, total=event.size)
        elif isinstance(event, events.FileProgress):
            self._advance(event)
        elif isinstance(event, events.FileEnd):
            self._progress.remove_task(self._bars.pop((event.model, event.model_file)))
        line = _line(event)
        if line is not None:
            say_on(self._progress.console, line)

    def _advance(self, event: events.FileProgress) -> None:
        bar = self._bars[event.model, event.model_file]
        self._progress.update(bar, completed=event.size)
        total = self._progress.tasks[self._progress.task_ids.index(bar)].total
        if self._progress.console.is_terminal or event.size == total or not self._periodic.is_due():
            return
        of_all = "" if total is None else f" of {total / 1e6:.1f}"
        say(f"{event.model}: {event.model_file}: {event.size / 1e6:.1f}{of_all} MB", err=True)


_STATES = {"present": "already present and valid", "cached": "copied from the cache", "downloaded": "downloaded"}


def _line(event: Event) -> str | None:  # noqa: PLR0911  # a line a case
    """Return an event as text; None for one that only moves a bar."""
    match event:
        case Waiting(directory):
            return f"waiting: another process is downloading to {directory}"
        case ModelSkipped(model, reason):
            return f"{model}: skipped: {reason}"
        case events.ModelBegin(model, count):
            return f"{model}: {count} file{'' if count == 1 else 's'}"
        case events.FileSkipped(model, file, reason):
            return f"{model}: {file}: skipped: {reason}"
        case events.FileRetry(model, file, url, reason, wait):
            return f"{model}: {file}: {url}: {reason}; next try in {wait:.0f} s"
        case events.FileEnd(model, file, True, state):
            return f"{model}: {file}: {_STATES[state or 'downloaded']}"
        case events.FileEnd(model, file, False):
            return f"{model}: {file}: FAILED"
        case events.FileChecked(_, path, None, postprocessed):
            return f"{path} {'has been post-processed' if postprocessed else 'is valid'}"
        case events.FileChecked(_, path, problem):
            return f"{path} {problem}"
        case events.PostprocessingBegin(model):
            return f"{model}: post-processing files as the card says"
        case events.Warned(model, reason):
            return f"{model}: warning: {reason}"
    return None
