"""Displays of events: JSON for programs, or text for people."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence

import click

from omz.cli.printing import say, say_json
from omz.events import Event

PERIOD = 5.0
"""Seconds between two lines about progress, where there is no terminal to show a bar on."""


class Periodic:
    """Clock for lines about progress: due once in :data:`PERIOD`, and not before the first has passed."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PERIOD

    def is_due(self) -> bool:
        """Return whether it is time for a line; after that, it is not, until the next."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + PERIOD
        return True


class Display:
    """A display of events as text, used in a ``with`` block."""

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """Show an event."""
        raise NotImplementedError

    def summary(self, failed: Sequence[str]) -> None:
        """Print the names of the models that failed, if any, as Open Model Zoo's tools do."""
        if failed:
            for line in ("FAILED:", *failed):
                say(line)


class JsonDisplay(Display):
    """Events as JSON on standard output, one per line."""

    def show(self, event: Event) -> None:
        """Print the event."""
        say_json(event.as_json())

    def summary(self, failed: Sequence[str]) -> None:
        """Print the last event."""
        say_json({"$type": "summary", "successful": not failed, "failed": list(failed)})


def end(display: Display, failures: Mapping[str, Sequence[str]]) -> None:
    """Print why models failed, by their names, and exit with 1 if any did."""
    command = click.get_current_context().info_name
    lines = dict.fromkeys(itertools.chain(*failures.values()))
    for line in lines:
        say(f"{command}: error: {line}", err=True)
    display.summary(list(failures))
    if failures:
        raise click.exceptions.Exit(1)
