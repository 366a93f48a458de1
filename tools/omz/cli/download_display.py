"""Downloads as text and progress bars for people."""

from __future__ import annotations

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from omz.cli.display import Display
from omz.download import events
from omz.events import Event, ModelSkipped, Waiting


class DownloadDisplay(Display):
    """A line per file, and on a terminal a bar per file in transfer."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            transient=True,
        )
        self._bars: dict[tuple[str, str], TaskID] = {}

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
            self._progress.update(self._bars[event.model, event.model_file], completed=event.size)
        elif isinstance(event, events.FileEnd):
            self._progress.remove_task(self._bars.pop((event.model, event.model_file)))
        line = _line(event)
        if line is not None:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


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
