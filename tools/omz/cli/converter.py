"""``omz_converter``: convert models of the zoo to OpenVINO IR."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from omz.cli.cluster_flag import check_place, cluster_option
from omz.cli.command import omz_command
from omz.cli.printing import say
from omz.cli.selection import Selection, fetching_options, selection_options
from omz.errors import CardError, ConversionError, UsageError
from omz.malloc import without_collection
from omz.process_copy import one_thread_for_numpy

if TYPE_CHECKING:
    from omz.cli.display import Display
    from omz.convert.jobs import ConversionMade, ConversionUnit
    from omz.convert.plan import ConversionPlan, ConversionSettings
    from omz.download.first_use import FetchOptions
    from omz.work.units import Executor

_Plans: TypeAlias = "list[tuple[str, ConversionPlan]]"
"""By the names on the command line."""
_PATH = click.Path(path_type=Path)


def _read_jobs(ctx: click.Context, param: click.Parameter, value: str) -> int:
    if value == "auto":
        return os.cpu_count() or 1
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter("must be a positive integer or auto")
    return int(value)


def _read_memory(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Return the bytes of ``6GB``, ``500MB`` or ``6.5GB``."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([MG])i?B?", value, re.IGNORECASE)
    if found is None or not float(found[1]):
        raise click.BadParameter("must be a size such as 6GB or 500MB")
    from omz.isolated import watches_memory

    if not watches_memory():
        raise click.BadParameter("this system does not tell how much memory a process needs; leave it out")
    return int(float(found[1]) * (1 << (20 if found[2] in "mM" else 30)))


def _find_python(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if not value:
        return value
    found = shutil.which(value)
    if found is None:
        raise ConversionError(f"--python: there is no program {value}; check its name")
    return found


@omz_command()
@selection_options
@click.option("-d", "--download_dir", type=_PATH, metavar="DIR",
              help="Folder of downloaded models; default: OMZ_HOME, see omz_demo doctor.")  # fmt: skip
@click.option("-o", "--output_dir", type=_PATH, metavar="DIR", help="Folder for the IRs; default: that of -d.")
@click.option("--precisions", metavar="PREC[,PREC...]", help="Precisions of stored weights; default: FP16,FP32.")
@click.option("--shape", default="", metavar="NAME[N,...],...", help="Shapes of inputs; -1 keeps a side dynamic.")
@click.option("--input_type", type=click.Choice(["u8"]), help="Type of input images: u8 takes bytes, 0 to 255.")
@click.option("--input_layout", type=click.Choice(["NHWC", "NCHW"]), help="Layout of input images.")
@click.option("--rewrite", type=click.Choice(["auto", "off"]), default="auto", show_default=True,
              help="Rewrite graphs that have a faster form, or keep all as published.")  # fmt: skip
@click.option("--selection_threshold", type=float, metavar="VALUE",
              help="Have a rewritten graph refine the blocks whose expected error is above VALUE, 0 to 1.")  # fmt: skip
@click.option("--add_mo_arg", "--add-mo-arg", "extra", multiple=True, metavar="ARG", help="Override a card's argument.")
@click.option("--check", type=click.Choice(["none", "fast", "full"]), default="fast", show_default=True,
              help="How thoroughly to compare each IR with its source.")  # fmt: skip
@fetching_options
@click.option("--trust_code", is_flag=True, help="Run code that comes with cards and weights.")
@click.option("--mo", type=_PATH, metavar="MO", help="Convert with this Model Optimizer.")
@click.option("-p", "--python", callback=_find_python, metavar="PYTHON", help="Python for --mo and scripts of cards.")
@click.option("--force", is_flag=True, help="Convert models again that are up to date.")
@click.option("--dry_run", "--dry-run", is_flag=True, help="Print what would be done, and exit.")
@click.option("--progress_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="Stop a model that takes longer; default: 3600.")  # fmt: skip
@click.option("--max_memory", callback=_read_memory, metavar="SIZE",
              help="Stop a model that needs more, such as 6GB; default: 4GB and 20 times its files.")  # fmt: skip
@click.option("-j", "--jobs", default="1", show_default=True, callback=_read_jobs, help="Models at a time, or auto.")
@cluster_option("Convert on all machines")
@without_collection()
def main(
    selection: Selection,
    download_dir: Path | None,
    output_dir: Path | None,
    offline: bool,
    accept_license: tuple[str, ...],
    force: bool,
    dry_run: bool,
    progress_format: str,
    jobs: int,
    cluster: str | None,
    timeout: float | None,
    max_memory: int | None,
    **flags: Any,
) -> None:
    """Convert models of the zoo to OpenVINO IR, with colour order, mean and scale built in.

    Files of models that are missing are downloaded first.
    IRs are saved as OUTPUT_DIR/public/NAME/PRECISION/NAME.xml, with weights and a manifest, once their results match
    those of the source. IRs that are up to date are kept. If a model fails, the others are still converted; the failed
    ones are listed at the end, and the exit code is 1.
    """
    from omz.cli.conversion_display import ConversionDisplay
    from omz.cli.display import JsonDisplay, end
    from omz.cli.licenses import ask_for_license
    from omz.convert.events import planned
    from omz.convert.jobs import Limits, LocalConversions, convert_all
    from omz.download.first_use import FetchOptions

    one_thread_for_numpy()
    settings = _settings(flags)
    if cluster is not None and jobs != 1:
        raise UsageError("--jobs is for this machine alone; leave it out with --cluster")
    check_place(cluster)
    display: Display = JsonDisplay() if progress_format == "json" else ConversionDisplay()
    plans, failures = _plan(selection, download_dir, output_dir, settings, display)
    if dry_run:
        for _, plan in plans:
            display.show(planned(plan))
        end(display, failures)
        return
    options = FetchOptions(offline, accept_license, selection.catalog.roots, ask_for_license)
    plans = _fetch(plans, options, display, failures)
    limits = Limits(memory=max_memory) if timeout is None else Limits(timeout, max_memory)
    todo = [plan for _, plan in plans]
    executor: AbstractContextManager[Executor[ConversionUnit, ConversionMade]]
    executor = nullcontext(LocalConversions(jobs, display.show, force, limits))
    if cluster is not None and todo:
        from omz.convert.cluster import open_cluster

        executor = open_cluster(cluster, todo, force, limits, _warn)
    with executor as conversions, closing(convert_all(todo, conversions)) as ended:
        _take(ended, plans, display, failures)
    end(display, failures)


def _take(ended: Iterable[ConversionMade], plans: _Plans, display: Display, failures: dict[str, list[str]]) -> None:
    """Show what has ``ended``, by its place in the ``plans``; add to the ``failures`` why it failed."""
    for made in ended:
        for event in made.events:
            display.show(event)
        if made.problem is not None:
            failures.setdefault(plans[made.place][0], []).append(made.problem)


def _warn(line: str) -> None:
    say(f"warning: {line}", err=True)


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
        rewrite=flags["rewrite"] == "auto",
        selection_threshold=flags["selection_threshold"],
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
    selection: Selection,
    download_dir: Path | None,
    output_dir: Path | None,
    settings: ConversionSettings,
    display: Display,
) -> tuple[_Plans, dict[str, list[str]]]:
    """Return the plans, and why there is none for a model; both by the names on the command line."""
    from omz.convert.events import ConversionEnd
    from omz.convert.plan import plan_conversion
    from omz.download.first_use import folder_of, writable_folder_of
    from omz.events import ModelSkipped

    plans: _Plans = []
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
                place = writable_folder_of if output_dir else folder_of  # IRs are not made to be removed
                downloads = place(model, download_dir)
                plan = plan_conversion(model, downloads, output_dir or downloads, settings)
            except CardError as error:
                fail(name, model.name, error)
                continue
            if plan.precisions:
                plans.append((name, plan))
            else:
                wanted = ", ".join(sorted(settings.precisions))
                display.show(ModelSkipped(model.name, f"it cannot be converted to {wanted}"))
    return plans, failures


def _fetch(
    plans: _Plans,
    options: FetchOptions,
    display: Display,
    failures: dict[str, list[str]],
) -> _Plans:
    """Download what the plans need; return those that have it, and add to ``failures`` why others do not."""
    from omz.convert.events import ConversionEnd
    from omz.convert.fetch import fetch_source
    from omz.errors import OmzError

    ready = []
    for name, plan in plans:
        try:
            fetch_source(plan, options, display.show)
        except OmzError as error:
            failures.setdefault(name, []).append(str(error))
            display.show(ConversionEnd(plan.card.name, False, str(error)))
        else:
            ready.append((name, plan))
    return ready


if __name__ == "__main__":
    main()
