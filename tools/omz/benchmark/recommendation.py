"""Recommendation: the best case that meets all conditions beyond doubt."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from omz.benchmark.ranges import Range, median_range
from omz.benchmark.results import OPENVINO, UNJUDGED, BenchmarkRun, Figures, Row
from omz.errors import UsageError
from omz.zoo.record import suggestion

_CONDITION = re.compile(r"\s*(?P<name>[^<>=]*?)\s*(?P<sign><=|>=|<|>)\s*(?P<limit>\d+(?:\.\d*)?|\.\d+)\s*")
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_MB = 1e6
_AS_GOOD = 1.01
"""Errors up to this many times the lowest are as good as that."""


@dataclass(frozen=True)
class Condition:
    """A figure, and the limit that it must keep: latencies in milliseconds, memory and size in megabytes."""

    name: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.limit:g}"


@dataclass(frozen=True)
class Recommendation:
    """The recommended row, None if there is none, with the reason in words; and why others were left out."""

    row: Row | None
    reason: str
    left_out: tuple[tuple[Row, str], ...] = field(default=())


def parse_conditions(texts: Sequence[str], metrics: Collection[str] = ()) -> tuple[Condition, ...]:
    """Return the conditions in texts such as ``fps>=30`` or ``latency<=50,memory<=500``.

    ``metrics`` are the names of errors, which need a dataset. Raises :class:`UsageError`.

    Example:
        >>> [str(each) for each in parse_conditions(["fps>=30,memory<=500"])]
        ['fps>=30', 'memory<=500']

    """
    found = []
    for part in ",".join(texts).split(","):
        match = _CONDITION.fullmatch(part)
        if not match:
            raise UsageError(f"--recommend {part.strip() or 'nothing'}: write a figure and a limit, such as fps>=30")
        name = match["name"]
        if name not in FIGURES and name not in metrics:
            known = suggestion(name, [*FIGURES, *metrics])
            raise UsageError(f"--recommend {part.strip()}: no figure is called {name or 'nothing'!r}; {known}")
        found.append(Condition(name, match["sign"], float(match["limit"])))
    return tuple(found)


def recommend(run: BenchmarkRun, conditions: Sequence[Condition]) -> Recommendation:
    """Return the best row that meets all conditions, whatever noise there was.

    With errors, the best has the lowest of the first metric; of rows within 1 % of that, and without errors of all, it
    is the fastest; of those that noise does not tell from it, the smallest on the disk. An INT8 model is left out
    unless it is clearly faster than the model that it was made of.
    """
    left_out, fit = [], []
    for row in run.measured:
        why = next(_objections(run, row, conditions), "")
        if why:
            left_out.append((row, why))
        else:
            fit.append(row)
    if not fit:
        wanted = " and ".join(map(str, conditions))
        return Recommendation(None, f"no model is sure to have {wanted} on this machine", tuple(left_out))
    row, reason = _best(run, fit)
    return Recommendation(row, reason, tuple(left_out))


def _objections(run: BenchmarkRun, row: Row, conditions: Sequence[Condition]) -> Iterator[str]:
    """Yield why a row cannot be recommended."""
    for condition in conditions:
        yield from _broken(row, condition)
    if row.case.engine != OPENVINO:
        yield "it is the original, measured for comparison only"
    metrics = run.metrics
    if metrics and metrics[0] not in row.quality:
        yield f"its error is not known: {row.no_quality or 'not measured'}"
    if any(note.startswith("untested") for note in row.notes):
        yield row.notes[0]
    if row.case.is_quantised:
        yield from _not_worth_it(run, row)


def _not_worth_it(run: BenchmarkRun, row: Row) -> Iterator[str]:
    """Yield why an INT8 row is not to be had for what it was made of."""
    float_row = run.made_of(row)
    if float_row is None:
        yield "its float model was not measured"
    elif not run.speed(row, float_row).low > 1:
        yield f"it is not clearly faster than {float_row.case.precision}, which it was made of"
    if UNJUDGED in row.notes and not run.metrics:
        yield "it was made without a gate, and its error is not known (--dataset adds it)"


def _broken(row: Row, condition: Condition) -> Iterator[str]:
    """Yield why a condition does not hold beyond doubt; it has to hold at both ends of a range."""
    value = _value(row, condition.name)
    if value is None:
        yield f"{condition.name} is not known"
        return
    holds = _SIGNS[condition.sign]
    met = [holds(each, condition.limit) for each in (value.median, value.low, value.high) if not math.isnan(each)]
    told = f"{condition.name} is {value.median:.4g}"
    if not met[0]:
        yield f"{told}, not {condition.sign} {condition.limit:g}"
    elif not all(met):
        yield f"{told}, within noise of {condition.limit:g} (from {value.low:.4g} to {value.high:.4g})"


def _best(run: BenchmarkRun, fit: Sequence[Row]) -> tuple[Row, str]:
    """Return the best of rows, and why it is."""
    metrics, reason = run.metrics, "no error was measured (--dataset adds it), so it is the fastest"
    candidates = [*fit]
    if metrics:
        name = metrics[0]
        lowest = min(row.quality[name] for row in fit)
        candidates = [row for row in fit if row.quality[name] <= lowest * _AS_GOOD]
        reason = f"it has the lowest error: {run.heading(name)} {lowest:.4g}"
        if len(candidates) > 1:
            reason += f"; of {len(candidates)} that are as good, it is the fastest"
    fastest = max(candidates, key=lambda row: _pace(run, row))
    equal = [row for row in candidates if row is fastest or _is_as_fast(run, row, fastest)]
    chosen = min(equal, key=lambda row: row.figures.disk if row.figures else 0)
    if len(equal) > 1:
        reason += f", or as fast as noise lets it be told, and the smallest on the disk of {len(equal)} such"
    return chosen, reason


def _pace(run: BenchmarkRun, row: Row) -> float:
    """Return how many times as fast a row is as the first, over all runs where the two have no common rounds."""
    known = run.speed(row).median
    if not math.isnan(known) or run.first is None:
        return known
    return row.pace / run.first.pace


def _is_as_fast(run: BenchmarkRun, row: Row, fastest: Row) -> bool:
    """Tell whether noise may explain that ``fastest`` is faster than another row; without a range, nothing tells."""
    found = run.speed(fastest, row)
    return found.has_ends and found.low <= 1


def _value(row: Row, name: str) -> Range | None:
    """Return a figure of a row, with the range of what varies from round to round."""
    if name in FIGURES and row.figures is not None:
        return FIGURES[name](row.figures)
    if name in row.quality:
        return Range(row.quality[name])
    return None


def _sure(values: Sequence[float]) -> Range:
    """Return the median of rounds and its range; of few rounds, their ends."""
    found = median_range(values)
    return found if found.has_ends else Range(found.median, min(values), max(values))


def _memory(figures: Figures) -> Range | None:
    return None if figures.peak_memory is None else Range(figures.peak_memory / _MB)


FIGURES: dict[str, Callable[[Figures], Range | None]] = {
    "fps": lambda figures: _sure([each.fps for each in figures.rounds]),
    "latency": lambda figures: _sure([each.median_ms for each in figures.rounds]),
    "p90": lambda figures: Range(figures.p90_ms),
    "p99": lambda figures: Range(figures.p99_ms),
    "first": lambda figures: Range(figures.first_ms),
    "load": lambda figures: Range(figures.load_ms),
    "memory": _memory,
    "size": lambda figures: Range(figures.disk / _MB),
}
"""Figures that a condition may name."""
