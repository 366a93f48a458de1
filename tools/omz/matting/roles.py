"""Roles of a network's inputs and outputs: those that were said, or that follow from names and shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omz.errors import EngineError, UsageError
from omz.runtime.engine import TensorInfo

if TYPE_CHECKING:
    from omz.runtime.engine import Engine
    from omz.zoo.card import ModelCard
    from omz.zoo.vocabulary import Activation

ALPHAS = ("pha", "alpha")
"""The names networks give alpha; each has one of the two."""
FOREGROUND = "fgr"
"""The name networks give the foreground, RGB."""
TRIMAP = "trimap"
"""The name networks give the logits of their trimap."""
PLATES = ("bgr", "background", "plate")
"""The names networks give the plate; ``bgr`` stands for *background*, not for a colour order."""

FACT = "roles"
"""The name of the description among the facts of an IR."""

_RATIO = "downsample_ratio"  # as Robust Video Matting calls it, and the next two
_STATE_INPUT = re.compile(r"(r\d+)i?")
_STATE_OUTPUTS = ("{}o", "r{}")
_COLOURS = 3
_TOLERATED = (-0.25, 1.25)  # cubic interpolation of what lies in 0 to 1 leaves it by less
_HOW = "say which is which with --picture, --plate_input, --alpha NAME:CHANNEL and --activation"


@dataclass(frozen=True)
class OutputReading:
    """How values are read from an output: ``channel`` is the first that counts.

    ``layout`` has a letter a dimension of the output. ``activation`` is that of :class:`omz.zoo.card.OutputInfo`, and
    so is ``range``. An empty layout, and None, are not known yet.
    """

    name: str
    channel: int | None = None
    activation: Activation | None = None
    range: tuple[float, float] = (0.0, 1.0)
    layout: str = ""

    @property
    def first(self) -> int:
        """The first channel that counts."""
        return self.channel or 0


@dataclass(frozen=True)
class State:
    """What a recurrent network remembers: an input, and the output that goes into it with the next frame."""

    input: str
    output: str


@dataclass(frozen=True)
class Roles:
    """The inputs and outputs that matting uses, by their names; empty, and None, are those that there are not.

    ``ratio`` is an input that says how far the network shrinks the picture at first.
    """

    picture: str
    alpha: OutputReading
    plate: str = ""
    ratio: str = ""
    foreground: OutputReading | None = None
    trimap: OutputReading | None = None
    states: tuple[State, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of all inputs and outputs that have a role."""
        found = {self.picture, self.plate, self.ratio}
        for reading in (self.alpha, self.foreground, self.trimap):
            if reading is not None:
                found.add(reading.name)
        for state in self.states:
            found |= {state.input, state.output}
        return frozenset(found - {""})


@dataclass(frozen=True, kw_only=True)
class RoleOptions:
    """Roles that somebody says of a model that does not; empty: not said.

    ``picture`` and ``plate_input`` are inputs. ``alpha`` and ``foreground`` (RGB) are outputs, as ``NAME`` or
    ``NAME:CHANNEL``, where a name that is there as it is comes first. Each of ``state`` is ``OUTPUT=INPUT``: an output
    that goes into an input with the next frame. ``activation`` leads from the output to alpha; without it,
    ``alpha_range`` has the values that stand for 0 and 1. ``layouts`` has the order of dimensions of inputs and outputs
    by name, such as ``NHWC``, ``CHW`` or ``HW``.
    """

    picture: str = ""
    plate_input: str = ""
    alpha: str = ""
    foreground: str = ""
    state: tuple[str, ...] = ()
    activation: Activation | None = None
    alpha_range: tuple[float, float] | None = None
    layouts: Mapping[str, str] = field(default_factory=dict)


NOTHING_SAID = RoleOptions()


