"""Roles of a network's inputs and outputs: records of what they are, and of what a card, an IR or a user says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, get_args

from omz.errors import UsageError
from omz.zoo.vocabulary import Activation

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard

ALPHAS = ("pha", "alpha")
"""The names networks give alpha; each has one of the two."""
FOREGROUND = "fgr"
"""The name networks give the foreground, RGB."""
TRIMAP = "trimap"
"""The name networks give the logits of their trimap."""
PLATES = ("bgr", "background", "plate")
"""The names networks give the plate; ``bgr`` stands for *background*, not for a colour order."""

_DECORATED = re.compile(r"(?:.*/)?([^/]+?)(?::\d+)?", re.DOTALL)


def bare_name(name: str) -> str:
    """Return a tensor's name without scope and number of output: ``bgr`` for ``net/bgr:0``."""
    found = _DECORATED.fullmatch(name)
    return found[1] if found else name


FACT = "roles"
"""The name of the description among the facts of an IR."""
WORKING_SIZE, REFINE = "working_size", "refine"
"""The names of those facts that come from the keys of a card of the same names."""


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

    def renamed(self, names: Mapping[str, str]) -> Roles:
        """Return the roles with other names for those that ``names`` has."""

        def own(name: str) -> str:
            return names.get(name, name)

        def of(reading: OutputReading | None) -> OutputReading | None:
            return None if reading is None else replace(reading, name=own(reading.name))

        states = tuple(State(own(state.input), own(state.output)) for state in self.states)
        alpha = replace(self.alpha, name=own(self.alpha.name))
        foreground, trimap = of(self.foreground), of(self.trimap)
        return Roles(own(self.picture), alpha, own(self.plate), own(self.ratio), foreground, trimap, states)

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

    @classmethod
    def of(cls, flags: object) -> RoleOptions:
        """Return what a record of flags says in attributes of these names; None, and no attribute, is nothing."""
        said = {each.name: getattr(flags, each.name, None) for each in fields(cls)}
        return cls(**{name: value for name, value in said.items() if value is not None})

    @classmethod
    def from_names(cls, given: Mapping[str, Any]) -> RoleOptions:
        """Return the roles given by name. Raises :class:`UsageError` for unknown names and activations."""
        known = [each.name for each in fields(cls)]
        unknown = sorted({*given} - {*known})
        if unknown:
            raise UsageError(f"there is no argument {unknown[0]!r}; roles are {', '.join(known)}")
        values = {name: value for name, value in given.items() if value is not None}
        if isinstance(values.get("state"), str):
            values["state"] = (values["state"],)
        activations = get_args(Activation)
        if values.get("activation", "none") not in activations:
            raise UsageError(f"activation {values['activation']!r}: choose one of {', '.join(activations)}")
        return cls(**values)


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
