"""``omz_accuracy``: a model's original and its IRs on the same frames, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omz.cli.command import omz_command
from omz.cli.selection import models_dir_option
from omz.cli.sizes import parse_size
from omz.errors import OmzError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from omz.accuracy.comparison import FrameResult, Pair
    from omz.accuracy.conventions import Convention
    from omz.accuracy.datasets.sample import Dataset
    from omz.accuracy.verdict import Gate, Threshold
    from omz.runtime.matter import Matter
    from omz.zoo import ModelCard

_PATH = click.Path(path_type=Path)


@omz_command()
@click.option("--name", help="The model's name.")
@models_dir_option
@click.option("-d", "--download_dir", type=_PATH, default=".", help="Where the downloaded model is.")
@click.option("--model_dir", type=_PATH, help="Where omz_converter wrote the IRs; default: convert.")
@click.option("--models", default="original,FP32,FP16", show_default=True, help="The first judges the others.")
@click.option("--dataset", type=_PATH, metavar="DIR", help="Frames with the truth about them; default: synthetic ones.")
@click.option("--layout", default="auto", show_default=True, help="How the folder is laid out.")
@click.option("--backgrounds", type=_PATH, metavar="DIR", help="What foregrounds without pictures are placed before.")
@click.option("--seed", default=0, show_default=True, help="Which backgrounds.")
@click.option("--check_dataset", is_flag=True, help="Name all that is wrong with the dataset, and stop.")
@click.option("--num_scenes", type=click.IntRange(1), default=20, show_default=True, help="Synthetic scenes to run on.")
@click.option("--size", default="1280x720", show_default=True, help="Their size, width x height.")
@click.option("--convention", default="omz", show_default=True, help="Whose metrics: omz, dim, rvm_lr, rvm_hr, shm.")
@click.option("--threshold", "thresholds", multiple=True, metavar="MAD=0.1|MAD=1%", help="How much higher is allowed.")
@click.option("--device", default="CPU", show_default=True, help="The OpenVINO device of the IRs.")
@click.option(
    "--precision", type=click.Choice(["f32", "f16", "bf16", "default"]), default="f32", show_default=True,
    help="Precision of execution of the IRs; default: what the device prefers.",
)  # fmt: skip
def main(
    name: str | None,
    models_dir: tuple[Path, ...],
    download_dir: Path,
    model_dir: Path | None,
    models: str,
    dataset: Path | None,
    layout: str,
    backgrounds: Path | None,
    seed: int,
    check_dataset: bool,
    num_scenes: int,
    size: str,
    convention: str,
    thresholds: tuple[str, ...],
    device: str,
    precision: str,
) -> None:
    """Compare a model's original with its IRs, on the same frames, and give a verdict.

    Exit codes: 0 the IRs do what the original does, 1 one does not, 2 that could not be told.
    """
    if check_dataset:
        _check_dataset(dataset, layout, backgrounds)
        return
    if name is None:
        raise UsageError("give the --name of a model")
    from omz.accuracy.conventions import find_convention
    from omz.accuracy.verdict import parse_threshold
    from omz.zoo import Catalog

    try:
        metrics, limits = find_convention(convention), [parse_threshold(text) for text in thresholds]
        frames = _open(dataset, layout, backgrounds, seed) if dataset else _scenes(num_scenes, size)
        card = Catalog(*models_dir)[name]
        from omz.cli.accuracy_models import Places, load_models

        loaded = load_models(card, models.split(","), Places(download_dir, model_dir, device, precision))
        gates = _evaluate(card, loaded, frames, metrics, limits)
    except OmzError as error:
        raise UsageError(str(error)) from error  # nothing could be told, for whatever reason
    if not all(gate.passed for gate in gates):
        raise click.exceptions.Exit(1)


def _check_dataset(folder: Path | None, layout: str, backgrounds: Path | None) -> None:
    """Print a line for whatever is wrong, or worth knowing; errors exit with 1."""
    from omz.accuracy.datasets.check import check_dataset

    if folder is None:
        raise UsageError("--check_dataset needs --dataset DIR")
    try:
        problems = check_dataset(folder, layout, backgrounds)
    except OmzError as error:
        raise UsageError(str(error)) from error
    for problem in problems:
        click.echo(f"{problem.severity}: {problem}")
    errors = sum(problem.severity == "error" for problem in problems)
    click.echo(f"{errors} errors, {len(problems) - errors} remarks")
    if errors:
        raise click.exceptions.Exit(1)


def _open(folder: Path, layout: str, backgrounds: Path | None, seed: int) -> Dataset:
    from omz.accuracy.datasets.folder import open_dataset

    return open_dataset(folder, layout, backgrounds, seed)


def _scenes(count: int, size: str) -> Dataset:
    from omz.accuracy.datasets.synthetic import SyntheticScenes

    return SyntheticScenes(count, parse_size(size))


def _evaluate(
    card: ModelCard,
    models: Mapping[str, Matter],
    dataset: Dataset,
    convention: Convention,
    thresholds: Sequence[Threshold],
) -> list[Gate]:
    """Run, show what came of it, and return the gates."""
    from rich.console import Console

    from omz.accuracy.summary import paired_difference, pooled_agreement, summarise
    from omz.accuracy.verdict import judge
    from omz.cli.accuracy_display import show_agreements, show_scores, show_unread, show_verdict
    from omz.cli.accuracy_models import pairs

    console = Console()
    first, *others = models
    compared = pairs(list(models))
    results = _run(console, models, dataset, convention, list(compared))
    summaries = {label: summarise(results, label, convention) for label in models}
    differences = {
        label: {figure: paired_difference(results, (first, label), figure) for figure in summaries[label].figures}
        for label in others
    }
    agreements = {pair: pooled_agreement(results, pair) for pair in compared}
    infos = {label: matter.engine.info for label, matter in models.items()}
    show_scores(console, f"{card.name} on {dataset.title}", convention, infos, summaries, differences)
    show_agreements(console, {compared[pair]: outputs for pair, outputs in agreements.items()})
    show_unread(console, results)
    tolerances = {label: card.parity.FP32 if label in ("FP32", "FP32@f32") else card.parity.FP16 for label in others}
    gates = judge(
        first, summaries, {label: agreements[first, label] for label in others}, tolerances, thresholds, results
    )
    show_verdict(console, gates)
    return gates


def _run(
    console: Console, models: Mapping[str, Matter], dataset: Dataset, convention: Convention, compared: Sequence[Pair]
) -> list[FrameResult]:
    from rich.progress import Progress

    from omz.accuracy.comparison import compare

    results = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("frames", total=len(dataset.entries))
        for result in compare(models, dataset, convention, compared):
            results.append(result)
            progress.advance(task)
    return results


if __name__ == "__main__":
    main()
