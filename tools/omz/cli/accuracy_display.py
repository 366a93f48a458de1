"""What ``omz_accuracy`` shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from omz.accuracy.comparison import FrameResult
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.figures import figure_names, heading
from omz.accuracy.summary import Interval, ModelSummary, caveat
from omz.accuracy.verdict import Gate, reference_figures


def show(console: Console, evaluation: Evaluation) -> None:
    """Print what a model did, form beside form and beside references from elsewhere, and the verdict."""
    console.print(_scores(evaluation))
    if evaluation.agreements:
        console.print(_agreements(evaluation))
    for line in (*_beside(evaluation), *_problems(evaluation.results), *_verdict(evaluation.gates)):
        console.print(Text(line), soft_wrap=True)  # a line of a file stays one


def _scores(evaluation: Evaluation) -> Table:
    """Return a row a figure and a column a model."""
    table = Table(title=Text(evaluation.title), caption=Text(_caption(evaluation)), caption_justify="left")
    table.add_column("lower is better")
    for label, info in evaluation.models.items():
        told = ", ".join(part for part in (info.framework, info.device, info.precision) if part != "-")
        table.add_column(Text(f"{label}\n{told}"), justify="right", overflow="fold")
    summaries = evaluation.summaries
    for name in figure_names(evaluation):
        cells = [
            _cell(each, evaluation.differences.get(label, {}).get(name), name) for label, each in summaries.items()
        ]
        table.add_row(heading(evaluation, name), *cells)
    table.add_row("inference, median (p90) ms", *map(_time, summaries.values()))
    table.add_row(
        "layers, as the device tells", *(info.layers.replace(", ", "\n") or "-" for info in evaluation.models.values())
    )
    table.add_row("alpha from, to", *map(_ends, summaries.values()))
    return table


def _caption(evaluation: Evaluation) -> str:
    """Return what the figures are, and what stands below them."""
    intervals = [interval for figures in evaluation.differences.values() for interval in figures.values()]
    parts = [evaluation.convention.described]
    if intervals:
        brackets = ", in brackets its 95 % range" if any(each.has_ends for each in intervals) else ""
        parts.append(f"below: the difference from the first model{brackets}")
    return "; ".join(part for part in (*parts, caveat(intervals)) if part)


def _agreements(evaluation: Evaluation) -> Table:
    """Return a row an output of each comparison, by what it shows."""
    table = Table(title="Outputs side by side, as the networks give them")
    for column in ("cause", "output", "largest", "mean", "99.9 %", "PSNR dB", "> 1/255"):
        table.add_column(column, justify="left" if column in ("cause", "output") else "right", overflow="fold")
    for pair, outputs in evaluation.agreements.items():
        for name, each in outputs.items():
            psnr = "identical" if each.exact else "-" if each.psnr is None else f"{each.psnr:.1f}"
            numbers = (f"{value:.2e}" for value in (each.largest, each.mean, each.p99_9))
            cause = Text(evaluation.causes[pair])
            table.add_row(cause, Text(name), *numbers, psnr, f"{each.beyond_a_level:.3%}")
    return table


def _beside(evaluation: Evaluation) -> Iterator[str]:
    """Yield a line for each reference, with what the models gave, and by how much they may differ."""
    for reference in evaluation.references:
        figures = ", ".join(
            f"{label} {_figure(reference_figures([reference], label, summary, evaluation.results)[reference.name])}"
            for label, summary in evaluation.summaries.items()
        )
        judged = "no threshold" if reference.tolerance is None else f"within {reference.tolerance:g}"
        yield f"reference {reference.name} {reference.value:g} ({judged}): {figures}"


def _problems(results: Iterable[FrameResult]) -> Iterator[str]:
    """Yield a line for each frame that could not be read, and for each that a model has no figures of."""
    for result in results:
        if result.problem:
            yield f"{result.name}: {result.problem}"
        for label, frame in result.models.items():
            if frame.problem:
                yield f"{result.name}: {label}: {frame.problem}"


def _verdict(gates: Sequence[Gate]) -> Iterator[str]:
    """Yield a line for each gate that does not hold, and one that tells whether all hold."""
    for gate in gates:
        if not gate.passed:
            yield f"FAIL {gate.label}: {gate.what} {gate.value:.4g}, allowed {gate.limit:.4g}"
    failed = sum(not gate.passed for gate in gates)
    yield f"FAILED: {failed} of {len(gates)} gates" if failed else f"PASSED: {len(gates)} gates"


def _cell(summary: ModelSummary, difference: Interval | None, name: str) -> str:
    if name not in summary.figures:
        return "-"
    told = _figure(summary.figures[name])
    if difference is None or math.isnan(difference.difference):
        return told
    ends = f"\n[{_signed(difference.low)}, {_signed(difference.high)}]" if difference.has_ends else ""
    return f"{told}\n{_signed(difference.difference)}{ends}"


def _figure(value: float) -> str:
    """Return at least six digits, zeros at the end too."""
    return f"{value:#.6g}" if abs(value) < 10 else f"{value:.4f}"


def _signed(value: float) -> str:
    return f"{value:+.3g}" if value else "0"


def _ends(summary: ModelSummary) -> str:
    return "-" if math.isnan(summary.lowest) else f"{summary.lowest:.3f}, {summary.highest:.3f}"


def _time(summary: ModelSummary) -> str:
    if summary.median_ms is None or summary.p90_ms is None:
        return "-"
    return f"{summary.median_ms:.1f} ({summary.p90_ms:.1f})"
