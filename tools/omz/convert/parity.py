"""Parity: how far the outputs of an IR are from those of its source, on the same inputs.

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
from omz.runtime.differences import differences, ratio
from omz.runtime.engine import Engine, Tensor, shapes_of

_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class OutputParity:
    """The differences of one output.

    ``largest``, ``mean`` and ``p99_9`` (99.9 percent of the elements are no farther apart) are absolute, in the units
    of the output. ``range`` is the range of the source's values and 0, without values so large that they stand for
    infinity; ``psnr`` is the peak signal-to-noise ratio in dB with that range as peak, None if nothing differs or the
    range is 0. ``not_finite`` counts elements that are a number in only one of the two; the other figures ignore them.
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
        """The 99.9th percentile as a share of the range; infinite if an element is a number in only one of the two."""
        if self.not_finite:
            return math.inf
        return ratio(self.p99_9, self.range)


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

    def problem(self, tolerance: float) -> str | None:
        """Say which output is farther from the source than the share ``tolerance`` of its range; None if none is."""
        worst = max(self.outputs, key=lambda output: output.share, default=None)
        if worst is None or worst.share <= tolerance:
            return None
        if worst.not_finite:
            return f"{worst.not_finite} elements of output {worst.output} are a number in only one of the two"
        return (
            f"one in a thousand elements of output {worst.output} differs by {worst.p99_9:.2g} or more, "
            f"{worst.share:.2g} of its range, where {tolerance:g} is allowed (mean {worst.mean:.2g}, "
            f"largest {worst.largest:.2g})"
        )


def compare(
    expected: Sequence[Mapping[str, Tensor]], engine: Engine, inputs: Sequence[Mapping[str, Tensor]], source: str
) -> Parity:
    """Run ``engine`` on ``inputs`` and compare with the outputs ``expected``, those of ``source``.

    Raises :class:`ConversionError` if an output has another shape, :class:`omz.errors.EngineError` if the IR does not
    run.
    """
    found, shapes, outputs = [], [], []
    for sample in inputs:
        found.append(engine.infer(sample))
        shapes.append(shapes_of(sample))
    for name in engine.outputs:
        get = itemgetter(name)
        outputs.append(output_parity(name, list(map(get, expected)), list(map(get, found))))
    return Parity(source, engine.info.device, engine.info.precision, tuple(shapes), tuple(outputs))


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
    )
