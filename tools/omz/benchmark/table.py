"""The table of a run, in words: for the console, the page, Markdown and CSV."""

from __future__ import annotations

import csv
import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from omz.benchmark.ranges import Range
from omz.benchmark.results import NODE, BenchmarkRun, Figures, Row
from omz.text import spreadsheet_cell

_MB = 1e6
_MISSING = "-"
_WORDS = ("precision", "engine", "device", "size", "streams")
"""The parts of a case, besides its model."""
_EACH = ("median ms", "p90", "p99", "images/s", "speed", "CPU ms")
_TOLD = ("cores", "memory", "features", "OpenVINO uses", "governor", "load before")
"""What a document tells of a machine; the other files have all of it."""
_ONCE = ("first ms", "load ms", "cached", "memory MB", "disk MB")
HEADINGS = (*_EACH, *_ONCE)
EACH, ONCE = range(len(_EACH)), range(len(_EACH), len(HEADINGS))
"""The columns of what an image costs, and of what a model costs once; those of errors follow."""
SPEED = _EACH.index("speed")
NOTES = (
    "Latency is that of one image. Speed is relative to the first row, with the range in which it lies with 95 % "
    "confidence; a range that has 1 in it is within noise. CPU is the time of all cores for an image. Load is from the "
    "file to the compiled model, and cached the same where OpenVINO's cache has it. Memory is the most that the "
    "process held, with all libraries."
)


@dataclass(frozen=True)
class Speed:
    """The speed of a row relative to the first, in words; ``verdict`` is faster, slower, or why it is neither."""

    ratio: str
    range: str
    verdict: str

    def __str__(self) -> str:
        return ", ".join(filter(None, (f"{self.ratio} {self.range}".strip(), self.verdict)))


def speed(run: BenchmarkRun, row: Row) -> Speed:
    """Return the speed of a measured row; a difference that noise explains is called so."""
    if row is run.first:
        return Speed("1", "", "")
    return _compared(run.speed(row))


def _compared(found: Range) -> Speed:
    if math.isnan(found.median):
        return Speed(_MISSING, "", "no common rounds")
    if not found.has_ends:
        return Speed(f"{found.median:.2f}", "", "too few rounds")
    told = f"[{found.low:.2f}, {found.high:.2f}]"
    if not found.is_clear:
        return Speed(f"{found.median:.2f}", told, "within noise")
    return Speed(f"{found.median:.2f}", told, "faster" if found.median > 1 else "slower")


def headings(run: BenchmarkRun) -> list[str]:
    """Return the headings of the columns; errors of the run come last."""
    return [*HEADINGS, *map(run.heading, run.metrics)]


def common(run: BenchmarkRun) -> str:
    """Return the parts of cases that all measured rows share, in words; those of a single row are all of its own."""
    shared = set.intersection(*(set(_words(row).items()) for row in run.measured))
    return ", ".join(value for name, value in _words(run.measured[0]).items() if (name, value) in shared and value)


def case(run: BenchmarkRun, row: Row) -> str:
    """Return the parts of a row's case that are not common to all, besides its model."""
    shared = common(run)
    if len(run.measured) == 1:
        shared = ""
    there = shared.split(", ")
    return ", ".join(value for value in _words(row).values() if value and value not in there)


def cells(run: BenchmarkRun, row: Row) -> list[str]:
    """Return the cells of a measured row."""
    figures = row.figures
    if figures is None:
        raise AssertionError("a row without figures has a reason, and no cells")
    return [
        *map(milliseconds, (figures.median_ms, figures.p90_ms, figures.p99_ms)),
        f"{figures.fps:.3g}",
        str(speed(run, row)),
        *map(milliseconds, (figures.cpu_ms, figures.first_ms, figures.load_ms, figures.warm_load_ms)),
        megabytes(figures.peak_memory),
        megabytes(figures.disk),
        *(_error(row, metric) for metric in run.metrics),
    ]


def _words(row: Row) -> dict[str, str]:
    """Return the parts of a case, besides its model, by name; what was used is in brackets where it is another."""
    words = {name: str(getattr(row.case, name)) for name in _WORDS}
    if row.figures is not None:
        words["precision"] = _both(row.case.precision, row.figures.precision)
        words["device"] = _both(row.case.device, row.figures.device)
    return words


def left_out(run: BenchmarkRun) -> list[tuple[str, str]]:
    """Return the cases without figures, or without errors where there is a dataset, each with its reason."""
    found = []
    for row in run.rows:
        if row.figures is None:
            found.append((row.case.title, row.reason))
        elif row.no_quality:
            found.append((row.case.title, f"no errors: {row.no_quality}"))
    return found


def notes(run: BenchmarkRun) -> list[tuple[str, str]]:
    """Return what is to be known of cases that were measured, or were to be."""
    found = []
    for row in run.rows:
        found += [(row.case.title, note) for note in row.notes]
        base = run.made_of(row)
        if base is not None and row.figures is not None:
            found.append(
                (row.case.title, f"speed relative to {base.case.precision}: {_compared(run.speed(row, base))}")
            )
    return found


