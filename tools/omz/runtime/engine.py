"""The protocol of all engines, and what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from omz.errors import EngineError

if TYPE_CHECKING:
    from omz.zoo.preprocessing import Preprocessing

Tensor: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class TensorInfo:
    """An input or output: its name, its shape, in which -1 is an open dimension, and OpenVINO's name of its type.

    ``layout`` has a letter a dimension, such as NCHW, and is empty if unknown; so is the shape of an output that only
    shows when the model runs. ``bounds`` are the least and the largest value that an output can have, as far as the
    model tells, which may be infinite; None if nothing is known of it. ``aliases`` are all names that a tensor goes by.
    """

    name: str
    shape: tuple[int, ...]
    element_type: str = "f32"
    layout: str = ""
    bounds: tuple[float, float] | None = None
    aliases: frozenset[str] = field(default=frozenset(), compare=False, repr=False)


@dataclass(frozen=True)
class EngineInfo:
    """The framework, device (the one used, not the one asked for) and precision of execution.

    ``layers`` counts the layers in each precision, such as ``u8 30, f32 12``, for the precision that a device reports
    of a model is not that of all its layers; empty if the device does not tell.
    """

    framework: str
    device: str
    precision: str
    layers: str = field(default="", compare=False)


class Engine(Protocol):
    """One loaded model.

    Every engine takes the inputs of the converted model, images as BGR 0 to 255; engines of an original apply its
    :class:`~omz.zoo.preprocessing.Preprocessing` first. So the same arrays feed the original and the converted model.
    """

    @property
    def info(self) -> EngineInfo:
        """The framework, device and precision in use."""

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the model's order."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the model's order."""

    @property
    def output_infos(self) -> tuple[TensorInfo, ...]:
        """The outputs, in the model's order, as far as they are known before it runs."""

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once: arrays of the inputs' shapes, by name, to outputs by name. Raises :class:`EngineError`."""


def prepare(inputs: Mapping[str, Tensor], preprocessing: tuple[Preprocessing, ...]) -> dict[str, Tensor]:
    """Apply the preprocessing of each input in numpy, in float32."""
    prepared = dict(inputs)
    for step in preprocessing:
        if step.input_name in inputs:
            prepared[step.input_name] = _prepare(inputs[step.input_name], step)
    return prepared


def presented(infos: tuple[TensorInfo, ...], preprocessing: tuple[Preprocessing, ...]) -> tuple[TensorInfo, ...]:
    """Return the inputs of the converted model, given those of the original and its preprocessing."""
    steps = {step.input_name: step for step in preprocessing}
    found = list(infos)
    for index, info in enumerate(infos):
        if info.name in steps:
            found[index] = _presented(info, steps[info.name])
    return tuple(found)


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors by name."""
    return {name: value.shape for name, value in tensors.items()}


def numpy_type(openvino_type: str) -> np.dtype[Any]:
    """Return the numpy type for OpenVINO's name of it, such as ``i64``."""
    if openvino_type == "boolean":
        return np.dtype(bool)
    return np.dtype(f"{openvino_type[0]}{int(openvino_type[1:]) // 8}")


def check_inputs(expected: tuple[TensorInfo, ...], given: Mapping[str, Tensor]) -> None:
    """Raise :class:`EngineError` unless names and shapes are those that the model takes."""
    names = [info.name for info in expected]
    if set(names) != set(given):
        raise EngineError(f"the model takes the inputs {', '.join(names)}, not {', '.join(given) or 'none'}")
    for info in expected:
        shape = given[info.name].shape
        if len(shape) != len(info.shape) or any(e not in (-1, g) for e, g in zip(info.shape, shape, strict=True)):
            raise EngineError(f"input {info.name} takes the shape {list(info.shape)}, not {list(shape)}")


def _presented(info: TensorInfo, step: Preprocessing) -> TensorInfo:
    shape = info.shape
    if step.original_layout and len(shape) == len(step.layout):
        sides = dict(zip(step.original_layout, shape, strict=True))
        shape = tuple(map(sides.__getitem__, step.layout))
    return TensorInfo(info.name, shape, step.element_type or info.element_type, step.layout)


def _prepare(x: Tensor, step: Preprocessing) -> Tensor:
    if step.element_type:
        x = x.astype(np.float32)
    axis = step.layout.find("C")
    if step.reverse_channels:
        x = np.flip(x, axis)
    # Subtract and divide in float32, as the IR does; a single value is for all channels.
    broadcast = [1] * x.ndim
    if axis >= 0:
        broadcast[axis] = -1
    if step.mean:
        x = x - np.array(step.mean, np.float32).reshape(broadcast)
    if step.scale:
        x = x / np.array(step.scale, np.float32).reshape(broadcast)
    if step.original_layout:
        x = x.transpose(*map(step.layout.index, step.original_layout))
    return np.asarray(x, order="C")
