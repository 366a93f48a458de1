"""``omz_accuracy``: a model's original and its IRs on the same frames, and a verdict."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omz.cli.command import omz_command
from omz.cli.selection import models_dir_option
from omz.errors import OmzError, UsageError

if TYPE_CHECKING:
    from omz.cli.accuracy_request import Request

_PATH = click.Path(path_type=Path)


@omz_command()
@click.option("--name", help="The model's name.")
@models_dir_option
@click.option("-d", "--download_dir", type=_PATH, default=".", help="Where the downloaded model is.")
@click.option("--model_dir", type=_PATH, help="Where omz_converter wrote the IRs; default: convert.")
@click.option("--models", metavar="FORM,FORM", help="Forms, or files; the first judges. Default: original,FP32,FP16.")
@click.option("--input_dir", type=_PATH, multiple=True, metavar="DIR", help="Score finished mattes of any tool, too.")
@click.option("--dataset", type=_PATH, metavar="DIR", help="Frames with the truth about them; default: synthetic ones.")
@click.option("--layout", help="How the folder is laid out; default: found out.")
@click.option("--backgrounds", type=_PATH, metavar="DIR", help="What foregrounds without pictures are placed before.")
@click.option("--seed", type=int, help="Which backgrounds.")
@click.option("--allow_missing", is_flag=True, help="Leave out frames that a file is missing for.")
@click.option("--check_dataset", is_flag=True, help="Name all that is wrong with the dataset, and stop.")
@click.option("--num_frames", type=click.IntRange(1), help="The first so many frames; 20 of the synthetic ones.")
@click.option("--size", help="That of synthetic frames, width x height; default: 1280x720.")
@click.option("--convention", help="Whose metrics: omz (the default), dim, rvm_lr, rvm_hr, shm.")
@click.option("--region", type=click.Choice(["whole", "unknown", "edge"]), help="Other pixels than the convention's.")
@click.option("--levels", type=click.Choice(["none", "truncate", "round"]), help="Another rounding of alpha to 8 bits.")
@click.option("--threshold", "thresholds", multiple=True, metavar="MAD=0.1|MAD=1%", help="How much higher is allowed.")
@click.option("--device", default="CPU", show_default=True, help="The OpenVINO device of the IRs.")
@click.option(
    "--precision", type=click.Choice(["f32", "f16", "bf16", "default"]), default="f32", show_default=True,
    help="Precision of execution of the IRs; default: what the device prefers.",
)  # fmt: skip
@click.option("--calibration", type=_PATH, metavar="DIR", help="Frames that FP16-INT8 is made on; default: synthetic.")
@click.option("--trust_code", is_flag=True, help="Run code that comes with cards and weights.")
@click.option("-c", "--config", type=_PATH, metavar="FILE|card", help="Score as an accuracy-check.yml says.")
@click.option("-s", "--source", type=_PATH, metavar="DIR", help="Where the datasets of --config are.")
@click.option("--definitions", type=_PATH, metavar="FILE", help="What --config leaves open of its datasets.")
@click.option("--update_references", metavar="FORM", help="Write that form's figures into --config, as references.")
@click.option("--locate", is_flag=True, help="Name the layers where the IRs leave their source.")
@click.option("--report", type=_PATH, metavar="DIR", help="Write a page, and tables, to look at and compute with.")
@click.option("--resume", is_flag=True, help="Go on where a run with the same --report was killed.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Threads that read and score.")
def main(check_dataset: bool, **flags: Any) -> None:
    """Compare a model's original with its IRs, on the same frames, and give a verdict.

    Exit codes: 0 the IRs do what the original does, 1 one does not, 2 that could not be told.
    """
    if check_dataset:
        _check_dataset(flags["dataset"], flags["layout"], flags["backgrounds"], flags["allow_missing"])
        return
    try:
        from omz.cli.accuracy_request import Request

        passed = _run(Request(**flags))
    except OmzError as error:
        raise UsageError(str(error)) from error  # nothing could be told, for whatever reason
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read our output has had enough
            raise
        where = error.filename or flags["report"] or "a file"
        hint = "free the disk" if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT) else "check its permissions"
        raise UsageError(f"{where} cannot be used: {error.strerror or error}; {hint}, or name another") from error
    except Exception:
        traceback.print_exc()
        raise click.exceptions.Exit(2) from None  # 1 would say that a gate failed
    if not passed:
        raise click.exceptions.Exit(1)


def _run(request: Request) -> bool:
    """Score all that was asked for, and tell whether all of it passed."""
    from rich.console import Console

    from omz.cli.accuracy_display import show
    from omz.cli.accuracy_run import finish, run
    from omz.cli.accuracy_subjects import subjects
    from omz.heap import keep_freed_memory

    keep_freed_memory()  # before there are threads, which would have heaps of their own
    console, passed = Console(), True
    for subject in subjects(request):
        if request.locate:
            from omz.cli.accuracy_locate import check_locatable, show_located

            check_locatable(request, subject.forms)
        evaluation = run(request, subject, console)
        show(console, evaluation)
        finish(request, evaluation, subject)
        if request.locate:
            show_located(console, request, subject, evaluation)
        passed = passed and evaluation.passed
    return passed


def _check_dataset(folder: Path | None, layout: str | None, backgrounds: Path | None, allow_missing: bool) -> None:
    """Print a line for whatever is wrong, or worth knowing; errors exit with 1."""
    from omz.accuracy.datasets.check import check_dataset

    if folder is None:
        raise UsageError("--check_dataset needs --dataset DIR")
    try:
        problems = check_dataset(folder, layout or "auto", backgrounds, allow_missing)
    except OmzError as error:
        raise UsageError(str(error)) from error
    for problem in problems:
        click.echo(f"{problem.severity}: {problem}")
    errors = sum(problem.severity == "error" for problem in problems)
    click.echo(f"{errors} errors, {len(problems) - errors} remarks")
    if errors:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
