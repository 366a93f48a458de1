"""The signature of a model: its inputs and outputs as they are, before anybody says what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omz.errors import EngineError, UsageError
from omz.images.arrays import Size
from omz.runtime.engine import TensorInfo

COLOURS = 3
"""The channels of a picture."""

_HOW = "say which is which with --picture, --plate_input, --alpha NAME:CHANNEL, --activation and --state OUTPUT=INPUT"


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model as they are."""

    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]

    def input(self, name: str) -> TensorInfo:
        """Return an input that is there."""
        return next(info for info in self.inputs if info.name == name)

    def output(self, name: str) -> TensorInfo:
        """Return an output that is there."""
        return next(info for info in self.outputs if info.name == name)

    def error(self, problem: str, how: str = _HOW) -> EngineError:
        """Return an error with all that a user needs to say what is what, and ``how``, on one line."""
        return EngineError(f"{problem}: the model {self.listed()}; {how}")

    def wrong(self, problem: str) -> UsageError:
        """Return the error for something that was said and does not fit."""
        return UsageError(f"{problem}: the model {self.listed()}")

    def listed(self) -> str:
        """Return inputs and outputs as part of a sentence."""
        return f"takes {', '.join(map(told, self.inputs))} and gives {', '.join(map(told, self.outputs))}"


def told(info: TensorInfo) -> str:
    """Return the name, type and shape of an input or output for people."""
    sides = ",".join("?" if side == -1 else str(side) for side in info.shape)
    return f"{info.name} ({info.element_type} [{sides}])"


def picture_layout(info: TensorInfo) -> str:
    """Return the layout of an input for a picture, that of its shape unless it says one: NCHW or NHWC."""
    if sorted(info.layout) == sorted("NCHW"):
        return info.layout
    if len(info.shape) == 4 and info.shape[3] == COLOURS and info.shape[1] != COLOURS:
        return "NHWC"
    return "NCHW"


def input_size(info: TensorInfo) -> Size:
    """Return the height and width of an input for a picture; -1 is one that may vary."""
    layout = picture_layout(info)
    return info.shape[layout.index("H")], info.shape[layout.index("W")]


def is_number(info: TensorInfo) -> bool:
    """Tell whether an input or output has numbers, of whatever type."""
    return info.element_type not in ("boolean", "string", "dynamic", "undefined")
