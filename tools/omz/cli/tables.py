"""Tables and bars of Rich that print the text of others as it is, escaped."""

from __future__ import annotations

import rich.console
import rich.table
from rich.progress import Progress, ProgressColumn, Task
from rich.text import Text

from omz.text import one_line


def terminal(err: bool = False) -> rich.console.Console:
    """Return standard output, or standard error if ``err``, where nothing is taken for markup."""
    return rich.console.Console(stderr=err, markup=False, emoji=False, highlight=False)


def cell(text: str) -> Text:
    """Return what is shown of ``text``, which may have several lines."""
    return Text("\n".join(map(one_line, text.split("\n"))))


def say_on(console: rich.console.Console, text: str) -> None:
    """Print a line of text above whatever bars there are; a narrow terminal breaks it, and no file does."""
    console.print(Text(one_line(text)), soft_wrap=True)


class Table(rich.table.Table):
    """A table whose headings and cells are plain text."""

    def __init__(self, *headings: str, title: str = "", caption: str = "", show_header: bool = True) -> None:
        super().__init__(
            title=cell(title) if title else None,
            title_justify="left",
            caption=cell(caption) if caption else None,
            caption_justify="left",
            show_header=show_header,
        )
        for heading in headings:
            self.add_column(cell(heading), overflow="fold")

    def row(self, *texts: str) -> None:
        """Add a row."""
        self.add_row(*map(cell, texts))


class NameColumn(ProgressColumn):
    """The name of a job beside its bar."""

    def render(self, task: Task) -> Text:
        """Return what is shown."""
        return cell(task.description)


class LateBar:
    """A bar that is there from its first step on, so that what fails before shows none; it goes when it is closed."""

    def __init__(self, console: rich.console.Console, *columns: ProgressColumn) -> None:
        self._progress = Progress(*columns, console=console, transient=True)

    def move(self, step: str, done: float, total: float) -> None:
        """Show the bar where it is now, described by its ``step``."""
        if not self._progress.tasks:
            self._progress.add_task(step)
            self._progress.start()
        self._progress.update(self._progress.tasks[0].id, description=step, completed=done, total=total)

    def close(self) -> None:
        """Take the bar away."""
        if self._progress.tasks:
            self._progress.stop()
