"""How commands show what happens: JSON for programs, or words for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

import click

from omz.events import Event


class Display(Protocol):
    """Shows what happens, inside a ``with`` block."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: Event) -> None:
        """Show an event."""

    def summary(self, failed: Sequence[str]) -> None:
        """Show the names of the models that failed."""


class JsonDisplay:
    """A line of JSON an event, on standard output."""

    def __enter__(self) -> JsonDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """Print the event."""
        click.echo(json.dumps(event.as_json()))

    def summary(self, failed: Sequence[str]) -> None:
        """Print a last event."""
        click.echo(json.dumps({"$type": "summary", "successful": not failed, "failed": list(failed)}))


def print_failed(failed: Sequence[str]) -> None:
    """Print the names of the models that failed, if any, as Open Model Zoo's tools do."""
    if failed:
        click.echo("\n".join(["FAILED:", *failed]))
