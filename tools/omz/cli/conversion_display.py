"""Conversions as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from omz.cli.display import Display
from omz.cli.first_use_display import FirstUseDisplay
from omz.cli.printing import say
from omz.convert.events import ConversionPlanned, ConversionStep, FirstUse, FullPrecisionUsed, IRReady
from omz.events import Event, ModelSkipped, Waiting

if TYPE_CHECKING:
    from omz.convert.parity import Parity


class ConversionDisplay(Display):
    """A line per step and per IR; on standard error if ``err``. Downloads on first use are shown there anyway."""

    def __init__(self, err: bool = False) -> None:
        self._err = err
        self._downloads = FirstUseDisplay()

    def show(self, event: Event) -> None:
        """Print the event."""
        if self._downloads.shows(event):
            return
        for line in in_words(event):
            say(line, err=self._err)


def in_words(event: Event) -> Iterator[str]:
    """Yield an event as lines of text."""
    match event:
        case Waiting(directory):
            yield f"waiting: another process is converting to {directory}"
        case ModelSkipped(model, reason):
            yield f"{model}: skipped: {reason}"
        case FirstUse() | FullPrecisionUsed():
            yield event.line
        case ConversionStep(model, step):
            yield f"{model}: {step}"
        case ConversionPlanned():
            yield from _planned(event)
        case IRReady():
            yield from _ready(event)


def _planned(event: ConversionPlanned) -> Iterator[str]:
    if event.runs:
        yield f"{event.model}: would run {event.runs}, which comes with the card, with --trust_code"
    for path in event.writes:
        yield f"{event.model}: would write {path}"
    for name, steps in event.inputs.items():
        yield f"  {name}: {'; '.join(steps) or 'unchanged'}"


def _ready(event: IRReady) -> Iterator[str]:
    line = f"{event.model}: {event.path}"
    if event.state == "up to date":
        line += " is up to date"
    yield line
    for parity in event.parity:
        line = f"{event.model}:   {_compared(parity)}"
        if parity.precision not in event.keeps_model_in and parity.precision != "f32":
            line += "; too far off, so it runs in f32"
        yield line
    if event.compression:
        yield f"{event.model}:   half precision: {_cost(event.compression)}"
    if event.kept_in_f32:
        yield f"{event.model}:   {len(event.kept_in_f32)} constants stay in full precision, for their rounding hurts"
    if event.warning:
        yield f"{event.model}:   half precision costs much: {event.warning}; --precisions FP32 does without it"


def _compared(parity: Parity) -> str:
    """Return how far the outputs are from those of the original."""
    outputs = ", ".join(f"{_named(output.output)} {output.p99_9:.1e}" for output in parity.outputs)
    largest = max((output.largest for output in parity.outputs), default=0.0)
    return f"{parity.precision}: 99.9 % within {outputs} of {parity.source} (largest {largest:.1e})"


def _cost(parity: Parity) -> str:
    """Return how far half precision moves the outputs."""
    outputs = []
    for output in parity.outputs:
        figures = f"mean {output.mean:.1e}, 99.9 % within {output.p99_9:.1e}, largest {output.largest:.1e}"
        outputs.append(f"{_named(output.output)} {figures}, {output.beyond:.2%} beyond 1/255")
    return "; ".join(outputs)


def _named(output: str) -> str:
    """Return the name of an output so that one like 1959 is not read as a figure."""
    return f'"{output}"' if output.isdecimal() else output
