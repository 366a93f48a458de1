"""A model in an engine, fed and read as a configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.configuration.inputs import find_role, told_names
from omz.accuracy.configuration.pictures import prepared
from omz.accuracy.configuration.schema import Adapter, DatasetEntry, Input, Launcher
from omz.accuracy.datasets.sample import Entry, Role, Sample
from omz.accuracy.prediction import OutputRole, Prediction, TimedEngine
from omz.errors import DataError, EngineError, UsageError
from omz.images.arrays import Picture, Size
from omz.runtime.engine import Engine, EngineInfo, Tensor, numpy_type
from omz.runtime.matter import picture_tensor
from omz.zoo.record import suggestion

_ALPHAS = ("pha", "alpha")


class ConfiguredPredictor:
    """A model, what its inputs are given, and which of its outputs is what.

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
        inputs = _checked_inputs(engine, launcher.inputs, where)
        self._pictures = [each for each in inputs if each.type == "INPUT"]
        self._fed_back = {each.name: each.value or "" for each in inputs if each.type == "LSTM_INPUT"}
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
        """What really runs."""
        return self._engine.info

    @property
    def remembers(self) -> bool:
        """Whether outputs are fed back."""
        return bool(self._fed_back)

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Run the model on a frame; see :class:`omz.accuracy.prediction.Predictor`."""
        tensors = self._tensors(sample)
        tensors |= {name: self._fed(name, begins) for name in self._fed_back}
        outputs, milliseconds = self._timed.infer(tensors)
        self._state = {name: outputs[output] for name, output in self._fed_back.items()}
        size = sample.picture.shape[0], sample.picture.shape[1]
        alpha = self._image(outputs, self._alpha, 1, size)
        foreground = self._image(outputs, self._foreground, 3, size)[..., ::-1] if self._foreground else None
        return Prediction(alpha, foreground, outputs=outputs, roles=self._roles, milliseconds=milliseconds)

    def _tensors(self, sample: Sample) -> dict[str, Tensor]:
        """Return what the inputs for pictures take; a picture that two of them take is prepared once."""
        pictures: dict[Role, Picture | None] = {"picture": sample.picture, "plate": sample.plate}
        there = {role: picture for role, picture in pictures.items() if picture is not None}
        roles = {each.name: _role(each, sample.entry, [*there]) for each in self._pictures}
        is_rgb = self._frames.reader.type == "pillow_imread"
        seen = {role: prepared(there[role], is_rgb, self._frames.preprocessing) for role in set(roles.values())}
        infos = {info.name: info for info in self._engine.inputs}
        return {name: picture_tensor(seen[role], infos[name]) for name, role in roles.items()}

    def _fed(self, name: str, begins: bool) -> Tensor:
        if not begins and name in self._state:
            return self._state[name]
        info = next(info for info in self._engine.inputs if info.name == name)
        return np.zeros([max(side, 1) for side in info.shape], numpy_type(info.element_type))

    def _image(self, outputs: Mapping[str, Tensor], name: str, channels: int, size: Size) -> NDArray[np.float32]:
        """Return an output, (1, channels, h, w), as (H, W), or (H, W, 3), at a size."""
        output = outputs[name]
        if output.ndim != 4 or output.shape[:2] != (1, channels):
            raise EngineError(f"the model's output {name} is {list(output.shape)}, not [1, {channels}, height, width]")
        image = np.ascontiguousarray(output[0].transpose(1, 2, 0), np.float32)
        if image.shape[:2] != size:
            image = cv2.resize(image, size[::-1], interpolation=self._interpolation)
        return image.reshape(size) if channels == 1 else image


def _checked_inputs(engine: Engine, inputs: Sequence[Input], where: str) -> Sequence[Input]:
    """Return what every input of the model takes; an only input that nothing is said of takes the picture."""
    names = [info.name for info in engine.inputs]
    if not inputs and len(names) == 1:
        return [Input(name=names[0])]
    for each in inputs:
        if each.name not in names:
            raise UsageError(f"{where}: the model has no input {each.name}; {suggestion(each.name, names)}")
    if left := [name for name in names if name not in [each.name for each in inputs]]:
        raise UsageError(f"{where}: nothing says what the model's input {left[0]} takes; add it to inputs")
    return inputs


def _alpha_output(engine: Engine, adapter: Adapter, frames: DatasetEntry) -> str:
    """Return the name of the output that is alpha: what the adapter says, a metric, its name, or its place."""
    named = [metric.prediction_source for metric in frames.metrics]
    found = [name for name in (*named, *_ALPHAS) if name in engine.outputs]
    return adapter.alpha or (found[0] if found else None) or engine.outputs[0]


def _role(wanted: Input, entry: Entry, roles: Sequence[Role]) -> Role:
    """Return which picture of a frame an input takes; raises :class:`DataError` where the frame has no such file."""
    role = find_role(wanted, entry, roles)
    if role is None:
        told = told_names(entry, roles)
        raise DataError(f"{entry.name} has no file for the input {wanted.name}: {wanted.value} matches none of {told}")
    return role
