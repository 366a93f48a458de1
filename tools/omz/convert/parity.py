"""Parity: how far the outputs of an IR are from those of its source, or of another IR, on the same inputs.

The 99.9th percentile of the differences is judged. The largest difference is a poor measure of a conversion: a network
that chooses, such as the 5,000 most uncertain blocks of an image, may choose another of two blocks that are about as
uncertain, and is as good there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from omz.errors import ConversionError
from omz.runtime.differences import LEVEL, differences, ratio, share_beyond
from omz.runtime.engine import Engine, Tensor, shapes_of

DESTROYED = 5 * LEVEL
"""The mean difference, as a share of the range, from which an image is of no use: five levels of 255."""

_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class OutputParity:
    """The differences of one output.

    ``largest``, ``mean`` and ``p99_9`` (99.9 percent of the elements are no farther apart) are absolute, in the units
    of the output. ``range`` is the range of the source's values and 0, without values so large that they stand for
    infinity; ``beyond`` is the share of elements farther apart than 1/255 of it. ``psnr`` is the peak signal-to-noise
    ratio in dB with that range as peak, None if nothing differs or the range is 0. ``not_finite`` counts elements that
    are a number in only one of the two; the other figures ignore them.
    """

    output: str
    largest: float
    mean: float
    p99_9: float
    psnr: float | None
    range: float
    not_finite: int
    beyond: float = 0.0

    @property
    def share(self) -> float:
        """The 99.9th percentile as a share of the range; infinite if an element is a number in only one of the two."""
        if self.not_finite:
            return math.inf
        return ratio(self.p99_9, self.range)

    @property
    def mean_share(self) -> float:
        """The mean as a share of the range; infinite if an element is a number in only one of the two."""
        return math.inf if self.not_finite else ratio(self.mean, self.range)


@dataclass(frozen=True)
class Parity:
    """The comparison of an IR with ``source``, executed in ``precision`` on ``device``.

    ``samples`` are the shapes, by name, of the sets of inputs. ``own_shapes`` tells whether these are the shapes that
    the IR takes or, if it takes any, whether large ones were among them.
    """

    source: str
    device: str
    precision: str
    samples: tuple[dict[str, tuple[int, ...]], ...]
    outputs: tuple[OutputParity, ...]
    own_shapes: bool = True

    @property
    def worst(self) -> OutputParity | None:
        """The output whose 99.9th percentile is the largest share of its range; None if there are no outputs."""
        return max(self.outputs, key=lambda output: output.share, default=None)

    @property
    def share(self) -> float:
        """That share."""
        return self.worst.share if self.worst else 0.0

    def problem(self, tolerance: float) -> str | None:
        """Say which output is farther from the source than the share ``tolerance`` of its range; None if none is."""
        worst = self.worst
        if worst is None or worst.share <= tolerance:
            return None
        if worst.not_finite:
            return _not_finite(worst)
        return (
            f"one in a thousand elements of output {worst.output} differs by {worst.p99_9:.2g} or more, "
            f"{worst.share:.2g} of its range, where {tolerance:g} is allowed (mean {worst.mean:.2g}, "
            f"largest {worst.largest:.2g})"
        )

    def damage(self) -> str | None:
        """Say which output is no longer of use: its mean difference is above 5/255 of its range; None if none is."""
        worst = max(self.outputs, key=lambda output: output.mean_share, default=None)
        if worst is None or worst.mean_share <= DESTROYED:
            return None
        if worst.not_finite:
            return _not_finite(worst)
        return (
            f"output {worst.output} differs by {worst.mean:.2g} on average, {worst.mean_share:.2g} of its range, where "
            f"{DESTROYED:.2g} is the most that is of use"
        )


def _not_finite(output: OutputParity) -> str:
    return f"{output.not_finite} elements of output {output.output} are a number in only one of the two"


def compare(
    expected: Sequence[Mapping[str, Tensor]], engine: Engine, inputs: Sequence[Mapping[str, Tensor]], source: str
) -> Parity:
    """Run ``engine`` on ``inputs`` and compare with the outputs ``expected``, those of ``source``.

    Raises :class:`ConversionError` if an output has another shape, :class:`omz.errors.EngineError` if the IR does not
    run.
    """
    found = list(map(engine.infer, inputs))
    parity = compare_outputs(expected, found, engine.outputs)
    return Parity(source, engine.info.device, engine.info.precision, tuple(map(shapes_of, inputs)), parity)


def compare_outputs(
    expected: Sequence[Mapping[str, Tensor]], found: Sequence[Mapping[str, Tensor]], names: Sequence[str]
) -> tuple[OutputParity, ...]:
    """Compare the outputs ``names`` of several runs; raises :class:`ConversionError` if shapes differ."""
    outputs = []
    for name in names:
        get = itemgetter(name)
        outputs.append(output_parity(name, list(map(get, expected)), list(map(get, found))))
    return tuple(outputs)


def output_parity(name: str, expected: Sequence[Tensor], found: Sequence[Tensor]) -> OutputParity:
    """Compare one output over several inputs; raises :class:`ConversionError` if shapes differ."""
    try:
        measured = differences(expected, found)
    except ValueError as error:
        raise ConversionError(f"output {name} of the IR {error}, as in its source") from error
    span = min(measured.highest - measured.lowest, _LARGEST)
    squared, psnr = measured.mean_squared, None
    if squared and span:
        psnr = 20 * math.log10(span) - 10 * math.log10(squared)
    return OutputParity(
        output=name,
        largest=measured.largest,
        mean=measured.mean,
        p99_9=measured.p99_9,
        psnr=psnr,
        range=span,
        not_finite=measured.not_finite,
        beyond=share_beyond(expected, found, LEVEL * span),
    )
