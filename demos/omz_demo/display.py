"""The terminal: lines, progress, tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from omz.cli.conversion_display import in_words
from omz.cli.display import Periodic
from omz.cli.first_use_display import FirstUseDisplay
from omz.cli.printing import say
from omz.convert.events import ConversionStep, IRReady
from omz.cutout.observer import Action, Observer
from omz.cutout.summary import Summary
from omz.events import Event

if TYPE_CHECKING:
    from omz.images.arrays import Picture
    from omz_demo.bar import Bar  # loads Rich, which few runs need
    from omz_demo.window import Window  # OpenCV's windows, which few runs open

_LEAST_SHARE = 1e-4  # of a difference that is told


class TerminalObserver(Observer):
    """Lines on standard error, progress there, as a bar if it is a terminal, and a window where frames are shown.

    ``show`` opens the window, None where the source is live and a display can be had, or nothing is recorded.
    ``metrics`` keeps the lines about a frame on it. Use it in a ``with`` block, which takes bar and window away.
    """

    def __init__(self, show: bool | None = None, metrics: bool = False) -> None:
        self._show, self._metrics = show, metrics
        self._window: Window | None = None
        self._bar: Bar | None = None
        self._lines = ProgressLines()
        self._downloads = FirstUseDisplay()

    def __enter__(self) -> TerminalObserver:
        return self

    def __exit__(self, *_: object) -> None:
        self._downloads.close()
        if self._bar is not None:
            self._bar.close()
        if self._window is not None:
            self._window.close()

    def on_note(self, text: str) -> None:
        """Print a line."""
        say(text, err=True)

    def on_warning(self, text: str) -> None:
        """Print a warning."""
        say(f"warning: {text}", err=True)

    def on_failure(self, text: str) -> None:
        """Print an input that failed."""
        say(f"failed: {text}", err=True)

    def on_event(self, event: Event) -> None:
        """Print a step of a download or a conversion."""
        if self._downloads.shows(event):
            return
        for line in _in_short(event):
            say(line, err=True)

    def on_progress(self, name: str, done: int, total: int | None) -> None:
        """Move the bar, with the rate and the time that is left; without a terminal, print a line now and then."""
        if total is not None and done > total:  # a container may tell fewer frames than it has
            total = None
        if self._bar is None and not sys.stderr.isatty():
            self._lines.show(name, done, total)
            return
        if self._bar is None:
            from omz_demo.bar import Bar

            self._bar = Bar()
        self._bar.show(name, done, total)

    def watches(self, live: bool, recorded: bool) -> bool:
        """Return whether there is a window; open it if need be. Raises :class:`UsageError` without a display."""
        from omz_demo.window import KEYS, Window, has_display

        show = self._show
        if show is None:
            show = live and (not recorded or has_display())
        if show and self._window is None:
            if live:
                self.on_note(f"keys: {KEYS}")
            self._window = Window()
        return show

    def on_frame(self, picture: Picture, lines: Sequence[str], pinned: bool = False) -> Action:
        """Show a frame in the window, and return what a key asks for."""
        if self._window is None:
            return Action.NONE
        return self._window.show(picture, lines, always=pinned or self._metrics)


def _in_short(event: Event) -> Iterator[str]:
    """Yield what a conversion says to those who did not ask for one: that it begins, and how it ended."""
    if isinstance(event, IRReady):
        yield f"{event.model}: converted{_like_the_original(event)}"
    elif not isinstance(event, ConversionStep):
        yield from in_words(event)


def _like_the_original(event: IRReady) -> str:
    if event.warning:
        return f"; half precision costs much: {event.warning}"
    shares = [parity.share for parity in (*event.parity[:1], event.compression) if parity]
    if not shares:
        return ""
    return f"; it gives the results of the original (nearly everywhere within {max(*shares, _LEAST_SHARE):.2%})"


class ProgressLines:
    """Progress of long jobs as lines on standard error, with the rate and the time that is left."""

    def __init__(self) -> None:
        self._periodic = Periodic()
        self._name = ""
        self._began, self._before = 0.0, 0

    def show(self, name: str, done: int, total: int | None) -> None:
        """Print how much of the job ``name`` is done, if the last line was long ago."""
        if name != self._name:
            self._name, self._began, self._before = name, time.monotonic(), done
        if done != total and self._periodic.is_due():
            say(self._line(done, total), err=True)

    def _line(self, done: int, total: int | None) -> str:
        line = f"{self._name}: {done}" if total is None else f"{self._name}: {done} of {total}"
        seconds = time.monotonic() - self._began
        if done <= self._before or not seconds:
            return line
        rate = (done - self._before) / seconds
        line = f"{line}, {rate:.1f} a second"
        if total is None:
            return line
        return f"{line}, {(total - done) / rate:.0f} s left"


def show_table(title: str, rows: Mapping[str, str], to_stderr: bool = False) -> None:
    """Print names and values."""
    from omz.cli.tables import Table, terminal

    table = Table(title=title, show_header=False)
    for name, value in rows.items():
        table.row(name, value)
    terminal(to_stderr).print(table)


def show_profile(summary: Summary, to_stderr: bool = False) -> None:
    """Print what was repaired in alpha, and where the time went.

    Stages work side by side, so that their sum can exceed the whole.
    """
    for line in summary.repairs:
        say(line, err=to_stderr)
    rows = {stage: f"{milliseconds:.1f} ms a frame" for stage, milliseconds in summary.stages.items()}
    whole = f"{1e3 * summary.seconds / max(1, summary.frames):.1f} ms a frame, {summary.rate:.1f} frames a second"
    title = f"where the time went, once the model was ready, after {summary.load_ms:.0f} ms"
    if summary.graph:
        title = f"{title}, with its {summary.graph} graph"
    show_table(title, {**rows, "all together": whole}, to_stderr)
