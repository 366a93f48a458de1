"""``omz_accuracy``: variants of a model on the same frames, and a verdict."""

from __future__ import annotations

import errno
import sys
import traceback
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omz.cli.cluster_flag import check_place, cluster_option
from omz.cli.command import omz_command
from omz.cli.printing import say
from omz.cli.role_flags import role_flags
from omz.cli.selection import fetching_options, models_dir_option
from omz.errors import OmzError, UsageError, os_reason

if TYPE_CHECKING:
    from omz.accuracy.request import EvaluationRequest

_PATH = click.Path(path_type=Path)
_WAYS = ("--cluster", "--timeout")


@omz_command()
@click.option("--name", help="The model's name.")
@models_dir_option
@click.option("-d", "--download_dir", type=_PATH, metavar="DIR", help="Folder of downloaded models; default: OMZ_HOME.")
@fetching_options
@click.option("--model_dir", type=_PATH, help="Where omz_converter wrote the IRs; default: convert.")
@click.option(
    "--models",
    metavar="VARIANT,...",
    help="Variants or files, +default or +best: as omz_demo runs them; the first judges. Default: original,FP32,FP16.",
)
@click.option(
    "--input_dir", type=_PATH, multiple=True, metavar="DIR", help="Finished mattes of any tool, to be scored."
)
@click.option("--dataset", type=_PATH, metavar="DIR", help="Frames with their truth; default: synthetic ones.")
@click.option("--layout", help="Layout of the dataset; default: detect it.")
@click.option(
    "--backgrounds",
    type=_PATH,
    metavar="DIR",
    help="Backgrounds for datasets without images.",
)
@click.option("--seed", type=int, help="Seed of the choice of backgrounds.")
@click.option("--allow_missing", is_flag=True, help="Leave out frames with missing files.")
@click.option("--check_dataset", is_flag=True, help="List all problems of the dataset, and stop.")
@click.option(
    "--num_frames", type=click.IntRange(1), help="Number of frames, from the first; 20 of the synthetic ones."
)
@click.option("--size", help="Size of synthetic frames, width x height; default: 1280x720.")
@click.option("--convention", help="Convention of the metrics: omz (the default), dim, rvm_lr, rvm_hr, shm, parts.")
@click.option(
    "--region",
    type=click.Choice(["whole", "unknown", "edge"]),
    help="Pixels to score; default: the convention's.",
)
@click.option(
    "--levels",
    type=click.Choice(["none", "truncate", "round"]),
    help="Rounding of alpha; default: the convention's.",
)
@click.option(
    "--threshold", "thresholds", multiple=True, metavar="MAD=0.1|MAD=1%", help="Allowed increase of a figure."
)
@click.option("--device", default="CPU", show_default=True, help="OpenVINO device of the IRs.")
@click.option(
    "--precision", type=click.Choice(["f32", "f16", "bf16", "default"]), default="f32", show_default=True,
    help="Precision of execution of the IRs; default: what the device prefers.",
)  # fmt: skip
@role_flags
@click.option(
    "--calibration", type=_PATH, metavar="PATH",
    help="Folder, video or image to make INT8 IRs on; default: take those of omz_quantizer, or use synthetic scenes.",
)  # fmt: skip
@click.option("--trust_code", is_flag=True, help="Run code that comes with cards and weights.")
@click.option("-c", "--config", type=_PATH, metavar="FILE|card", help="Score as an accuracy-check.yml says.")
@click.option("-s", "--source", type=_PATH, metavar="DIR", help="Folder with the datasets of --config.")
@click.option("--definitions", type=_PATH, metavar="FILE", help="Definitions of the datasets of --config.")
@click.option("--update_references", metavar="VARIANT", help="Write its figures into --config, as references.")
@click.option("--locate", is_flag=True, help="Name the layers where the IRs leave their source.")
@click.option("--report", type=_PATH, metavar="DIR", help="Write a page and tables to this folder.")
@click.option("--resume", is_flag=True, help="Continue a run with the same --report that was killed.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Threads that read and score.")
@cluster_option("Score on all machines")
@click.option("--timeout", type=click.FloatRange(min=0.1), metavar="SECONDS",
              help="With --cluster: most seconds for a frame, or a clip of a recurrent model.")  # fmt: skip
