"""``omz_converter``: cards to IRs."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError, OmzError, UsageError

if TYPE_CHECKING:
    from omz.cli.display import Display
    from omz.convert.events import ConversionPlanned
    from omz.convert.plan import Check, ConversionPlan, Settings
    from omz.events import Event, Report
    from omz.zoo.preprocessing import Preprocessing

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _read_jobs(ctx: click.Context, param: click.Parameter, value: str) -> int:
    if value == "auto":
        return os.cpu_count() or 1
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter("must be a positive integer or auto")
    return int(value)


def _find_python(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    found = shutil.which(value) if value else None
    if value and found is None:
        raise click.BadParameter(f"{value} is no program")
    return found


@dataclass(frozen=True)
class _Outcome:
    """What came of one model: the events that were not shown yet, and why it failed, where it did."""

    events: tuple[Event, ...] = ()
    problem: str | None = None


@omz_command()
@selection_options
@click.option("-d", "--download_dir", type=_PATH, default=".", metavar="DIR", help="Where the downloaded models are.")
@click.option("-o", "--output_dir", type=_PATH, metavar="DIR", help="Where the IRs go; default: download_dir.")
@click.option("--precisions", metavar="PREC[,PREC...]", help="How weights are stored; default: FP16,FP32.")
@click.option("--shape", default="", metavar="NAME[N,...],...", help="Shapes of inputs; -1 leaves a side open.")
@click.option("--input_type", type=click.Choice(["u8"]), help="Take pictures as the bytes of a camera or a file.")
@click.option("--input_layout", type=click.Choice(["NHWC", "NCHW"]), help="Take pictures in this order of dimensions.")
@click.option("--add_mo_arg", "--add-mo-arg", "extra", multiple=True, metavar="ARG", help="After the card's; wins.")
@click.option("--check", type=click.Choice(["none", "fast", "full"]), default="fast", show_default=True,
              help="How each IR is compared with its source.")  # fmt: skip
@click.option("--trust_code", is_flag=True, help="Run code that comes with cards and weights.")
@click.option("--mo", type=_FILE, metavar="MO", help="Let this Model Optimizer make the IRs.")
@click.option("-p", "--python", callback=_find_python, metavar="PYTHON", help="Runs --mo, and scripts of cards.")
@click.option("--force", is_flag=True, help="Convert again what is up to date.")
@click.option("--dry_run", "--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--progress_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-j", "--jobs", default="1", show_default=True, callback=_read_jobs, help="Models at a time, or auto.")
def main(
    selection: Selection,
    download_dir: Path,
    output_dir: Path | None,
    precisions: str | None,
    shape: str,
    input_type: str | None,
    input_layout: str | None,
    extra: tuple[str, ...],
    check: Check,
    trust_code: bool,
    mo: Path | None,
    python: str | None,
    force: bool,
    dry_run: bool,
    progress_format: str,
    jobs: int,
) -> None:
    """Convert models of the zoo to OpenVINO IR, colour order, mean and scale baked in.

    An IR lands in OUTPUT_DIR/public/NAME/PRECISION/NAME.xml, beside its weights and its manifest, NAME.json, once it
    gives what its source gives. What is up to date is kept. A model that cannot be converted does not stop the others;
    the exit code is 1 then, and its name and the reason are printed in the end.
    """
    from omz.cli.conversion_display import ConversionDisplay
    from omz.cli.display import JsonDisplay
    from omz.convert.plan import Settings
    from omz.zoo.optimizer_arguments import parse_shapes
    from omz.zoo.vocabulary import parse_precisions

    if mo and (input_type or input_layout):
        raise UsageError("--mo knows no --input_type and no --input_layout")
    settings = Settings(
        precisions=parse_precisions(precisions),
        extra=extra,
        shapes=parse_shapes(shape) if shape else {},
        picture_type=input_type or "",
        picture_layout=input_layout or "",
        check=check,
        trust_code=trust_code,
        optimizer_program=_program(mo, python) if mo else (),
        python=python or "",
    )
    display: Display = JsonDisplay() if progress_format == "json" else ConversionDisplay()
    plans, problems = _plan(selection, download_dir, output_dir or download_dir, settings, display)
    if dry_run:
        for _, plan in plans:
            display.show(_planned(plan))
    else:
        outcomes = _convert_all([plan for _, plan in plans], jobs, force, display.show)
        for (name, _), outcome in zip(plans, outcomes, strict=True):
            for event in outcome.events:
                display.show(event)
            if outcome.problem is not None:
                problems.append((name, outcome.problem))
    for problem in dict.fromkeys(problem for _, problem in problems):
        click.echo(f"error: {problem}", err=True)
    failed = list(dict.fromkeys(name for name, _ in problems))
    display.summary(failed)
    if failed:
        raise click.exceptions.Exit(1)


def _program(mo: Path, python: str | None) -> tuple[str, ...]:
    """Return the command that runs a Model Optimizer: by itself, where it can, or by ``python``."""
    if python is None and os.access(mo, os.X_OK):
        return (str(mo.absolute()),)
    return (python or sys.executable, "--", str(mo.absolute()))


def _plan(
    selection: Selection, download_dir: Path, output_dir: Path, settings: Settings, display: Display
) -> tuple[list[tuple[str, ConversionPlan]], list[tuple[str, str]]]:
    """Return what is to be done, and of which models that cannot be told, and why; by the names asked for."""
    from omz.convert.events import ConversionEnd
    from omz.convert.plan import plan_conversion
    from omz.events import ModelSkipped

    plans: list[tuple[str, ConversionPlan]] = []
    problems: list[tuple[str, str]] = []

    def fail(name: str, model: str, error: CardError) -> None:
        problems.append((name, str(error)))
        display.show(ConversionEnd(model, False, str(error)))

    for name, card in selection.cards():
        if isinstance(card, CardError):
            fail(name, name, card)
            continue
        for model in card.models:
            if model.framework == "dldt":
                display.show(ModelSkipped(model.name, "it is an IR already"))
                continue
            try:
                plan = plan_conversion(model, download_dir, output_dir, settings)
            except CardError as error:
                fail(name, model.name, error)
                continue
            if plan.precisions:
                plans.append((name, plan))
            else:
                wanted = ", ".join(sorted(settings.precisions))
                display.show(ModelSkipped(model.name, f"it becomes none of {wanted}"))
    return plans, problems


def _planned(plan: ConversionPlan) -> ConversionPlanned:
    """Return what a conversion would do."""
    from omz.convert.events import ConversionPlanned

    return ConversionPlanned(
        model=plan.card.name,
        runs=plan.foreign_code if plan.needs_trust else "",
        writes=(
            *([str(plan.onnx_file)] if plan.export else []),
            *(str(plan.ir_path(precision)) for precision in plan.precisions),
        ),
        inputs={f"{step.input_name} {step.layout}".strip(): _steps(step) for step in plan.preprocessing},
    )


def _steps(step: Preprocessing) -> tuple[str, ...]:
    """Return what is done to an input, in order."""
    return (
        *([f"{step.element_type} to f32"] if step.element_type else []),
        *(["BGR to RGB"] if step.reverse_channels else []),
        *([f"- {', '.join(f'{value:g}' for value in step.mean)}"] if step.mean else []),
        *([f"/ {', '.join(f'{value:g}' for value in step.scale)}"] if step.scale else []),
        *([f"{step.layout} to {step.original_layout}"] if step.original_layout else []),
    )


def _convert_all(plans: list[ConversionPlan], jobs: int, force: bool, show: Report) -> Iterator[_Outcome]:
    """Convert in this process, or some at a time in processes of their own, and yield outcomes in order.

    Code of a card gets a process to itself, whatever it does to that.
    """
    if jobs == 1 or len(plans) < 2:
        for plan in plans:
            yield _convert_apart(plan, force) if plan.needs_trust else _convert(plan, force, show)
        return
    threads, processes = ThreadPoolExecutor(min(jobs, len(plans))), _processes(min(jobs, len(plans)))

    def convert(plan: ConversionPlan) -> _Outcome:
        if plan.needs_trust:
            return _convert_apart(plan, force)
        return _outcome_of(processes.submit(_convert, plan, force), plan)

    try:
        yield from threads.map(convert, plans)
    except KeyboardInterrupt:
        threads.shutdown(wait=False, cancel_futures=True)
        processes.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()  # what it leaves is removed by the next
        raise
    processes.shutdown()
    threads.shutdown()


def _convert_apart(plan: ConversionPlan, force: bool) -> _Outcome:
    """Convert one model in a process of its own, whose output is no event of ours."""
    with _processes(1) as process:
        return _outcome_of(process.submit(_convert, plan.absolute(), force), plan)


def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_prepare_process)


def _outcome_of(future: Future[_Outcome], plan: ConversionPlan) -> _Outcome:
    from omz.convert.events import ConversionEnd

    try:
        return future.result()
    except BrokenProcessPool:
        problem = f"{plan.card.name}: its conversion was killed, or ended its process; memory may be short, try -j 1"
        return _Outcome((ConversionEnd(plan.card.name, False, problem),), problem)


def _prepare_process() -> None:
    """Leave Ctrl-C and standard output to the process that started this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _convert(plan: ConversionPlan, force: bool, show: Report | None = None) -> _Outcome:
    """Convert one model; what is done goes to ``show``, or into the outcome."""
    from omz.convert.converter import carry_out
    from omz.convert.events import ConversionBegin, ConversionEnd

    events: list[Event] = []
    tell: Callable[[Event], None] = show or events.append
    tell(ConversionBegin(plan.card.name, plan.precisions))
    problem = None
    try:
        carry_out(plan, tell, force)
    except OmzError as error:
        problem = str(error) if plan.card.name in str(error) else f"{plan.card.name}: {error}"
    except OSError:
        raise
    except (Exception, SystemExit) as error:  # a defect of ours must not keep the other models from being converted
        told = (str(error).strip() or "no reason told").splitlines()[0]
        problem = f"{plan.card.name}: unexpected {type(error).__name__}: {told}; please report it"
    tell(ConversionEnd(plan.card.name, problem is None, problem))
    return _Outcome(tuple(events), problem)


if __name__ == "__main__":
    main()
