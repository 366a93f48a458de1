"""``omz_converter``: convert models of the zoo to OpenVINO IR."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError, ConversionError, UsageError

if TYPE_CHECKING:
    from omz.cli.display import Display
    from omz.convert.plan import ConversionPlan, ConversionSettings

_PATH = click.Path(path_type=Path)


def _read_jobs(ctx: click.Context, param: click.Parameter, value: str) -> int:
    if value == "auto":
        return os.cpu_count() or 1
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter("must be a positive integer or auto")
    return int(value)


def _find_python(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if not value:
        return value
    found = shutil.which(value)
    if found is None:
        raise ConversionError(f"--python: there is no program {value}; check its name")
    return found


@omz_command()
@selection_options
@click.option("-d", "--download_dir", type=_PATH, default=".", metavar="DIR",
              help="Folder with downloaded models; default: current folder.")  # fmt: skip
@click.option("-o", "--output_dir", type=_PATH, metavar="DIR", help="Folder for the IRs; default: that of -d.")
@click.option("--precisions", metavar="PREC[,PREC...]", help="Precisions of stored weights; default: FP16,FP32.")
@click.option("--shape", default="", metavar="NAME[N,...],...", help="Shapes of inputs; -1 keeps a side dynamic.")
@click.option("--input_type", type=click.Choice(["u8"]), help="Type of input images: u8 takes bytes, 0 to 255.")
@click.option("--input_layout", type=click.Choice(["NHWC", "NCHW"]), help="Layout of input images.")
@click.option("--add_mo_arg", "--add-mo-arg", "extra", multiple=True, metavar="ARG", help="Override a card's argument.")
@click.option("--check", type=click.Choice(["none", "fast", "full"]), default="fast", show_default=True,
              help="How thoroughly to compare each IR with its source.")  # fmt: skip
@click.option("--trust_code", is_flag=True, help="Run code that comes with cards and weights.")
@click.option("--mo", type=_PATH, metavar="MO", help="Convert with this Model Optimizer.")
@click.option("-p", "--python", callback=_find_python, metavar="PYTHON", help="Python for --mo and scripts of cards.")
@click.option("--force", is_flag=True, help="Convert even what is up to date.")
@click.option("--dry_run", "--dry-run", is_flag=True, help="Print what would be done, and exit.")
@click.option("--progress_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-j", "--jobs", default="1", show_default=True, callback=_read_jobs, help="Models at a time, or auto.")
def main(
    selection: Selection,
    download_dir: Path,
    output_dir: Path | None,
    force: bool,
    dry_run: bool,
    progress_format: str,
    jobs: int,
    **flags: Any,
) -> None:
    """Convert models of the zoo to OpenVINO IR, with colour order, mean and scale built in.

    IRs are saved as OUTPUT_DIR/public/NAME/PRECISION/NAME.xml, with weights and a manifest, once their results match
    those of the source. IRs that are up to date are kept. If a model fails, the others are still converted; the failed
    ones are listed at the end, and the exit code is 1.
    """
    from omz.cli.conversion_display import ConversionDisplay
    from omz.cli.display import JsonDisplay, end
    from omz.convert.events import planned
    from omz.convert.jobs import convert_all

    settings = _settings(flags)
    display: Display = JsonDisplay() if progress_format == "json" else ConversionDisplay()
    plans, failures = _plan(selection, download_dir, output_dir or download_dir, settings, display)
    if dry_run:
        for _, plan in plans:
            display.show(planned(plan))
        end(display, failures)
        return
    outcomes = convert_all([plan for _, plan in plans], jobs, force, display.show)
    for (name, _), outcome in zip(plans, outcomes, strict=True):
        for event in outcome.events:
            display.show(event)
        if outcome.problem is not None:
            failures.setdefault(name, []).append(outcome.problem)
    end(display, failures)


def _settings(flags: dict[str, Any]) -> ConversionSettings:
    from omz.convert.plan import PRECISIONS, ConversionSettings
    from omz.zoo.optimizer_arguments import parse_shapes
    from omz.zoo.vocabulary import parse_precisions

    if flags["mo"] and (flags["input_type"] or flags["input_layout"]):
        raise UsageError("--input_type and --input_layout do not work with --mo; omit them")
    if flags["mo"] and not flags["mo"].is_file():
        raise ConversionError(f"--mo {flags['mo']} is not a file; check the path")
    return ConversionSettings(
        precisions=parse_precisions(flags["precisions"], PRECISIONS),
        extra=flags["extra"],
        shapes=parse_shapes(flags["shape"]) if flags["shape"] else {},
        picture_type=flags["input_type"] or "",
        picture_layout=flags["input_layout"] or "",
        check=flags["check"],
        trust_code=flags["trust_code"],
        optimizer_program=_program(flags["mo"], flags["python"]),
        python=flags["python"] or "",
    )


def _program(mo: Path | None, python: str | None) -> tuple[str, ...]:
    """Return the command that runs a Model Optimizer: the file itself if it is executable, else by ``python``."""
    if mo is None:
        return ()
    if python is None and os.access(mo, os.X_OK):
        return (str(mo.absolute()),)
    return (python or sys.executable, "--", str(mo.absolute()))


def _plan(
    selection: Selection, download_dir: Path, output_dir: Path, settings: ConversionSettings, display: Display
) -> tuple[list[tuple[str, ConversionPlan]], dict[str, list[str]]]:
    """Return the plans, and why there is none for a model; both by the names on the command line."""
    from omz.convert.events import ConversionEnd
    from omz.convert.plan import plan_conversion
    from omz.events import ModelSkipped

    plans: list[tuple[str, ConversionPlan]] = []
    failures: dict[str, list[str]] = {}

    def fail(name: str, model: str, error: CardError) -> None:
        failures.setdefault(name, []).append(str(error))
        display.show(ConversionEnd(model, False, str(error)))

    for name, card in selection.cards():
        if isinstance(card, CardError):
            fail(name, name, card)
            continue
        for model in card.models:
            if model.framework == "dldt":
                display.show(ModelSkipped(model.name, "it is already an IR"))
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
                display.show(ModelSkipped(model.name, f"it cannot be converted to {wanted}"))
    return plans, failures


if __name__ == "__main__":
    main()