def main(check_dataset: bool, **flags: Any) -> None:
    """Compare variants of a model on the same frames, and give a verdict.

    Exit codes: 0 all of them do what the first does, 1 one does not, or Ray is missing, 2 nothing can be said.
    """
    if check_dataset:
        _check_dataset(flags["dataset"], flags["layout"], flags["backgrounds"], flags["allow_missing"])
        return
    check_place(flags["cluster"])  # here, where a missing Ray is 1, as in all commands
    try:
        passed = _run(flags)
    except OmzError as error:
        raise UsageError(str(error)) from error  # whatever the reason, there is no verdict
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output has gone
            raise
        where = error.filename or flags["report"] or "a file"
        hint = "check its permissions"
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            hint = "free the disk"
        raise UsageError(f"{where} cannot be used: {os_reason(error)}; {hint}, or name another") from error
    except Exception:
        traceback.print_exc()
        raise click.exceptions.Exit(2) from None  # 1 would say that a gate failed
    if not passed:
        raise click.exceptions.Exit(1)


def _run(flags: dict[str, Any]) -> bool:
    from omz.accuracy.request import EvaluationRequest
    from omz.accuracy.run import finish, run
    from omz.accuracy.setup import set_up
    from omz.cli.accuracy_display import AccuracyDisplay, show, show_located
    from omz.cli.tables import terminal
    from omz.malloc import keep_freed_memory

    keep_freed_memory()  # before there are threads, which would have heaps of their own
    request = EvaluationRequest(**flags, command=("omz_accuracy", *without_ways(sys.argv[1:])))
    console, passed = terminal(), True
    _ask_for_license(request)
    for setup in set_up(request, AccuracyDisplay(console)):
        if request.locate:
            from omz.accuracy.locate_report import check_locatable

            check_locatable(setup)
        with AccuracyDisplay(console) as display:
            evaluation = run(setup, display)
        show(console, evaluation)
        finish(setup, evaluation)
        if request.locate:
            show_located(console, setup, evaluation)
        passed = passed and evaluation.passed
    return passed


def without_ways(arguments: list[str]) -> list[str]:
    """Return arguments without those that tell how a run came to its end, and change nothing in its report."""
    kept = list[str]()
    for before, argument in pairwise(["", *arguments]):
        if before in _WAYS or argument == "--resume" or argument.partition("=")[0] in _WAYS:
            continue
        kept.append(argument)
    return kept


def _ask_for_license(request: EvaluationRequest) -> None:
    """Ask for the licence of a model that is about to be downloaded, unless the flags accept it."""
    from omz.cli.licenses import ask_for_license
    from omz.models.choice import ModelChoice

    if not request.name:
        return
    card = ModelChoice(request.name, request.models_dir, request.download_dir, request.offline).to_accept()
    if card is not None and card.name not in request.accept_license:
        ask_for_license(card)


def _check_dataset(folder: Path | None, layout: str | None, backgrounds: Path | None, allow_missing: bool) -> None:
    """Print a line for each problem of a dataset; errors exit with 1."""
    from omz.accuracy.datasets.folder import check_dataset

    if folder is None:
        raise UsageError("--check_dataset needs --dataset DIR")
    try:
        problems = check_dataset(folder, layout or "auto", backgrounds, allow_missing)
    except OmzError as error:
        raise UsageError(str(error)) from error
    for problem in problems:
        say(f"{problem.severity}: {problem}")
    errors = sum(problem.severity == "error" for problem in problems)
    say(f"{errors} errors, {len(problems) - errors} remarks")
    if errors:
        raise click.exceptions.Exit(1)


if __name__ == "__main__":
    main()
