"""A model in an engine, fed and read as a configuration says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.configuration.frames import identifiers
from omz.accuracy.configuration.pictures import prepared
from omz.accuracy.configuration.problems import shown
from omz.accuracy.configuration.schema import Adapter, DatasetEntry, Input, Launcher
from omz.accuracy.configuration.scores import is_image
from omz.accuracy.datasets.sample import Dataset, Entry, Role, Sample
from omz.accuracy.prediction import OutputRole, Prediction, TimedEngine
from omz.errors import DataError, UsageError
from omz.images.arrays import Picture, Size
from omz.matting.network import picture_tensor
from omz.matting.readings import read_output
from omz.matting.roles import RoleOptions, Roles, State
from omz.matting.signature import picture_layout
from omz.runtime.engine import Engine, EngineInfo, Tensor, numpy_type
from omz.text import printable
from omz.zoo.record import suggestion

_SHOWN: tuple[Role, ...] = ("picture", "plate")


class ConfiguredPredictor:
    """A model whose inputs take ``pictures`` as a launcher assigns them, with the ``roles`` of its outputs and states.

    Inputs take the files of a frame whose names their expressions match, or an output of the frame before, zeros at the
    beginning of a clip. Alpha and foreground come to the size of the picture by ``interpolation``, a flag of OpenCV,
    and are not clipped.
    """

    def __init__(
        self, engine: Engine, pictures: Sequence[Input], roles: Roles, frames: DatasetEntry, interpolation: int
    ) -> None:
        self._engine = engine
        self._frames = frames
        self._interpolation = interpolation
        self._infos = {info.name: info for info in engine.inputs}
        self._pictures = pictures
        self._roles = roles
        self._fed_back = {state.input: state.output for state in roles.states}
        self._state: dict[str, Tensor] = {}
        self._timed = TimedEngine(engine)

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""
        return self._engine.info

    @property
    def remembers(self) -> bool:
        """Whether outputs are fed back."""
        return bool(self._fed_back)

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Run the model on a frame; see :class:`omz.accuracy.prediction.Predictor`."""
        tensors = self._tensors(sample)
        for name in self._fed_back:
            tensors[name] = self._fed(name, begins)
        outputs, milliseconds = self._timed.infer(tensors)
        for name, output in self._fed_back.items():
            self._state[name] = outputs[output]
        size, roles = (sample.picture.shape[0], sample.picture.shape[1]), self._roles
        info = self._infos[roles.picture]
        sides = dict(zip(picture_layout(info), tensors[roles.picture].shape, strict=True))
        seen = sides["H"], sides["W"]
        alpha = self._at(read_output(outputs, roles.alpha, 1, seen), size).reshape(size)
        foreground = None
        names: dict[str, OutputRole] = {roles.alpha.name: "alpha"}
        if roles.foreground:
            foreground = self._at(read_output(outputs, roles.foreground, 3, seen), size)[..., ::-1]
            names[roles.foreground.name] = "foreground"
        return Prediction(alpha, foreground, outputs=outputs, roles=names, milliseconds=milliseconds)

    def _tensors(self, sample: Sample) -> dict[str, Tensor]:
        """Return what the inputs for pictures take; a picture that two of them take is prepared once."""
        there: dict[Role, Picture] = {"picture": sample.picture}
        if sample.plate is not None:
            there["plate"] = sample.plate
        is_rgb = self._frames.reader.type == "pillow_imread"
        seen: dict[Role, NDArray[Any]] = {}
        tensors = {}
        for each in self._pictures:
            role = _role(each, sample.entry, [*there])
            if role not in seen:
                seen[role] = prepared(there[role], is_rgb, self._frames.preprocessing)
            tensors[each.name] = picture_tensor(seen[role], self._infos[each.name])
        return tensors

    def _fed(self, name: str, begins: bool) -> Tensor:
        if not begins and name in self._state:
            return self._state[name]
        info = self._infos[name]
        return np.zeros(np.maximum(info.shape, 1).tolist(), numpy_type(info.element_type))

    def _at(self, values: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
        """Return values (h, w, channels) at a size."""
        if values.shape[:2] == size:
            return values
        return np.asarray(cv2.resize(values, size[::-1], interpolation=self._interpolation))


def assigned_inputs(engine: Engine, launcher: Launcher, where: str) -> tuple[Sequence[Input], tuple[State, ...]]:
    """Return the inputs that take files of a frame, and the states; ``where`` says in messages whose these are.

    Raises :class:`UsageError` where the model has not the inputs and outputs that are named.
    """
    pictures, states = [], []
    for each in _checked_inputs([info.name for info in engine.inputs], launcher.inputs, where):
        if each.type == "INPUT":
            pictures.append(each)
        else:
            states.append(State(each.name, each.value or ""))
            _check_output(engine, states[-1].output, where)
    if not pictures:
        raise UsageError(f"{where}: no input takes the image; add one of type INPUT")
    return pictures, tuple(states)


def named_outputs(
    engine: Engine, adapter: Adapter, frames: DatasetEntry, options: RoleOptions, where: str
) -> RoleOptions:
    """Return the options with the outputs that an adapter, or else a metric, names, where they say nothing of these.

    Raises :class:`UsageError` where the model has no output that the adapter names.
    """
    alpha = options.alpha or adapter.alpha_out
    foreground = options.foreground or adapter.foreground_out
    for name in (adapter.alpha_out, adapter.foreground_out):
        if name:
            _check_output(engine, name, where)
    sources = [metric.prediction_source or "" for metric in frames.metrics if not is_image(metric, adapter)]
    for name in (*sources, adapter.alpha):
        if not alpha and name in engine.outputs:
            alpha = name
    if not foreground and adapter.foreground in engine.outputs:
        foreground = adapter.foreground
    return replace(options, alpha=alpha, foreground=foreground)


def _check_output(engine: Engine, name: str, where: str) -> None:
    if name not in engine.outputs:
        raise UsageError(f"{where}: the model has no output {name}; {suggestion(name, engine.outputs)}")


def _checked_inputs(names: Sequence[str], inputs: Sequence[Input], where: str) -> Sequence[Input]:
    """Return what every input of the model takes; a single input takes the picture, unless it is configured."""
    if not inputs and len(names) == 1:
        return [Input(name=names[0])]
    configured = [each.name for each in inputs]
    for name in configured:
        if name not in names:
            raise UsageError(f"{where}: the model has no input {name}; {suggestion(name, names)}")
    for name in names:
        if name not in configured:
            raise UsageError(f"{where}: nothing says what the model's input {name} takes; add it to inputs")
    return inputs


def _role(wanted: Input, entry: Entry, roles: Sequence[Role]) -> Role:
    """Return which picture of a frame an input takes; raises :class:`DataError` where the frame has no such file."""
    role = find_role(wanted, entry, roles)
    if role is None:
        told = told_names(entry, roles)
        raise DataError(f"{entry.name} has no file for the input {wanted.name}: {wanted.value} matches none of {told}")
    return role


def find_role(wanted: Input, entry: Entry, roles: Sequence[Role]) -> Role | None:
    """Return the first of ``roles`` with a name that an input's expression matches; without expression the picture.

    None where there is no such name.
    """
    if wanted.value is None:
        return "picture"
    expression = re.compile(wanted.value)
    for known in identifiers(entry):
        for role in roles:
            if role in known and expression.match(known[role]):
                return role
    return None


def told_names(entry: Entry, roles: Sequence[Role]) -> str:
    """Return what the files of a frame are called, for messages."""
    names: list[str] = []
    for known in identifiers(entry):
        for role in roles:
            if role in known:
                names.append(known[role])
    return ", ".join(names)


def check_expressions(inputs: Sequence[Input], dataset: Dataset, where: str) -> None:
    """Raise :class:`UsageError` for an input whose expression matches no file of any frame; none is read.

    ``where`` says in the message whose inputs these are.
    """
    entries = dataset.entries
    for each in inputs:
        if each.type != "INPUT" or not entries or any(find_role(each, entry, _roles(entry)) for entry in entries):
            continue
        raise UsageError(
            printable(
                f"{where}: the input {each.name} takes {shown(each.value)}, which matches no file of {dataset.title}; "
                f"its first frame has {told_names(entries[0], _roles(entries[0]))}: correct the expression"
            )
        )


def _roles(entry: Entry) -> Sequence[Role]:
    """Return the pictures that a frame will have; one that is made, not read, has a plate, too."""
    if "picture" not in entry.files:
        return _SHOWN
    return [role for role in _SHOWN if role in entry.files]
