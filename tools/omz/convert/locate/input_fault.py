"""What is wrong with the preprocessing, told by what it made of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omz.convert.locate.difference import difference
from omz.runtime.engine import Tensor

_LARGEST_SAMPLE = 4096  # elements a channel


def explain_input(expected: Tensor, found: Tensor, axis: int, tolerance: float) -> str:
    """Say how ``found``, what the IR makes of an input, comes of what it should make; empty where nothing simple fits.

    ``axis`` is that of the channels, -1 where there is none. Tried are another order of the channels, and a factor and
    an amount added in each of them.
    """
    if expected.shape != found.shape or expected.dtype.kind != "f":
        return ""
    turns = (("", expected),) if axis < 0 else (("", expected), ("colours are reversed", np.flip(expected, axis)))
    for turned, values in turns:
        if not difference(values, found, tolerance).is_off(tolerance):
            return turned
    for turned, values in turns:
        lines = _fit(values, found, axis, tolerance)
        if lines is not None:
            return "; ".join(text for text in (turned, _told(lines)) if text)
    return ""


def _fit(expected: Tensor, found: Tensor, axis: int, tolerance: float) -> list[tuple[float, float]] | None:
    """Return factor and amount for each channel, None where a line does not fit."""
    lines = []
    for one, other in zip(_channels(expected, axis), _channels(found, axis), strict=True):
        if not (np.isfinite(one).all() and np.isfinite(other).all()) or one.std() == 0:
            return None
        factor, amount = np.polyfit(one, other, 1)
        if difference(other, factor * one + amount, tolerance).is_off(tolerance):
            return None
        lines.append((float(factor), float(amount)))
    return lines


def _channels(tensor: Tensor, axis: int) -> list[NDArray[np.float64]]:
    """Return some of the elements of each channel, always the same."""
    channels = tensor.reshape(1, -1) if axis < 0 else np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    step = -(-channels.shape[1] // _LARGEST_SAMPLE)
    return [channel[::step].astype(np.float64) for channel in channels]


def _told(lines: list[tuple[float, float]]) -> str:
    """Say what factors and amounts mean, channels counted from 0 in the order of the original."""
    if len({(f"{factor:.3g}", f"{amount:.2f}") for factor, amount in lines}) == 1:
        return f"it is {_line(*lines[0])}"
    wrong = [(n, *line) for n, line in enumerate(lines) if _line(*line) != "as it should be"]
    return ", ".join(f"channel {n} is {_line(factor, amount)}" for n, factor, amount in wrong)


def _line(factor: float, amount: float) -> str:
    parts = []
    if abs(factor - 1) > 1e-3:
        parts.append(f"{factor:.4g} times what it should be")
    if abs(amount) > 1e-3 * max(1.0, abs(factor)):
        parts.append(f"{abs(amount):.4g} too {'high' if amount > 0 else 'low'}")
    return " and ".join(parts) or "as it should be"
