"""Resolution of roles: those that were said, or that follow from names and shapes, checked against the model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omz.errors import EngineError, OmzError, UsageError
from omz.matting.output_roles import OutputRoles
from omz.matting.roles import (
    ALPHAS,
    FACT,
    FOREGROUND,
    NO_DESCRIPTION,
    NOTHING_SAID,
    PLATES,
    TRIMAP,
    Description,
    RoleOptions,
    Roles,
    State,
    bare_name,
    described,
)
from omz.matting.signature import COLOURS, Signature, input_size, is_number, picture_layout
from omz.runtime.engine import TensorInfo

if TYPE_CHECKING:
    from omz.runtime.engine import Engine

_RATIO = "downsample_ratio"  # as Robust Video Matting calls it, and the next two
_STATE_INPUT = re.compile(r"(r\d+)i?")
_STATE_OUTPUTS = ("{}o", "r{}")


def roles_of(engine: Engine, said: Description = NO_DESCRIPTION, options: RoleOptions = NOTHING_SAID) -> Roles:
    """Return the roles in a loaded model, by ``options``, by its own facts, or what its card has ``said``.

    Otherwise they follow from names and shapes. Raises as :func:`resolve` does.
    """
    facts: Mapping[str, str] = getattr(engine, "facts", {})
    return resolve(engine.inputs, engine.output_infos, described(facts) if facts.get(FACT) else said, options)


def output_roles_of(
    engine: Engine, said: Description, options: RoleOptions, picture: str, states: tuple[State, ...]
) -> Roles:
    """Return the roles of a loaded model as :func:`roles_of` does, where it is known what goes into its inputs.

    ``picture`` takes the image, and ``states`` are fed back. Raises as :func:`resolve` does.
    """
    facts: Mapping[str, str] = getattr(engine, "facts", {})
    said = described(facts) if facts.get(FACT) else said
    names: dict[str, str] = {}
    outputs = _called(engine.output_infos, _known_names(said, options), names)
    signature = Signature(engine.inputs, outputs)
    found = OutputRoles(signature, said, options, input_size(signature.input(picture)))
    fed_back = {state.output for state in states}
    alpha = found.alpha({name for name in (info.name for info in outputs) if names.get(name, name) in fed_back})
    return Roles(picture, alpha, foreground=found.foreground(), states=states).renamed(names)


def resolve(
    inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], said: Description, options: RoleOptions
) -> Roles:
    """Return the roles of a model's inputs and outputs, by what was said, or by the only answer there is.

    This is where shapes and channels are checked: whatever it returns gives a matte, or an error where an output turns
    out to have another shape. Raises :class:`UsageError` for ``options`` that do not fit, and :class:`EngineError` for
    a model with inputs and outputs that matting does not know, or more than one answer.
    """
    names: dict[str, str] = {}
    known = _known_names(said, options)
    signature = Signature(_called(inputs, known, names), _called(outputs, known, names))
    taken = _Inputs(signature, said, options).resolve()
    size = _size(signature, taken)
    found = OutputRoles(signature, said, options, size)
    states = taken.states
    alpha = found.alpha({state.output for state in states})
    roles = Roles(taken.picture, alpha, taken.plate, taken.ratio, found.foreground(), found.trimap(), states)
    return roles.renamed(names)


def _known_names(said: Description, options: RoleOptions) -> tuple[set[str], ...]:
    """Return the names that mean something: those of options come first, then those of a card, then usual ones."""
    asked = {options.picture, options.plate_input}
    for text, mark in ((options.alpha, ":"), (options.foreground, ":"), *((state, "=") for state in options.state)):
        before, _, after = text.rpartition(mark)
        asked |= {text, before, after}
    told = {*said.inputs, *(reading.name for _, reading in said.outputs)}
    for state in said.states:
        told |= {state.input, state.output}
    return asked, told, {*ALPHAS, FOREGROUND, TRIMAP, *PLATES, _RATIO}


def _called(infos: Sequence[TensorInfo], known: tuple[set[str], ...], names: dict[str, str]) -> tuple[TensorInfo, ...]:
    """Return inputs or outputs under a known one of their names; note in ``names`` what they are called otherwise."""
    found = []
    exact = {name for info in infos for name in (info.name, *info.aliases)}
    bare = Counter(bare_name(info.name) for info in infos)
    for info in infos:
        hits = [alias for group in known for alias in sorted({info.name, *info.aliases} & group)]
        usual = bare_name(info.name)
        if usual in known[-1] and usual not in exact and bare[usual] == 1:
            hits.append(usual)
        name = hits[0] if hits else info.name
        if name != info.name:
            names[name] = info.name
        found.append(replace(info, name=name))
    return tuple(found)


@dataclass(frozen=True)
class _Taken:
    picture: str
    plate: str
    ratio: str
    states: tuple[State, ...]


@dataclass
class _Inputs:
    signature: Signature
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
            raise self.signature.error("matting takes an image, or an image and its plate")
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
            raise UsageError(f"--picture and --plate_input both name {self.options.picture}; name two inputs")
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
                raise self._no_state(state)
            if state.input in roles:
                raise self.signature.error(f"{state.input} takes the {_word(roles[state.input])}, so it is no state")
            if not _may_be_same(self.signature.input(state.input), self.signature.output(state.output)):
                raise self.signature.error(f"output {state.output} does not fit the state {state.input}")
            roles[state.input] = "state"
        return states

    def _no_state(self, state: State) -> OmzError:
        problem = f"there is no state {state.output} for {state.input}"
        if self.options.state:
            return self.signature.wrong(problem)
        return self.signature.error(problem)

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
        fits = len(info.shape) == len(layout) and shape["N"] in (-1, 1) and shape["C"] in (-1, COLOURS)
        if not info.layout and len(info.shape) == 4 and info.shape[1] == info.shape[3] == COLOURS:
            raise self.signature.error(f"input {name} can be NCHW and NHWC; say which with --layout {name}:NCHW")
        if not fits or not is_number(info):
            raise self.signature.error(f"input {name} cannot take the {_word(role)}: it is not one image of 3 channels")


def _size(signature: Signature, taken: _Taken) -> tuple[int, int]:
    """Return the height and width of the picture, which are those of the plate; -1 is one that may vary."""
    size = input_size(signature.input(taken.picture))
    if (size[0] == -1) != (size[1] == -1):
        raise EngineError(f"the model takes {size[1]}x{size[0]}; both sides must be free (-1), or both fixed")
    if taken.plate and input_size(signature.input(taken.plate)) != size:
        raise signature.error("the inputs for the image and its plate differ in size")
    return size


def _word(role: str) -> str:
    """Return the word for what an input takes, which cards call a picture."""
    return "image" if role == "picture" else role


def _may_be_same(first: TensorInfo, second: TensorInfo) -> bool:
    if not first.shape or not second.shape:
        return True
    if len(first.shape) != len(second.shape) or first.element_type != second.element_type:
        return False
    return all(-1 in (one, other) or one == other for one, other in zip(first.shape, second.shape, strict=True))