def milliseconds(value: float | None) -> str:
    """Return milliseconds with three digits, or more where they are many."""
    if value is None:
        return _MISSING
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def megabytes(count: int | None) -> str:
    """Return a number of bytes in megabytes."""
    if count is None:
        return _MISSING
    size = count / _MB
    return f"{size:.0f}" if size >= 10 else f"{size:.1f}"


def write_csv(file: TextIO, runs: Sequence[BenchmarkRun]) -> None:
    """Write a line for each row of all runs, numbers in full, and empty cells where nothing is known.

    Times are in milliseconds, sizes in bytes; ``speed`` is relative to the first row of its run. Text that a
    spreadsheet would take for a formula gets ``'`` in front.
    """
    metrics = list(dict.fromkeys(chain.from_iterable(run.metrics for run in runs)))
    writer = csv.writer(file, lineterminator="\n")
    figures = ("runs", "median_ms", "p90_ms", "p99_ms", "fps", "cpu_ms", "first_ms", "load_ms", "warm_load_ms")
    sizes = ("peak_memory", "disk")
    columns = ("processor", NODE, "finished", "model", *_WORDS, "runs_on", "runs_in", *figures, *sizes)
    speeds = ("speed", "speed_low", "speed_high")
    writer.writerow(map(spreadsheet_cell, (*columns, *speeds, *metrics, "reason")))
    for run in runs:
        for row in run.rows:
            start = [run.machine.get("processor", ""), run.machine.get(NODE, ""), run.finished, row.case.model]
            start += [getattr(row.case, name) for name in _WORDS]
            numbers = _numbers(run, row, (*figures, *sizes))
            errors = [row.quality.get(name) for name in metrics]
            line = [*start, *numbers, *errors, row.reason or row.no_quality]
            writer.writerow(["" if each is None else spreadsheet_cell(str(each)) for each in line])


def _numbers(run: BenchmarkRun, row: Row, names: Sequence[str]) -> list[object]:
    figures: Figures | None = row.figures
    if figures is None:
        return [None] * (len(names) + 5)
    found = run.speed(row)
    speeds = [None if math.isnan(each) else each for each in (found.median, found.low, found.high)]
    values = [getattr(figures, name) for name in names]
    return [figures.device, figures.precision, *values, *speeds]


def write_markdown(file: TextIO, runs: Sequence[BenchmarkRun]) -> None:
    """Write runs as a document: a table for each, and where its figures come from."""
    file.write("# Performance\n\nWhat the models in these tables cost, measured by `omz_benchmark`. ")
    file.write(f"{NOTES} Machines differ, so ratios say more than times; measure yours with the command below.\n")
    for run in runs:
        file.write("\n".join(_markdown(run)))


def _markdown(run: BenchmarkRun) -> Iterator[str]:
    yield f"\n## {_inside(run.title or 'A machine')}\n"
    told = [f"{name} {run.machine[name]}" for name in _TOLD if run.machine.get(name)]
    told += [f"{name} {run.versions[name]}" for name in ("open-matting-zoo", "openvino") if name in run.versions]
    yield f"{_inside('; '.join(told))}.\n"
    if run.warning:
        yield f"Warning: {_inside(run.warning)}.\n"
    if run.command:
        yield f"```sh\n{shlex.join(run.command)}\n```\n"
    if run.dataset:
        yield f"Errors are on {_inside(run.dataset)}, {_inside(run.convention)}; lower is better.\n"
    if run.measured:
        names = headings(run)
        shared = common(run)
        if shared:
            yield f"All rows: {_inside(shared)}.\n"
        yield _line(("model", "case", *names))
        yield _line(["---", "---"] + ["---:"] * len(names))
        for row in run.measured:
            yield _line((row.case.model, case(run, row), *cells(run, row)))
    missing = left_out(run)
    if missing:
        count, known = (len({row.case.model for row in rows}) for rows in (run.measured, run.rows))
        yield f"\nMeasured: {count} of {known} models. Not measured:\n"
        yield _line(("case", "reason"))
        yield _line(("---", "---"))
        yield from map(_line, missing)
    for title, note in notes(run):
        yield f"\n{_inside(title)}: {_inside(note)}."
    yield ""


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(map(_inside, texts))} |"


def _inside(text: str) -> str:
    """Return text of others as Markdown that shows it."""
    for letter in "\\|`*_<[":
        text = text.replace(letter, f"\\{letter}" if letter != "<" else "&lt;")
    return " ".join(text.split())


def _both(asked: str, used: str) -> str:
    return asked if asked == used or not used else f"{asked} ({used})"


def _error(row: Row, metric: str) -> str:
    return f"{row.quality[metric]:.4g}" if metric in row.quality else _MISSING
