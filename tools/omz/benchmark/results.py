"""Records of what was measured, as they are shown, stored and merged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from omz.benchmark.ranges import UNKNOWN, Range, median_range
from omz.zoo.vocabulary import QUANTISED, QuantisedPrecision, base_of

LATENCY, THROUGHPUT = "latency", "throughput"
"""Goals of a run: one image at a time, or as many at a time as suit the device."""
OPENVINO = "OpenVINO"
NODE = "node"
"""The key of the machine of a cluster that a run was on, in ``machine`` of the run."""
UNJUDGED = "made without a gate: omz_quantizer makes one that is judged"
"""The note of an INT8 IR that nothing has compared with what it was made of."""


@dataclass(frozen=True)
class Case:
    """A model as it is run: in which precision, by which engine, on which device, at which size.

    ``precision`` is a variant such as ``FP16`` or ``FP16@bf16``, or ``original``. ``size`` is that of the images that
    the network sees, width x height; empty where nothing is known of it. ``streams`` is ``latency``, ``throughput``, or
    a number of streams.
    """

    model: str
    precision: str = ""
    engine: str = OPENVINO
    device: str = "CPU"
    size: str = ""
    streams: str = LATENCY

    @property
    def weights(self) -> str:
        """The precision of the weights."""
        return self.precision.partition("@")[0]

    @property
    def execution(self) -> str:
        """The precision of execution that was asked for; empty where none was."""
        return self.precision.partition("@")[2]

    @property
    def is_quantised(self) -> bool:
        """Whether its weights have 8 bits, as a quantisation has left them."""
        return self.weights in QUANTISED

    @property
    def title(self) -> str:
        """All of it in a line."""
        parts = [self.model, self.precision, self.engine, self.device, self.size, self.streams]
        return " ".join(filter(None, parts))


@dataclass(frozen=True)
class Round:
    """One round: the median latency, images a second, and the processor's milliseconds for an image.

    ``number`` tells which rounds of two candidates belong together.
    """

    number: int
    median_ms: float
    fps: float
    cpu_ms: float


@dataclass(frozen=True)
class Figures:
    """What a case costs: times in milliseconds, sizes in bytes; None is not known.

    ``device`` and ``precision`` are those of execution, as the engine reports them. Latency is over all ``runs``.
    ``load_ms`` is from the file to the compiled model; ``warm_load_ms`` the same, where OpenVINO's cache has the model.
    ``peak_memory`` is the most that the process held, with all libraries.
    """

    device: str
    precision: str
    runs: int
    median_ms: float
    p90_ms: float
    p99_ms: float
    fps: float
    first_ms: float
    load_ms: float
    warm_load_ms: float | None
    peak_memory: int | None
    disk: int
    rounds: tuple[Round, ...]

    @property
    def cpu_ms(self) -> float:
        """The processor's milliseconds for an image, of all cores together."""
        return median_range([each.cpu_ms for each in self.rounds]).median


@dataclass(frozen=True)
class Row:
    """A case with its figures, or the ``reason`` why there are none.

    ``quality`` has errors by name, in the units of the run's convention, and ``no_quality`` says why there are none.
    """

    case: Case
    figures: Figures | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    quality: Mapping[str, float] = field(default_factory=dict)
    no_quality: str = ""

    @property
    def pace(self) -> float:
        """Images a second over all runs: of one image at a time by the median; NaN where nothing was measured."""
        if self.figures is None:
            return math.nan
        return 1e3 / self.figures.median_ms if self.case.streams == LATENCY else self.figures.fps


@dataclass(frozen=True)
class BenchmarkRun:
    """All rows of a run on one machine, in the order of the request.

    ``machine`` and ``versions`` are by name, ``settings`` are the flags. ``dataset`` and ``convention`` describe what
    errors were measured on, and how; ``units`` are those of errors by name. ``finished`` is when, in UTC. ``warning``
    says what times may suffer from.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    command: tuple[str, ...]
    finished: str
    rows: tuple[Row, ...]
    dataset: str = ""
    convention: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True
    warning: str = ""

    @property
    def title(self) -> str:
        """The processor, and where it is one of a cluster, the machine that has it."""
        processor, node = self.machine.get("processor", ""), self.machine.get(NODE, "")
        return f"{processor} of {node}" if node else processor

    @property
    def measured(self) -> list[Row]:
        """The rows that have figures."""
        return [row for row in self.rows if row.figures]

    @property
    def first(self) -> Row | None:
        """The row that the others are compared with; None where nothing was measured."""
        return next(iter(self.measured), None)

    @property
    def metrics(self) -> list[str]:
        """The names of errors that any row has, the decisive one first."""
        names: dict[str, float] = {}
        for row in self.rows:
            names |= row.quality
        return [*names]

    def heading(self, metric: str) -> str:
        """Return the name of an error with its unit."""
        return f"{metric} {self.units.get(metric, '')}".strip()

    def made_of(self, row: Row) -> Row | None:
        """Return the row in float that an INT8 row was made of, in the same precision of execution if there is one.

        None where there is none, and for other rows.
        """
        if not row.case.is_quantised:
            return None
        base = base_of(_quantised(row.case.weights))
        found = []
        for other in self.measured:
            case = replace(other.case, precision=row.case.precision)
            if case == row.case and other.case.weights == base:
                found.append(other)
        return min(found, key=partial(_is_executed_otherwise, row), default=None)

    def speed(self, row: Row, other: Row | None = None) -> Range:
        """Return how many times as fast a row is as another, by default as the first.

        Where they were measured in the same rounds, the ratio is that of each round. Otherwise both are compared with
        the first row, which is in all rounds, and the ends are the farthest that the two ranges allow.
        """
        other = other or self.first
        if row.figures is None or other is None or other.figures is None:
            return UNKNOWN
        paired = _paired(row, other)
        if paired or other is self.first or row is self.first:
            return median_range(paired)
        one, two = self.speed(row), self.speed(other)
        return Range(one.median / two.median, one.low / two.high, one.high / two.low)


def _quantised(weights: str) -> QuantisedPrecision:
    return next(each for each in QUANTISED if each == weights)


def _is_executed_otherwise(row: Row, other: Row) -> tuple[bool, bool]:
    """Tell whether two rows differ in the execution that was asked for, and in that which was used."""
    asked = row.case.execution != other.case.execution
    if row.figures is None or other.figures is None:
        return asked, True
    return asked, row.figures.precision != other.figures.precision


def _paired(row: Row, other: Row) -> list[float]:
    """Return the ratios of speed in common rounds."""
    others, ratios = _speeds(other), []
    for number, speed in _speeds(row).items():
        if number in others:
            ratios.append(speed / others[number])
    return ratios


def _speeds(row: Row) -> dict[int, float]:
    """Return images a second by round: of one image at a time by the median, which outliers leave alone."""
    rounds = row.figures.rounds if row.figures else ()
    if row.case.streams == LATENCY:
        return {each.number: 1e3 / each.median_ms for each in rounds}
    return {each.number: each.fps for each in rounds}
