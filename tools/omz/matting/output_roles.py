"""Outputs of a network that make the matte: which they are, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from omz.errors import UsageError
from omz.images.arrays import Size
from omz.matting.roles import ALPHAS, FOREGROUND, TRIMAP, Description, OutputReading, RoleOptions
from omz.matting.signature import COLOURS, Signature, is_number
from omz.runtime.engine import TensorInfo

_VALUES = "say what they are with --activation, sigmoid or none, or another output with --alpha NAME:CHANNEL"
_TOLERATED = (-0.25, 1.25)  # cubic interpolation of what lies in 0 to 1 leaves it by less


@dataclass
class OutputRoles:
    """The outputs of a model, given what was said, and the size of its picture, -1 where that may vary."""

    signature: Signature
    said: Description
    options: RoleOptions
    size: Size

    def alpha(self, states: set[str]) -> OutputReading:
        """Return how alpha is read; ``states`` are no candidates."""
        options = self.options
        reading = self._told(options.alpha, "alpha")
        is_said = reading is not None
        reading = reading or self._usual(ALPHAS) or self._only_one(states)
        if options.alpha_range is not None and options.activation not in (None, "none"):
            raise UsageError(f"--alpha_range is for outputs without activation; leave {options.activation} out")
        if options.activation is not None or options.alpha_range is not None:
            is_said = True
            values = options.alpha_range or OutputReading.range
            reading = replace(reading, activation=options.activation or "none", range=values)
        reading = self._placed(reading, 1, "alpha")
        if not is_said:
            self._check_bounds(reading)
        return replace(reading, activation=reading.activation or "none")

    def foreground(self) -> OutputReading | None:
        """Return how the foreground is read; None if there is none."""
        reading = self._told(self.options.foreground, "foreground")
        is_said = reading is not None
        reading = reading or self._usual((FOREGROUND,))
        if reading is None:
            return None
        reading = self._placed(reading, COLOURS, "foreground")
        if not is_said:
            self._check_bounds(reading)
        return replace(reading, activation=reading.activation or "none")

    def trimap(self) -> OutputReading | None:
        """Return how the trimap is read; None if there is none."""
        reading = self._described("trimap") or self._usual((TRIMAP,))
        if reading is None:
            return None
        if reading.activation not in (None, "none", "softmax"):
            raise self.signature.error(f"output {reading.name} cannot be the trimap by {reading.activation}")
        reading = self._placed(reading, COLOURS, "trimap")
        return replace(reading, activation=reading.activation or "softmax")

    def _told(self, text: str, role: str) -> OutputReading | None:
        """Return the output that ``text`` names, or the description; it tells how to read the one that both name."""
        asked, described = self._asked(text), self._described(role)
        if asked is None or (described is not None and asked == OutputReading(described.name)):
            return described
        return asked

    def _asked(self, text: str) -> OutputReading | None:
        """Return the output that ``NAME`` or ``NAME:CHANNEL`` names."""
        names = [info.name for info in self.signature.outputs]
        if not text:
            return None
        if text in names:
            return OutputReading(text)
        name, _, channel = text.rpartition(":")
        if name in names and channel.isdecimal():
            return OutputReading(name, int(channel))
        raise self.signature.wrong(f"there is no output {text}")

    def _described(self, role: str) -> OutputReading | None:
        reading = self.said.reading(role)
        if reading is not None and reading.name not in {info.name for info in self.signature.outputs}:
            raise self.signature.error(f"there is no output {reading.name}, which its card calls the {role}")
        return reading

    def _usual(self, names: Iterable[str]) -> OutputReading | None:
        there = {info.name for info in self.signature.outputs}
        return next((OutputReading(name) for name in names if name in there), None)

    def _only_one(self, states: set[str]) -> OutputReading:
        """Return the only output; one beside it, of whatever shape, could as well be alpha."""
        rest = [info for info in self.signature.outputs if info.name not in states]
        if len(rest) != 1:
            raise self.signature.error("more than one output can be alpha, or none")
        if rest[0].bounds is None:
            raise self.signature.error(f"output {rest[0].name} is not alpha for certain")
        return OutputReading(rest[0].name)

    def _placed(self, reading: OutputReading, count: int, role: str) -> OutputReading:
        """Return the reading with a layout in which the output has the channels of its role."""
        info = self.signature.output(reading.name)
        if not is_number(info):
            raise self.signature.error(
                f"output {reading.name} cannot be the {role}: its values are {info.element_type}"
            )
        said = [layout for name, layout in self.options.layouts.items() if name in (info.name, *info.aliases)]
        layout = said[0] if said else reading.layout
        if not info.shape:  # which shows when it runs
            return replace(reading, layout=layout or "NCHW")
        layouts = self._layouts(info, replace(reading, layout=layout), count)
        if not layouts:
            raise self.signature.error(f"output {reading.name} cannot be the {role}: {_misfit(reading, layout, count)}")
        return replace(reading, layout=layouts[0])

    def _layouts(self, info: TensorInfo, reading: OutputReading, count: int) -> list[str]:
        """Return the layouts that the shape of an output allows, the likeliest first."""
        possible = {4: ("NCHW", "NHWC"), 3: ("CHW", "HWC"), 2: ("HW",)}.get(len(info.shape), ())
        if reading.layout:
            possible = (reading.layout,)
        found = [layout for layout in possible if self._fits(info, layout, reading, count)]
        # Where height and width may vary, a side that does not is that of the channels.
        return sorted(found, key=lambda layout: "C" in layout and info.shape[layout.index("C")] == -1)

    def _fits(self, info: TensorInfo, layout: str, reading: OutputReading, count: int) -> bool:
        if len(layout) != len(info.shape):
            return False
        sides = {"N": 1, "C": 1, **dict(zip(layout, info.shape, strict=True))}
        size = sides["H"], sides["W"]
        if sides["N"] not in (1, -1) or any(side not in (-1, own) for side, own in zip(size, self.size, strict=True)):
            return False
        if reading.channel is None:
            return sides["C"] in (-1, count)
        return sides["C"] == -1 or sides["C"] >= reading.channel + count

    def _check_bounds(self, reading: OutputReading) -> None:
        """Raise unless the values of an output that nobody vouched for lie in 0 to 1."""
        bounds = self.signature.output(reading.name).bounds
        low, high = _TOLERATED
        if bounds is not None and not (bounds[0] >= low and bounds[1] <= high):
            raise self.signature.error(
                f"values of output {reading.name} can leave 0 to 1, as those of logits do", _VALUES
            )


def _misfit(reading: OutputReading, layout: str, count: int) -> str:
    shape = layout or "NCHW, NHWC, or without batch"
    if reading.channel is not None:
        return f"it is not one image with a channel {reading.channel + count - 1}, {shape}, of the image's size"
    channels = "1 channel" if count == 1 else f"{count} channels"
    return f"it is not one image of {channels}, {shape}, of the image's size"
