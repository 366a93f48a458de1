"""What ``omz_accuracy`` shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult
from omz.accuracy.conventions import Convention
from omz.accuracy.summary import Interval, ModelSummary
from omz.accuracy.verdict import Gate
from omz.runtime.engine import EngineInfo


def show_scores(
    console: Console,
    title: str,
    convention: Convention,
    models: Mapping[str, EngineInfo],
    summaries: Mapping[str, ModelSummary],
    differences: Mapping[str, Mapping[str, Interval]],
) -> None:
    """Print a row a figure and a column a model; ``differences`` are from the first model, by label and figure."""
    table = Table(title=Text(title), caption=Text(_caption(convention)), caption_justify="left")
    table.add_column("lower is better")
    for label, info in models.items():
        table.add_column(f"{label}\n{info.framework}, {info.device}, {info.precision}", justify="right")
    units = {each.name: f"{each.name} {each.unit}".strip() for each in convention.measures}
    names = dict.fromkeys(name for each in summaries.values() for name in each.figures)
    for name in names:
        cells = [_figure(summaries[label], differences.get(label, {}).get(name), name) for label in models]
        table.add_row(units.get(name, name), *cells)
    table.add_row(
        "inference, median (p90) ms", *(f"{each.median_ms:.1f} ({each.p90_ms:.1f})" for each in summaries.values())
    )
    table.add_row("alpha from, to", *(f"{each.lowest:.3f}, {each.highest:.3f}" for each in summaries.values()))
    console.print(table)


def show_agreements(console: Console, compared: Mapping[str, Mapping[str, Agreement]]) -> None:
    """Print how far the outputs of models are apart: a row an output of each comparison, by what it shows."""
    table = Table(title="Outputs side by side, as the networks give them")
    for column in ("cause", "output", "largest", "mean", "99.9 %", "PSNR dB", "> 1/255"):
        table.add_column(column, justify="left" if column in ("cause", "output") else "right")
    for cause, outputs in compared.items():
        for name, each in outputs.items():
            psnr = "identical" if each.exact else "-" if each.psnr is None else f"{each.psnr:.1f}"
            numbers = (f"{value:.2e}" for value in (each.largest, each.mean, each.p99_9))
            table.add_row(Text(cause), Text(name), *numbers, psnr, f"{each.beyond_a_level:.3%}")
    console.print(table)


def show_unread(console: Console, results: Iterable[FrameResult]) -> None:
    """Print a line for each frame that could not be read, and for each that a model has no figures of."""
    for result in results:
        if result.problem:
            console.print(Text(f"{result.name}: {result.problem}"))
        for label, frame in result.models.items():
            if frame.problem:
                console.print(Text(f"{result.name}: {label}: {frame.problem}"))


def show_verdict(console: Console, gates: Sequence[Gate]) -> None:
    """Print a line a gate that does not hold, and whether all hold."""
    for gate in gates:
        if not gate.passed:
            console.print(Text(f"FAIL {gate.label}: {gate.what} {gate.value:.4g}, allowed {gate.limit:.4g}"))
    failed = sum(not gate.passed for gate in gates)
    console.print(Text(f"FAILED: {failed} of {len(gates)} gates" if failed else f"PASSED: {len(gates)} gates"))


def _figure(summary: ModelSummary, difference: Interval | None, name: str) -> str:
    if name not in summary.figures:
        return "-"
    told = f"{summary.figures[name]:.4f}"
    if difference is None:
        return told
    return f"{told}\n{difference.difference:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"


def _caption(convention: Convention) -> str:
    region = "the whole picture" if convention.region == "whole" else "the trimap's unknown region"
    return f"convention {convention.name}, {region}; brackets: 95 % of the difference from the first model"
