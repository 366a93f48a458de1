"""How a conversion looks to people: lines."""

from __future__ import annotations

from collections.abc import Sequence

import click

from omz.cli.display import print_failed
from omz.convert.events import ConversionStep, IRReady
from omz.convert.parity import Parity
from omz.events import Event, ModelSkipped, Waiting


class ConversionDisplay:
    """A line of text for what is done, and for each IR; on standard error if ``err``."""

    def __init__(self, err: bool = False) -> None:
        self._err = err

    def __enter__(self) -> ConversionDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """Print the event."""
        for line in in_words(event):
            click.echo(line, err=self._err)

    def summary(self, failed: Sequence[str]) -> None:
        """Print the names of the models that failed, if any."""
        print_failed(failed)


def in_words(event: Event) -> list[str]:
    """Return what an event says to people, a line each."""
    match event:
        case Waiting(directory):
            return [f"waiting: another process converts to {directory}"]
        case ModelSkipped(model, reason):
            return [f"{model}: skipped, for {reason}"]
        case ConversionStep(model, step):
            return [f"{model}: {step}"]
        case IRReady(model, _, path, state, parity):
            lead = f"{model}: {path}"
            lines = [f"{lead} is up to date" if state == "up to date" else lead]
            return lines + [f"{model}:   {_differences(each)}" for each in parity]
    return []


def _differences(parity: Parity) -> str:
    """Say how far the outputs are from those of the original."""
    outputs = ", ".join(
        f"{output.output} {output.p99_9:.1g} (mean {output.mean:.1g}, largest {output.largest:.1g})"
        for output in parity.outputs
    )
    return f"in {parity.precision} on {parity.device}, 99.9 % are as near to {parity.source} as: {outputs}"
