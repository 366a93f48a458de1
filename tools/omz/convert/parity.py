"""How far the outputs of an IR are from those of its source, on the same inputs.

What is judged is how far apart 99.9 percent of an output's elements are at most. The largest difference is no measure
of a conversion: networks that choose, such as the 5,000 most uncertain blocks of a picture, choose another block where
two are about as uncertain, and are as good there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omz.errors import ConversionError
from omz.runtime.engine import Engine

_RARE = 99.9  # percent
_LARGEST = float(np.finfo(np.float64).max)
_NO_NUMBER = 3e38  # what is farther from 0 stands for infinity, in masks
_BLOCK = 1 << 14  # elements


@dataclass(frozen=True)
class OutputParity:
    """The differences of one output.

    ``largest``, ``mean`` and ``p99_9`` (99.9 percent of the elements are no farther apart) are absolute, in the units
    of the output. ``range`` goes from the smallest to the largest value of the source, 0 among them, and but for the
    largest numbers that there are, which stand for infinity; ``psnr`` is the peak signal-to-noise ratio in dB with that
    range as peak, None where nothing differs, or the range is 0. ``not_finite`` counts elements that are a number for
    one of the two only; the other figures leave them out.
    """

    output: str
    largest: float
    mean: float
    p99_9: float
    psnr: float | None
    range: float
    not_finite: int

    @property
    def share(self) -> float:
        """The 99.9th percentile as a share of the range; infinite where one of the two only is a number."""
        if self.not_finite:
            return math.inf
        return self.p99_9 / self.range if self.range else math.inf if self.p99_9 else 0.0


@dataclass(frozen=True)
class Parity:
    """How an IR compares with ``source``, executed in ``precision`` on ``device``.

    ``samples`` are the sets of inputs on which it was compared: their shapes, by name. ``own_shapes`` tells whether
    these are the shapes that it takes or, where these are open, large ones among them.
    """

    source: str
    device: str
    precision: str
    samples: tuple[dict[str, tuple[int, ...]], ...]
    outputs: tuple[OutputParity, ...]
    own_shapes: bool = True

    def problem(self, tolerance: float) -> str | None:
        """Say which output is farther from the source than a share of its range, or None."""
        worst = max(self.outputs, key=lambda output: output.share, default=None)
        if worst is None or worst.share <= tolerance:
            return None
        if worst.not_finite:
            return f"{worst.not_finite} elements of output {worst.output} are a number in one of the two only"
        return (
            f"one in a thousand elements of output {worst.output} differs by {worst.p99_9:.2g} or more, "
            f"{worst.share:.2g} of its range, where {tolerance:g} is allowed (mean {worst.mean:.2g}, "
            f"largest {worst.largest:.2g})"
        )


def compare(
    expected: Sequence[Mapping[str, NDArray[Any]]],
    engine: Engine,
    inputs: Sequence[Mapping[str, NDArray[Any]]],
    source: str,
) -> Parity:
    """Run ``engine`` on ``inputs`` and compare with what its source, called ``source``, has given for them.

    Raises :class:`ConversionError` where an output has another shape, :class:`omz.errors.EngineError` where the IR does
    not run.
    """
    found = [engine.infer(sample) for sample in inputs]
    outputs = tuple(
        output_parity(name, [each[name] for each in expected], [each[name] for each in found])
        for name in engine.outputs
    )
    shapes = tuple({name: value.shape for name, value in sample.items()} for sample in inputs)
    return Parity(source, engine.info.device, engine.info.precision, shapes, outputs)


def output_parity(name: str, expected: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]) -> OutputParity:
    """Compare one output over several inputs; raises :class:`ConversionError` where shapes differ."""
    differences: list[NDArray[Any]] = [np.empty(0, np.float32)]
    total = squares = low = high = 0.0
    not_finite = 0
    for source, result in _blocks(name, expected, found):
        with np.errstate(over="ignore", invalid="ignore"):  # doubles can be too far apart for one
            every = np.abs(source - result)
            finite = np.isfinite(every)
            difference = every[finite]
            total += float(difference.sum())
            squares += float(np.square(difference).sum())
        same = (source == result) | (np.isnan(source) & np.isnan(result))
        not_finite += int(np.count_nonzero(~finite & ~same))
        numbers = source[np.abs(source) < _NO_NUMBER]
        low, high = min(low, float(numbers.min(initial=0.0))), max(high, float(numbers.max(initial=0.0)))
        fits = expected[0].dtype != np.float64 and difference.max(initial=0.0) < _NO_NUMBER
        differences.append(difference.astype(np.float32 if fits else np.float64))
    joined = np.concatenate(differences)
    count = joined.size or 1
    span, squares = min(high - low, _LARGEST), min(squares, _LARGEST)
    return OutputParity(
        output=name,
        largest=float(joined.max(initial=0.0)),
        mean=min(total, _LARGEST) / count,
        p99_9=_percentile(joined, _RARE),
        psnr=20 * math.log10(span) - 10 * (math.log10(squares) - math.log10(count)) if squares and span else None,
        range=span,
        not_finite=not_finite,
    )


def _percentile(values: NDArray[Any], percent: float) -> float:
    """Return a percentile, linear between two values, 0 of none; reorders them.

    In float32, numpy's interpolation is coarser.
    """
    if not values.size:
        return 0.0
    place = percent / 100 * (values.size - 1)
    below, above = math.floor(place), math.ceil(place)
    values.partition(sorted({below, above}))
    return float(values[below]) + (float(values[above]) - float(values[below])) * (place - below)


def _blocks(
    name: str, expected: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return pieces of both, as float64, small enough for a processor's cache."""
    for one, other in zip(expected, found, strict=True):
        if one.shape != other.shape:
            raise ConversionError(
                f"output {name} has the shape {list(other.shape)} in the IR and {list(one.shape)} in its source"
            )
        source, result = np.ravel(one), np.ravel(other)
        for start in range(0, source.size, _BLOCK):
            end = start + _BLOCK
            yield source[start:end].astype(np.float64), result[start:end].astype(np.float64)
