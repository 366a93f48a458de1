"""Values read from an output of a network: layout, channels, activation and range, in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omz.errors import EngineError
from omz.images.arrays import Size
from omz.matting.roles import OutputReading
from omz.runtime.engine import Tensor

LEAST_RANGE = 1e-12
"""Least difference between smallest and largest value that ``min_max`` spreads; an even picture becomes 0."""
LEAST_PROBABILITY = 1e-6
"""Least probability of a class of a trimap whose logarithm is taken."""


def read_output(outputs: Mapping[str, Tensor], reading: OutputReading, count: int, size: Size) -> NDArray[np.float32]:
    """Return ``count`` channels of an output as float32, (h, w, count).

    ``size`` (height, width) is that of the network's picture. Sigmoid is 1 / (1 + exp(-x)), softmax goes over all
    channels, and min_max, (x - least) / (largest - least), over the channels read. Raises :class:`EngineError` for an
    output of another shape.
    """
    output = outputs[reading.name]
    check_output(reading, output.shape, count, size)
    letters = reading.layout
    if "N" in letters:
        output, letters = np.moveaxis(output, letters.index("N"), 0)[0], letters.replace("N", "")
    if "C" not in letters:
        output, letters = output[..., None], f"{letters}C"
    values = output.transpose(*map(letters.index, "HWC")).astype(np.float32, copy=False)
    if reading.activation == "softmax":
        values = _softmax(values)
    values = values[..., reading.first : reading.first + count]
    if reading.activation == "sigmoid":
        values = _sigmoid(values)
    if reading.activation == "min_max":
        least, largest = values.min(), values.max()
        values = (values - least) / max(largest - least, np.float32(LEAST_RANGE))
    low, high = reading.range
    if (low, high) != (0.0, 1.0):
        values = (values - np.float32(low)) / np.float32(high - low)
    return values


def read_logits(outputs: Mapping[str, Tensor], reading: OutputReading, size: Size) -> NDArray[np.float32]:
    """Return the logits of a trimap, (h, w, 3), whose softmax has the probabilities of its classes."""
    values = read_output(outputs, replace(reading, activation="none"), 3, size)
    if reading.activation == "softmax":
        return values
    return np.log(np.maximum(values, np.float32(LEAST_PROBABILITY)))


def check_output(reading: OutputReading, shape: tuple[int, ...], count: int, size: Size) -> None:
    """Raise :class:`EngineError` unless an output is one image of ``size`` with the channels that are read."""
    sides = dict(zip(reading.layout, shape, strict=False))
    channels = sides.get("C", 1)
    if reading.channel is None or channels < reading.first + count:
        channels = reading.first + count
    wanted = {"N": 1, "C": channels, "H": size[0], "W": size[1]}
    expected = [wanted[letter] for letter in reading.layout]
    if list(shape) != expected:
        raise EngineError(f"the model's output {reading.name} is {list(shape)}; matting gives {expected}")


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    likely = np.exp(values - values.max(axis=2, keepdims=True))
    shares: NDArray[np.float32] = likely / likely.sum(axis=2, keepdims=True)
    return shares


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    small = np.exp(-np.abs(values))  # which does not overflow
    return np.divide(np.where(values >= 0, 1, small), 1 + small, dtype=np.float32)
