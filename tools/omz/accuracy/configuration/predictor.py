"""A model in an engine, fed and read as a configuration says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.configuration.frames import identifiers
from omz.accuracy.configuration.pictures import prepared
from omz.accuracy.configuration.problems import shown
from omz.accuracy.configuration.schema import Adapter, DatasetEntry, Input, Launcher
from omz.accuracy.datasets.sample import Dataset, Entry, Role, Sample
from omz.accuracy.prediction import OutputRole, Prediction, TimedEngine
from omz.errors import DataError, EngineError, UsageError
from omz.images.arrays import Picture, Size
from omz.matting.network import picture_tensor
from omz.runtime.engine import Engine, EngineInfo, Tensor, numpy_type
from omz.zoo.record import printable, suggestion

_ALPHAS = ("pha", "alpha")
_SHOWN: tuple[Role, ...] = ("picture", "plate")


class ConfiguredPredictor:
    """A model with its inputs and outputs, as a launcher assigns them.

    Inputs take the files of a frame whose names their expressions match, or an output of the frame before, zeros at the
    beginning of a clip. Alpha and foreground come to the size of the picture by ``interpolation``, a flag of OpenCV,
    and are not clipped. Raises :class:`UsageError` where the model has not the inputs and outputs that are named.
    """

    def __init__(
        self, engine: Engine, launcher: Launcher, frames: DatasetEntry, interpolation: int, where: str = ""
    ) -> None:
        self._engine = engine
        self._frames = frames
        self._interpolation = interpolation
        self._infos = {info.name: info for info in engine.inputs}
        self._pictures: list[Input] = []
        self._fed_back: dict[str, str] = {}
        for each in _checked_inputs([*self._infos], launcher.inputs, where):
            if each.type == "INPUT":
                self._pictures.append(each)
            else:
                self._fed_back[each.name] = each.value or ""
        self._alpha = _alpha_output(engine, launcher.adapter, frames)
        self._foreground = launcher.adapter.foreground
        for name in (self._alpha, self._foreground, *self._fed_back.values()):
            if name and name not in engine.outputs:
                raise UsageError(f"{where}: the model has no output {name}; {suggestion(name, engine.outputs)}")
        self._roles: dict[str, OutputRole] = {self._alpha: "alpha"}
        if self._foreground:
            self._roles[self._foreground] = "foreground"
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
        size = sample.picture.shape[0], sample.picture.shape[1]
        alpha = self._image(outputs, self._alpha, 1, size)
        foreground = None
        if self._foreground:
            foreground = self._image(outputs, self._foreground, 3, size)[..., ::-1]
        return Prediction(alpha, foreground, outputs=outputs, roles=self._roles, milliseconds=milliseconds)

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

    def _image(self, outputs: Mapping[str, Tensor], name: str, channels: int, size: Size) -> NDArray[np.float32]:
        """Return an output, (1, channels, h, w), as (H, W), or (H, W, 3), at a size."""
        output = outputs[name]
        if output.ndim != 4 or output.shape[:2] != (1, channels):
            raise EngineError(f"the model's output {name} is {list(output.shape)}, not [1, {channels}, height, width]")
        image = np.ascontiguousarray(output[0].transpose(1, 2, 0), np.float32)
        if image.shape[:2] != size:
            image = cv2.resize(image, size[::-1], interpolation=self._interpolation)
        return image.reshape(size) if channels == 1 else image


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


def _alpha_output(engine: Engine, adapter: Adapter, frames: DatasetEntry) -> str:
    """Return the name of the output that is alpha: the adapter's, a metric's, a usual one, or the first."""
    if adapter.alpha:
        return adapter.alpha
    named = [metric.prediction_source for metric in frames.metrics]
    for name in (*named, *_ALPHAS):
        if name in engine.outputs:
            return str(name)
    return engine.outputs[0]


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
