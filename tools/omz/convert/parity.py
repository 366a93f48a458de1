"""How far the outputs of an IR are from those of its source, on the same inputs.

What is judged is how far apart 99.9 percent of an output's elements are at most. The largest difference is no measure
of a conversion: networks that choose, such as the 5,000 most uncertain blocks of a picture, choose another block where
two are about as uncertain, and are as good there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omz.errors import ConversionError
from omz.runtime.differences import differences
from omz.runtime.engine import Engine, Tensor

_LARGEST = sys.float_info.max


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
    expected: Sequence[Mapping[str, Tensor]],
    engine: Engine,
    inputs: Sequence[Mapping[str, Tensor]],
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


def output_parity(name: str, expected: Sequence[Tensor], found: Sequence[Tensor]) -> OutputParity:
    """Compare one output over several inputs; raises :class:`ConversionError` where shapes differ."""
    try:
        measured = differences(expected, found)
    except ValueError as error:
        raise ConversionError(f"output {name} of the IR {error}, as in its source") from error
    span = min(measured.highest - measured.lowest, _LARGEST)
    squared = measured.mean_squared
    return OutputParity(
        output=name,
        largest=measured.largest,
        mean=measured.mean,
        p99_9=measured.p99_9,
        psnr=20 * math.log10(span) - 10 * math.log10(squared) if squared and span else None,
        range=span,
        not_finite=measured.not_finite,
    )
