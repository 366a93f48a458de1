"""Events of a conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from omz.events import Event

if TYPE_CHECKING:
    from omz.convert.parity import Parity
    from omz.convert.plan import ConversionPlan
    from omz.zoo.preprocessing import Preprocessing

State = Literal["converted", "up to date"]
"""Whether this conversion made an IR, or an earlier one did from the same source."""


@dataclass(frozen=True)
class ConversionPlanned(Event):
    """The files that a conversion would write, and the preprocessing of each input, in order."""

    TYPE = "model_conversion_planned"
    model: str
    runs: str
    writes: tuple[str, ...]
    inputs: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class ConversionBegin(Event):
    """The conversion of a model to IRs of these precisions begins."""

    TYPE = "model_conversion_begin"
    model: str
    precisions: tuple[str, ...]


@dataclass(frozen=True)
class FirstUse(Event):
    """A model is used for the first time, and has to be converted before."""

    TYPE = "model_first_use"
    model: str

    @property
    def line(self) -> str:
        """Return it in a line."""
        return f"first use of {self.model}: converting it to an OpenVINO IR, once; that takes 5 s or more"


@dataclass(frozen=True)
class FullPrecisionUsed(Event):
    """A model is used with weights in full precision, for ``reason``."""

    TYPE = "model_full_precision_used"
    model: str
    reason: str

    @property
    def line(self) -> str:
        """Return it in a line."""
        return f"{self.model}: using weights in full precision (FP32), for those in half precision are of no use"


@dataclass(frozen=True)
class ConversionStep(Event):
    """A step begins."""

    TYPE = "model_conversion_step"
    model: str
    step: str


@dataclass(frozen=True)
class IRReady(Event):
    """An IR is in its place.

    ``parity`` is the comparison with its source, empty if there was none; ``keeps_model_in`` are the precisions of
    execution in which it does what the source does. With weights in half precision, ``compression`` is the comparison
    with the IR in full precision, ``kept_in_f32`` are the weights that stayed in that, and ``warning`` says that half
    precision costs much.
    """

    TYPE = "model_ir_ready"
    model: str
    precision: str
    path: str
    state: State
    parity: tuple[Parity, ...]
    keeps_model_in: tuple[str, ...]
    compression: Parity | None = None
    kept_in_f32: tuple[str, ...] = ()
    warning: str | None = None


@dataclass(frozen=True)
class ConversionEnd(Event):
    """The conversion of a model has ended; ``reason`` says why it failed."""

    TYPE = "model_conversion_end"
    model: str
    successful: bool
    reason: str | None = None


def planned(plan: ConversionPlan) -> ConversionPlanned:
    """Return what a conversion by ``plan`` would do."""
    writes = list(map(plan.ir_path, plan.precisions))
    if plan.export:
        writes.insert(0, plan.onnx_file)
    runs = plan.foreign_code if plan.needs_trust else ""
    inputs = {}
    for step in plan.preprocessing:
        inputs[f"{step.input_name} {step.layout}".strip()] = _steps(step)
    return ConversionPlanned(plan.card.name, runs, tuple(map(str, writes)), inputs)


def _steps(step: Preprocessing) -> tuple[str, ...]:
    """Return the steps of preprocessing of an input, in order."""
    steps = []
    if step.element_type:
        steps.append(f"{step.element_type} to f32")
    if step.reverse_channels:
        steps.append("BGR to RGB")
    for sign, values in (("-", step.mean), ("/", step.scale)):
        if values:
            steps.append(f"{sign} {', '.join(f'{value:g}' for value in values)}")
    if step.original_layout:
        steps.append(f"{step.layout} to {step.original_layout}")
    return tuple(steps)
