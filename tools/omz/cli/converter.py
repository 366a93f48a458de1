"""``omz_converter``: cards to IRs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError, UsageError

if TYPE_CHECKING:
    from omz.cli.display import Display
    from omz.convert.plan import Check, ConversionPlan, Settings

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
    from omz.cli.conversion_jobs import convert_all
    from omz.cli.display import JsonDisplay
    from omz.convert.events import planned
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
            display.show(planned(plan))
    else:
        outcomes = convert_all([plan for _, plan in plans], jobs, force, display.show)
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


if __name__ == "__main__":
    main()
