"""How a conversion looks to people: lines."""

from __future__ import annotations

from collections.abc import Sequence

import click

from omz.cli.display import print_failed
from omz.convert.events import ConversionPlanned, ConversionStep, IRReady
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
        case ConversionPlanned(model, runs, writes, inputs):
            return [
                *([f"{model}: would run {runs}, which comes with the card, with --trust_code"] if runs else []),
                *(f"{model}: would write {path}" for path in writes),
                *(f"  {name}: {'; '.join(steps) or 'as it is'}" for name, steps in inputs.items()),
            ]
        case IRReady(model, _, path, state, parity, kept):
            first = f"{model}: {path}{' is up to date' if state == 'up to date' else ''}"
            return [first, *(f"{model}:   {_compared(each, each.precision in kept)}" for each in parity)]
    return []


def _compared(parity: Parity, kept: bool) -> str:
    """Say how far the outputs are from those of the original."""
    outputs = ", ".join(f"{output.output} {output.p99_9:.1e}" for output in parity.outputs)
    largest = max((output.largest for output in parity.outputs), default=0.0)
    verdict = "" if kept else f"; {'strays' if parity.own_shapes else 'tried on small pictures'}, so it is run in f32"
    return f"{parity.precision}: 99.9 % within {outputs} of {parity.source} (largest {largest:.1e}){verdict}"
