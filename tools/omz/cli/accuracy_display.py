"""Tables, verdict and progress of ``omz_accuracy`` on the console."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

from omz.accuracy.agreement import Agreement
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report import rows
from omz.accuracy.request import EvaluationObserver
from omz.accuracy.setup import EvaluationSetup
from omz.accuracy.summary import ModelSummary, caveat
from omz.cli.conversion_display import ConversionDisplay
from omz.cli.printing import say
from omz.cli.tables import LateBar, Table, cell, say_on
from omz.events import Event

_MOST_REMARKS = 10  # lines


class AccuracyDisplay(EvaluationObserver):
    """Display of one run: conversions on standard error, and a bar while frames are scored."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._conversions = ConversionDisplay(err=True)
        self._bar = LateBar(console, *columns)

    def __enter__(self) -> AccuracyDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def on_event(self, event: Event) -> None:
        """Print a step of a conversion."""
        self._conversions.show(event)

    def on_progress(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.move("frames", done, total)

    def on_warning(self, line: str) -> None:
        """Print a line on standard error."""
        say(f"warning: {line}", err=True)


def show(console: Console, evaluation: Evaluation) -> None:
    """Print the figures of all models side by side, those beside references, and the verdict."""
    console.print(_scores(evaluation))
    if any(evaluation.agreements.values()):
        console.print(_agreements(evaluation))
    for lines in (_origins, _references, _remarks, _problems, _verdict):
        for line in lines(evaluation):
            say_on(console, line)


def show_located(console: Console, setup: EvaluationSetup, evaluation: Evaluation) -> None:
    """Print for each IR the first layers whose outputs differ from the source's."""
    from omz.accuracy.locate_report import locate_all
    from omz.convert.locate.layers import describe, title

    for label, located in locate_all(setup, evaluation):
        for line in (label, *map("  {}".format, describe(located))):
            say_on(console, line)
        if not located.first:
            continue
        table = Table("layer", "shape", "error", "its own", "largest", title="The first layer that differs")
        for layer in located.notable(10):
            own = "-"
            if layer.own:
                own = f"{layer.own.error:.2e}"
            shape = "x".join(map(str, layer.shape))
            table.row(title(layer), shape, f"{layer.seen.error:.2e}", own, f"{layer.seen.largest:.2e}")
        console.print(table)


def _scores(evaluation: Evaluation) -> Table:
    table = Table(title=evaluation.title, caption=_caption(evaluation))
    table.add_column("lower is better")
    layers, ends = [], []
    for label, info in evaluation.models.items():
        told = ", ".join(part for part in (info.framework, info.device, info.precision) if part != "-")
        table.add_column(cell(f"{label}\n{told}"), justify="right", overflow="fold")
        layers.append(info.layers.replace(", ", "\n") or "-")
        ends.append(_ends(evaluation.summaries[label]))
    for heading, scores in rows.score_rows(evaluation):
        table.row(heading, *map(_cell, scores))
    table.row("inference, median (p90) ms", *map(_time, rows.speed_rows(evaluation)))
    table.row("layers, as the device tells", *layers)
    table.row("alpha from, to", *ends)
    return table


def _caption(evaluation: Evaluation) -> str:
    text = evaluation.convention.described
    intervals = rows.intervals(evaluation)
    if intervals:
        text += "; below: the difference from the first model"
    if rows.has_ranges(evaluation):
        text += ", in brackets its 95 % range"
    return "; ".join(filter(None, (text, caveat(intervals))))


def _agreements(evaluation: Evaluation) -> Table:
    table = Table(title="Outputs side by side, as the networks give them")
    table.add_column("cause", overflow="fold")
    table.add_column("output", overflow="fold")
    for column in ("largest", "mean", "99.9 %", "PSNR dB", "> 1/255"):
        table.add_column(column, justify="right", overflow="fold")
    for row in rows.agreement_rows(evaluation):
        for name, each in row.outputs.items():
            largest, mean, p99_9 = f"{each.largest:.2e}", f"{each.mean:.2e}", f"{each.p99_9:.2e}"
            share = f"{each.beyond_a_level:.3%}"
            table.row(row.cause, name, largest, mean, p99_9, _psnr(each), share)
    return table


def _psnr(agreement: Agreement) -> str:
    if agreement.exact:
        return "identical"
    if agreement.psnr is None:
        return "-"
    return f"{agreement.psnr:.1f}"


def _origins(evaluation: Evaluation) -> Iterator[str]:
    """Tell which IRs in 8 bits were scored."""
    for label, origin in evaluation.provenance.origins.items():
        yield f"{label} is {evaluation.provenance.models[label][0].path}, {origin}"


def _references(evaluation: Evaluation) -> Iterator[str]:
    for row in rows.reference_rows(evaluation):
        reference = row.reference
        judged = "no threshold"
        if reference.tolerance is not None:
            judged = f"within {reference.tolerance:g}"
        figures = ", ".join(f"{label} {_figure(value)}" for label, value in row.figures.items())
        yield f"reference {reference.name} {reference.value:g} ({judged}): {figures}"


def _problems(evaluation: Evaluation) -> Iterator[str]:
    for row in rows.problem_rows(evaluation):
        yield ": ".join(filter(None, (row.name, row.label, row.problem)))


def _remarks(evaluation: Evaluation) -> Iterator[str]:
    found = rows.remark_rows(evaluation)
    yield from map("remark: {}".format, found[:_MOST_REMARKS])
    if len(found) > _MOST_REMARKS:
        yield f"remark: there are {len(found) - _MOST_REMARKS} more; --check_dataset and the --report have all"


def _verdict(evaluation: Evaluation) -> Iterator[str]:
    for gate in evaluation.failed:
        yield f"FAIL {gate.label}: {gate.what} {gate.value:.4g}, allowed {gate.limit:.4g}"
    if evaluation.failed:
        yield f"FAILED: {len(evaluation.failed)} of {len(evaluation.gates)} gates"
    else:
        yield f"PASSED: {len(evaluation.gates)} gates"


def _cell(score: rows.Score) -> str:
    if score.value is None:
        return "-"
    text = _figure(score.value)
    difference = score.difference
    if difference is not None:
        text += f"\n{_signed(difference.difference)}"
        if difference.has_ends:
            text += f"\n[{_signed(difference.low)}, {_signed(difference.high)}]"
    return text


def _figure(value: float) -> str:
    """Return at least six digits, zeros at the end too."""
    return f"{value:#.6g}" if abs(value) < 10 else f"{value:.4f}"


def _signed(value: float) -> str:
    return f"{value:+.3g}" if value else "0"


def _ends(summary: ModelSummary) -> str:
    return "-" if math.isnan(summary.lowest) else f"{summary.lowest:.3f}, {summary.highest:.3f}"


def _time(speed: rows.Speed) -> str:
    if speed.median is None or speed.p90 is None:
        return "-"
    return f"{speed.median:.1f} ({speed.p90:.1f})"
