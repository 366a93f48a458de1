"""What happens during a conversion, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from omz.convert.parity import Parity
from omz.convert.plan import ConversionPlan
from omz.events import Event
from omz.zoo.preprocessing import Preprocessing

State = Literal["converted", "up to date"]
"""How an IR came to be there: it was made, or it was there already, made from the same."""


@dataclass(frozen=True)
class ConversionPlanned(Event):
    """What a conversion would write, and put before the model: for each input, what is done to it, in order."""

    TYPE = "model_conversion_planned"
    model: str
    runs: str
    writes: tuple[str, ...]
    inputs: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class ConversionBegin(Event):
    """A model is about to become IRs of these precisions."""

    TYPE = "model_conversion_begin"
    model: str
    precisions: tuple[str, ...]


@dataclass(frozen=True)
class ConversionStep(Event):
    """What is done now."""

    TYPE = "model_conversion_step"
    model: str
    step: str


@dataclass(frozen=True)
class IRReady(Event):
    """An IR is in its place.

    ``parity`` is how it compares with its source, empty where it was not compared; ``keeps_model_in`` are the
    precisions of execution in which it does what the source does.
    """

    TYPE = "model_ir_ready"
    model: str
    precision: str
    path: str
    state: State
    parity: tuple[Parity, ...]
    keeps_model_in: tuple[str, ...]


@dataclass(frozen=True)
class ConversionEnd(Event):
    """All IRs of the model are there; or not, and why."""

    TYPE = "model_conversion_end"
    model: str
    successful: bool
    reason: str | None = None


def planned(plan: ConversionPlan) -> ConversionPlanned:
    """Return what a conversion would do."""
    return ConversionPlanned(
        model=plan.card.name,
        runs=plan.foreign_code if plan.needs_trust else "",
        writes=(
            *([str(plan.onnx_file)] if plan.export else []),
            *(str(plan.ir_path(precision)) for precision in plan.precisions),
        ),
        inputs={f"{step.input_name} {step.layout}".strip(): _steps(step) for step in plan.preprocessing},
    )


def _steps(step: Preprocessing) -> tuple[str, ...]:
    """Return what is done to an input, in order."""
    return (
        *([f"{step.element_type} to f32"] if step.element_type else []),
        *(["BGR to RGB"] if step.reverse_channels else []),
        *([f"- {', '.join(f'{value:g}' for value in step.mean)}"] if step.mean else []),
        *([f"/ {', '.join(f'{value:g}' for value in step.scale)}"] if step.scale else []),
        *([f"{step.layout} to {step.original_layout}"] if step.original_layout else []),
    )
