"""Events of a quantisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from omz.events import Event

State = Literal["quantised", "up to date"]
"""Whether this run made an IR, or an earlier one did in the same way."""

QUANTISED: State = "quantised"
UP_TO_DATE: State = "up to date"


Change: TypeAlias = tuple[float, float | None, float | None]
"""A figure of the original, that of the quantised IR, and the highest that is allowed; None is not finite."""


@dataclass(frozen=True)
class QuantisationPlanned(Event):
    """The file that a quantisation would write, the IR that it would start from, and the images it would take."""

    TYPE = "model_quantisation_planned"
    model: str
    writes: str
    source: str
    calibration: str


@dataclass(frozen=True)
class QuantisationEnd(Event):
    """A quantisation has ended; ``reason`` says why it failed."""

    TYPE = "model_quantisation_end"
    model: str
    precision: str
    successful: bool
    reason: str | None = None


@dataclass(frozen=True)
class QuantisedReady(Event):
    """A quantised IR is in its place.

    ``size`` and ``source_size`` are the bytes of its weights and of those of the IR that it was made of. ``figures``
    are by name. ``in_float`` are the layers that 8 bits would have hurt. ``passed`` tells whether all gates hold;
    without, it was written by force.
    """

    TYPE = "model_quantised"
    model: str
    precision: str
    path: str
    state: State
    size: int
    source_size: int
    figures: dict[str, Change]
    frames: str
    in_float: tuple[str, ...]
    passed: bool
