"""The table of a run, in words: for the console, the page, Markdown and CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from omz.benchmark.results import BenchmarkRun, Figures, Row
from omz.text import spreadsheet_cell

_MB = 1e6
_MISSING = "-"
HEADINGS = (
    "model", "precision", "engine", "device", "size", "streams", "median ms", "p90", "p99", "images/s", "speed",
    "CPU ms", "first ms", "load ms", "cached", "memory MB", "disk MB",
)  # fmt: skip
WORDS = 6
"""The first columns, which are words; the others are numbers."""
NOTES = (
    "Latency is that of one image; speed is relative to the first row, with the range in which it lies with 95 % "
    "confidence; CPU is the time of all cores for an image. Load is from the file to the compiled model, and cached "
    "the same where OpenVINO's cache has it. Memory is the most that the process held, with all libraries."
)


@dataclass(frozen=True)
class Speed:
    """The speed of a row relative to the first, in words; ``verdict`` is faster, slower, or why it is neither."""

    ratio: str
    range: str
    verdict: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.ratio, self.range, self.verdict)))


def speed(run: BenchmarkRun, row: Row) -> Speed:
    """Return the speed of a measured row; a difference that noise explains is called so."""
    if row is run.first:
        return Speed("1", "", "the first")
    found = run.speed(row)
    if math.isnan(found.median):
        return Speed(_MISSING, "", "never in one round with the first")
    if not found.has_ends:
        return Speed(f"{found.median:.2f}", "", "too few rounds to tell")
    told = f"[{found.low:.2f}, {found.high:.2f}]"
    if not found.is_clear:
        return Speed(f"{found.median:.2f}", told, "no difference beyond noise")
    return Speed(f"{found.median:.2f}", told, "faster" if found.median > 1 else "slower")


def headings(run: BenchmarkRun) -> list[str]:
    """Return the headings of the columns; errors of the run come last."""
    return [*HEADINGS, *map(run.heading, run.metrics)]


def cells(run: BenchmarkRun, row: Row) -> list[str]:
    """Return the cells of a measured row."""
    figures, case = row.figures, row.case
    if figures is None:
        raise AssertionError("a row without figures has a reason, and no cells")
    return [
        case.model,
        _both(case.precision, figures.precision),
        case.engine,
        _both(case.device, figures.device),
        case.size or _MISSING,
        case.streams,
        *map(milliseconds, (figures.median_ms, figures.p90_ms, figures.p99_ms)),
        f"{figures.fps:.3g}",
        str(speed(run, row)),
        *map(milliseconds, (figures.cpu_ms, figures.first_ms, figures.load_ms, figures.warm_load_ms)),
        megabytes(figures.peak_memory),
        megabytes(figures.disk),
        *(_error(row, metric) for metric in run.metrics),
    ]


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
    return list(chain.from_iterable([(row.case.title, note) for note in row.notes] for row in run.rows))


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
    case = ("model", "precision", "engine", "device", "size", "streams")
    columns = ("processor", "finished", *case, "runs_on", "runs_in", *figures, *sizes, "speed", "speed_low")
    writer.writerow(map(spreadsheet_cell, (*columns, "speed_high", *metrics, "reason")))
    for run in runs:
        for row in run.rows:
            start = [run.machine.get("processor", ""), run.finished, *(getattr(row.case, name) for name in case)]
            numbers = _numbers(run, row, (*figures, *sizes))
            errors = [row.quality.get(name) for name in metrics]
            line = [*start, *numbers, *errors, row.reason or row.no_quality]
            writer.writerow(["" if each is None else spreadsheet_cell(str(each)) for each in line])


def _numbers(run: BenchmarkRun, row: Row, names: Sequence[str]) -> list[object]:
    figures: Figures | None = row.figures
    if figures is None:
        return [None] * (len(names) + 5)
    found = run.speed(row)
    ends = [found.low, found.high] if found.has_ends else [None, None]
    values = [getattr(figures, name) for name in names]
    return [figures.device, figures.precision, *values, found.median, *ends]


def write_markdown(file: TextIO, runs: Sequence[BenchmarkRun]) -> None:
    """Write runs as a document: a table for each, and where its figures come from."""
    file.write("# Performance\n\nWhat each model of the zoo costs, measured by `omz_benchmark`. ")
    file.write(f"{NOTES} Machines differ, so ratios say more than times; measure yours with the command below.\n")
    for run in runs:
        file.write("\n".join(_markdown(run)))


def _markdown(run: BenchmarkRun) -> Iterator[str]:
    yield f"\n## {_inside(run.machine.get('processor', 'A machine'))}\n"
    told = [f"{name} {value}" for name, value in run.machine.items() if name != "processor" and value]
    told += [f"{name} {run.versions[name]}" for name in ("open-matting-zoo", "openvino") if name in run.versions]
    yield f"{_inside('; '.join(told))}.\n"
    if run.command:
        yield f"```sh\n{' '.join(run.command)}\n```\n"
    if run.dataset:
        yield f"Errors are on {_inside(run.dataset)}, {_inside(run.convention)}; lower is better.\n"
    names = headings(run)
    yield _line(names)
    yield _line(["---"] * WORDS + ["---:"] * (len(names) - WORDS))
    for row in run.measured:
        yield _line(cells(run, row))
    missing = left_out(run)
    if missing:
        yield "\nNot measured:\n"
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