@dataclass(frozen=True)
class Description:
    """What a card says of inputs, by their names, and of outputs; roles of :mod:`omz.zoo.vocabulary`."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[tuple[str, OutputReading], ...] = ()
    states: tuple[State, ...] = ()

    def reading(self, role: str) -> OutputReading | None:
        """Return the output of a role."""
        return dict(self.outputs).get(role)

    def as_text(self) -> str:
        """Return the description as JSON; empty if it says nothing."""
        return json.dumps(asdict(self)) if self != NO_DESCRIPTION else ""


NO_DESCRIPTION = Description()


def description_of(card: ModelCard | None) -> Description:
    """Return what a card says."""
    if card is None:
        return NO_DESCRIPTION
    inputs = {info.name: str(info.role) for info in card.input_info if info.role}
    outputs, states = [], []
    for info in card.output_info:
        if info.role == "state":
            states.append(State(info.input, info.name))
        elif info.role:
            reading = OutputReading(info.name, info.channel, info.activation, info.range, info.layout)
            outputs.append((str(info.role), reading))
    return Description(inputs, tuple(outputs), tuple(states))


def described(facts: Mapping[str, str]) -> Description:
    """Return what an IR says, given its facts; nothing if they are not readable."""
    try:
        told = json.loads(facts.get(FACT) or "{}")
        outputs = [(role, OutputReading(**_with_pair(reading))) for role, reading in told.get("outputs", ())]
        states = [State(**state) for state in told.get("states", ())]
        return Description(told.get("inputs", {}), tuple(outputs), tuple(states))
    except (LookupError, ValueError, TypeError, AttributeError):
        return NO_DESCRIPTION


def _with_pair(reading: dict[str, Any]) -> dict[str, Any]:
    low, high = reading["range"]
    return {**reading, "range": (low, high)}


def roles_of(engine: Engine, said: Description = NO_DESCRIPTION, options: RoleOptions = NOTHING_SAID) -> Roles:
    """Return the roles in a loaded model, by ``options``, by its own facts, or what its card has ``said``.

    Otherwise they follow from names and shapes. Raises as :func:`resolve` does.
    """
    facts: Mapping[str, str] = getattr(engine, "facts", {})
    return resolve(engine.inputs, engine.output_infos, described(facts) if facts.get(FACT) else said, options)


def resolve(
    inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], said: Description, options: RoleOptions
) -> Roles:
    """Return the roles of a model's inputs and outputs, by what was said, or by the only answer there is.

    This is where shapes and channels are checked: whatever it returns gives a matte, or an error where an output turns
    out to have another shape. Raises :class:`UsageError` for ``options`` that do not fit, and :class:`EngineError` for
    a model with inputs and outputs that matting does not know, or more than one answer.
    """
    signature = _Signature(inputs, outputs)
    taken = _Inputs(signature, said, options).resolve()
    size = _size(signature, taken)
    found = _Outputs(signature, said, options, size)
    states = taken.states
    alpha = found.alpha({state.output for state in states})
    foreground, trimap = found.colours("foreground"), found.colours("trimap")
    return Roles(taken.picture, alpha, taken.plate, taken.ratio, foreground, trimap, states)


@dataclass(frozen=True)
class _Signature:
    """The inputs and outputs of a model as they are."""

    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]

    def input(self, name: str) -> TensorInfo:
        return next(info for info in self.inputs if info.name == name)

    def output(self, name: str) -> TensorInfo:
        return next(info for info in self.outputs if info.name == name)

    def error(self, problem: str) -> EngineError:
        """Return an error with all that a user needs to say what is what, on one line."""
        return EngineError(f"{problem}: the model {self.listed()}; {_HOW}")

    def wrong(self, problem: str) -> UsageError:
        """Return the error for something that was said and does not fit."""
        return UsageError(f"{problem}: the model {self.listed()}")

    def listed(self) -> str:
        return f"takes {', '.join(map(told, self.inputs))} and gives {', '.join(map(told, self.outputs))}"


def told(info: TensorInfo) -> str:
    """Return the name, type and shape of an input or output for people."""
    sides = ",".join("?" if side == -1 else str(side) for side in info.shape)
    return f"{info.name} ({info.element_type} [{sides}])"


@dataclass(frozen=True)
class _Taken:
    picture: str
    plate: str
    ratio: str
    states: tuple[State, ...]


@dataclass
class _Inputs:
    signature: _Signature
    said: Description
    options: RoleOptions

    def resolve(self) -> _Taken:
        roles = dict(self._said())
        states = self._states(roles)
        for info in self.signature.inputs:
            if info.name == _RATIO and info.name not in roles and len(info.shape) < 2:
                roles[info.name] = "ratio"
        rest = [info.name for info in self.signature.inputs if info.name not in roles]
        plates = [name for name in rest if name in PLATES]
        has_picture, has_plate = "picture" in roles.values(), "plate" in roles.values()
        if not has_plate and len(plates) == 1 and len(rest) == 2 - has_picture:
            roles[plates[0]] = "plate"
            rest.remove(plates[0])
        if not has_picture and len(rest) == 1:
            roles[rest.pop()] = "picture"
        if rest or "picture" not in roles.values():
            raise self.signature.error("matting takes a picture, or a picture and its plate")
        named = {role: name for name, role in roles.items()}
        for role in ("picture", "plate"):
            if role in named:
                self._check_picture(named[role], role)
        ratio = named.get("ratio", "")
        if ratio and any(side not in (1, -1) for side in self.signature.input(ratio).shape):
            raise self.signature.error(f"input {ratio} cannot take the ratio: it is not one number")
        return _Taken(named["picture"], named.get("plate", ""), ratio, states)

    def _said(self) -> Iterator[tuple[str, str]]:
        names = [info.name for info in self.signature.inputs]
        asked = {"picture": self.options.picture, "plate": self.options.plate_input}
        for role, name in asked.items():
            if not name:
                continue
            if name not in names:
                raise self.signature.wrong(f"there is no input {name}")
            yield name, role
        if self.options.picture and self.options.picture == self.options.plate_input:
            raise UsageError(f"{self.options.picture} cannot be both picture and plate")
        for name, role in self.said.inputs.items():
            if name not in names:
                raise self.signature.error(f"there is no input {name}, which its card calls the {role}")
            if name not in asked.values() and not asked.get(role) and role != "state":
                yield name, role

    def _states(self, roles: dict[str, str]) -> tuple[State, ...]:
        """Return the states, and note them in the roles of inputs."""
        states = (
            tuple(map(self._asked_state, self.options.state)) or self.said.states or tuple(self._usual_states(roles))
        )
        ends = {info.name for info in self.signature.outputs}
        for state in states:
            if state.input not in {info.name for info in self.signature.inputs} or state.output not in ends:
                raise self.signature.error(f"there is no state {state.output} for {state.input}")
            if state.input in roles:
                raise self.signature.error(f"{state.input} is the {roles[state.input]}, and cannot be a state, too")
            if not _may_be_same(self.signature.input(state.input), self.signature.output(state.output)):
                raise self.signature.error(f"output {state.output} does not fit the state {state.input}")
            roles[state.input] = "state"
        return states

    def _asked_state(self, text: str) -> State:
        output, _, name = text.rpartition("=")
        if not output or not name:
            raise UsageError(f"--state {text}: write OUTPUT=INPUT, such as r1o=r1")
        return State(name, output)

    def _usual_states(self, roles: Mapping[str, str]) -> Iterator[State]:
        """Yield the states of a network that calls them as Robust Video Matting does."""
        ends = {info.name for info in self.signature.outputs}
        for info in self.signature.inputs:
            found = _STATE_INPUT.fullmatch(info.name)
            if found is None or info.name in roles:
                continue
            for pattern in _STATE_OUTPUTS:
                if pattern.format(found[1]) in ends:
                    yield State(info.name, pattern.format(found[1]))
                    break

    def _check_picture(self, name: str, role: str) -> None:
        info = self.signature.input(name)
        layout = picture_layout(info)
        shape = dict(zip(layout, info.shape, strict=False))
        fits = len(info.shape) == len(layout) and shape["N"] in (-1, 1) and shape["C"] in (-1, _COLOURS)
        if not info.layout and len(info.shape) == 4 and info.shape[1] == info.shape[3] == _COLOURS:
            raise self.signature.error(f"input {name} can be NCHW and NHWC; say which with --layout {name}:NCHW")
        if not fits or not _is_number(info):
            raise self.signature.error(f"input {name} cannot take the {role}: it is not one image of 3 channels")


def picture_layout(info: TensorInfo) -> str:
    """Return the layout of an input for a picture, that of its shape unless it says one: NCHW or NHWC."""
    if sorted(info.layout) == sorted("NCHW"):
        return info.layout
    if len(info.shape) == 4 and info.shape[3] == _COLOURS and info.shape[1] != _COLOURS:
        return "NHWC"
    return "NCHW"


def input_size(info: TensorInfo) -> tuple[int, int]:
    """Return the height and width of an input for a picture; -1 is one that may vary."""
    layout = picture_layout(info)
    return info.shape[layout.index("H")], info.shape[layout.index("W")]


def _size(signature: _Signature, taken: _Taken) -> tuple[int, int]:
    """Return the height and width of the picture, which are those of the plate; -1 is one that may vary."""
    size = input_size(signature.input(taken.picture))
    if (size[0] == -1) != (size[1] == -1):
        raise EngineError(f"the model takes {size[1]}x{size[0]}; both sides must be free (-1), or both fixed")
    if taken.plate and input_size(signature.input(taken.plate)) != size:
        raise signature.error("picture and plate differ in size")
    return size


@dataclass
class _Outputs:
    signature: _Signature
    said: Description
    options: RoleOptions
    size: tuple[int, int]

    def alpha(self, states: set[str]) -> OutputReading:
        """Return how alpha is read; ``states`` are no candidates."""
        options = self.options
        reading = self._asked(options.alpha) or self._described("alpha") or self._usual(ALPHAS)
        is_said = bool(options.alpha) or self.said.reading("alpha") is not None
        if reading is None:
            reading = self._only_one(states)
        if options.activation is not None or options.alpha_range is not None:
            is_said = True
            if options.alpha_range is not None and options.activation not in (None, "none"):
                raise UsageError(f"--alpha_range is for outputs without activation; leave {options.activation} out")
            reading = replace(
                reading, activation=options.activation or "none", range=options.alpha_range or OutputReading.range
            )
        reading = self._placed(reading, 1, "alpha")
        if not is_said:
            self._check_bounds(reading)
        return replace(reading, activation=reading.activation or "none")

    def colours(self, role: str) -> OutputReading | None:
        """Return how the foreground, or the trimap, is read; None if there is none."""
        asked = self._asked(self.options.foreground) if role == "foreground" else None
        usual = {"foreground": FOREGROUND, "trimap": TRIMAP}[role]
        reading = asked or self._described(role)
        if reading is not None:
            reading = self._placed(reading, _COLOURS, role)
        else:
            reading = self._usual((usual,))
            if reading is None:
                return None
            reading = self._placed(reading, _COLOURS, role)
            if role == "foreground":
                self._check_bounds(reading)
        if role == "trimap" and reading.activation not in (None, "none", "softmax"):
            raise self.signature.error(f"output {reading.name} cannot be a trimap by {reading.activation}")
        return replace(reading, activation=reading.activation or ("softmax" if role == "trimap" else "none"))

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
        if not _is_number(info):
            raise self.signature.error(
                f"output {reading.name} cannot be the {role}: its values are {info.element_type}"
            )
        layout = self.options.layouts.get(info.name) or reading.layout
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
                f"values of output {reading.name} can leave 0 to 1, as those of logits do; say what they are with "
                "--activation, such as sigmoid, or none if they are alpha"
            )


def _misfit(reading: OutputReading, layout: str, count: int) -> str:
    shape = layout or "NCHW, NHWC, or without batch"
    if reading.channel is not None:
        return f"it is not one image with a channel {reading.channel + count - 1}, {shape}, of the picture's size"
    channels = "1 channel" if count == 1 else f"{count} channels"
    return f"it is not one image of {channels}, {shape}, of the picture's size"


def _is_number(info: TensorInfo) -> bool:
    return info.element_type not in ("boolean", "string", "dynamic", "undefined")


def _may_be_same(first: TensorInfo, second: TensorInfo) -> bool:
    if not first.shape or not second.shape:
        return True
    if len(first.shape) != len(second.shape) or first.element_type != second.element_type:
        return False
    return all(-1 in (one, other) or one == other for one, other in zip(first.shape, second.shape, strict=True))
