"""``omz_converter``: cards to IRs."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError, OmzError

if TYPE_CHECKING:
    from omz.convert.plan import ConversionPlan

_PATH = click.Path(path_type=Path)


def _read_jobs(ctx: click.Context, param: click.Parameter, value: str) -> int:
    if value == "auto":
        return os.cpu_count() or 1
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter("must be a positive integer or auto")
    return int(value)


@dataclass(frozen=True)
class _Outcome:
    """What came of one model: what was done, a line each, and why it failed, where it did."""

    lines: tuple[str, ...] = ()
    problem: str | None = None


@omz_command()
@selection_options
@click.option("-d", "--download_dir", type=_PATH, default=".", metavar="DIR", help="Where the downloaded models are.")
@click.option("-o", "--output_dir", type=_PATH, metavar="DIR", help="Where the IRs go; default: download_dir.")
@click.option("--precisions", metavar="PREC[,PREC...]", help="How weights are stored; default: FP16,FP32.")
@click.option("--add_mo_arg", "--add-mo-arg", "extra", multiple=True, metavar="ARG", help="After the card's; wins.")
@click.option("--force", is_flag=True, help="Convert again what is up to date.")
@click.option("--dry_run", "--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("-j", "--jobs", default="1", show_default=True, callback=_read_jobs, help="Models at a time, or auto.")
def main(
    selection: Selection,
    download_dir: Path,
    output_dir: Path | None,
    precisions: str | None,
    extra: tuple[str, ...],
    force: bool,
    dry_run: bool,
    jobs: int,
) -> None:
    """Convert models of the zoo to OpenVINO IR, colour order, mean and scale baked in.

    An IR lands in OUTPUT_DIR/public/NAME/PRECISION/NAME.xml, beside its weights and its manifest, NAME.json. What is
    up to date is kept. A model that cannot be converted does not stop the others; the exit code is 1 then, and its name
    and the reason are printed in the end.
    """
    from omz.zoo.vocabulary import parse_precisions

    wanted = parse_precisions(precisions)
    plans, failed = _plan(selection, download_dir, output_dir or download_dir, wanted, extra)
    if dry_run:
        for _, plan in plans:
            for precision in plan.precisions:
                click.echo(f"would write {plan.ir_path(precision)}")
    else:
        outcomes = _convert_all([plan for _, plan in plans], jobs, force)
        for (name, _), outcome in zip(plans, outcomes, strict=True):
            for line in outcome.lines:
                click.echo(line)
            if outcome.problem is not None:
                failed[name] = outcome.problem
    for problem in dict.fromkeys(failed.values()):
        click.echo(f"error: {problem}", err=True)
    if failed:
        click.echo("\n".join(["FAILED:", *failed]))
        raise click.exceptions.Exit(1)


def _plan(
    selection: Selection, download_dir: Path, output_dir: Path, precisions: frozenset[str], extra: tuple[str, ...]
) -> tuple[list[tuple[str, ConversionPlan]], dict[str, str]]:
    """Return what is to be done, and of which models that cannot be told, and why; by the names asked for."""
    from omz.convert.plan import plan_conversion

    plans, failed = [], {}
    for name, card in selection.cards():
        if isinstance(card, CardError):
            failed[name] = str(card)
            continue
        for model in card.models:
            if model.framework == "dldt":
                click.echo(f"{model.name}: skipped, for it is an IR already")
                continue
            try:
                plan = plan_conversion(model, download_dir, output_dir, precisions, extra)
            except CardError as error:
                failed[name] = str(error)
                continue
            if plan.precisions:
                plans.append((name, plan))
            else:
                click.echo(f"{model.name}: skipped, for it becomes none of {', '.join(sorted(precisions))}")
    return plans, failed


def _convert_all(plans: list[ConversionPlan], jobs: int, force: bool) -> Iterator[_Outcome]:
    """Convert in this process, or some at a time in processes of their own, and yield outcomes in order."""
    if jobs == 1 or len(plans) < 2:
        yield from (_convert(plan, force, click.echo) for plan in plans)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(plans)), context) as pool:
        futures = [pool.submit(_convert, plan, force) for plan in plans]
        for plan, future in zip(plans, futures, strict=True):
            try:
                yield future.result()
            except BrokenProcessPool:
                yield _Outcome(problem=f"{plan.card.name}: a conversion was killed; try -j 1")


def _convert(plan: ConversionPlan, force: bool, tell: Callable[[str], None] | None = None) -> _Outcome:
    """Convert one model; what is done goes to ``tell``, or into the outcome."""
    from omz.convert.converter import convert

    lines: list[str] = []
    say = tell or lines.append
    try:
        for path in convert(plan, lambda what: say(f"{plan.card.name}: {what}"), force).values():
            say(f"{plan.card.name}: {path}")
    except OmzError as error:
        return _Outcome(tuple(lines), str(error))
    return _Outcome(tuple(lines))


if __name__ == "__main__":
    main()
