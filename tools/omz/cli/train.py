"""``python -m omz.cli.train``: train the network of ``background-matting-starter``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from omz.cli.command import omz_command
from omz.cli.printing import say

if TYPE_CHECKING:
    from omz.training.batches import SceneMaker


@omz_command()
@click.option(
    "-o", "--output_dir", type=click.Path(path_type=Path), required=True, help="Folder for all that a training writes."
)
@click.option(
    "--layers",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of rendered people, objects and plates (python -m omz.cli.render_layers); default: drawn scenes.",
)
@click.option("--device", default="cpu", show_default=True, help="PyTorch device: cpu, cuda or xpu.")
@click.option("--workers", type=click.IntRange(0), default=1, show_default=True, help="Processes that generate scenes.")
@click.option(
    "--checkpoint_every", type=click.IntRange(1), default=200, show_default=True, help="Steps between checkpoints."
)
@click.option(
    "--start",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Weights to begin with, by the recipe of later trainings; default: none, by that of the first.",
)
@click.option("--seed", type=click.IntRange(0), help="Seed of scenes and new weights; default: that of the recipe.")
def main(output_dir: Path, layers: Path | None, device: str, workers: int, checkpoint_every: int, **given: Any) -> None:
    """Train the network of background-matting-starter on generated scenes.

    Run the same command again to continue a stopped run from its last checkpoint. The folder has the weights, a log of
    every step, figures on held-out scenes (validation.jsonl), their chart, and samples.
    """
    from omz.extras import require

    require("torch", "safetensors", "matplotlib")
    from omz.training import trainer
    from omz.training.recipe import CONTINUED, STARTER

    columns = (
        TextColumn("{task.fields[stage]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
    )  # fmt: skip
    recipe = STARTER if given["start"] is None else replace(CONTINUED, start=given["start"])
    if given["seed"] is not None:
        recipe = replace(recipe, seed=given["seed"])
    scenes = _scenes(layers)
    machine = trainer.Machine(device, workers)
    with Progress(*columns) as bar:
        task = bar.add_task("train", total=recipe.steps, stage="", loss=float("nan"))

        def show(progress: trainer.Progress) -> None:
            bar.update(task, completed=progress.step, stage=progress.stage, loss=progress.loss)

        weights = trainer.train(recipe, output_dir, scenes, machine, checkpoint_every, show)
    say(f"weights: {weights}")


def _scenes(layers: Path | None) -> SceneMaker:
    from omz.synthesis.layer_cache import LayerCache
    from omz.synthesis.staged_scene import StagedScenes
    from omz.training.drawn_scenes import drawn_scene

    if layers is None:
        return drawn_scene
    return StagedScenes(LayerCache.open(layers))


if __name__ == "__main__":
    main()
