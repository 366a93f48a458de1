"""``python -m omz.cli.train``: train the starter weights."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from omz.cli.command import omz_command
from omz.cli.printing import say


@omz_command()
@click.option(
    "-o", "--output_dir", type=click.Path(path_type=Path), required=True, help="Folder for checkpoint, log and weights."
)
@click.option("--device", default="cpu", show_default=True, help="PyTorch device: cpu, cuda or xpu.")
@click.option("--workers", type=click.IntRange(0), default=1, show_default=True, help="Processes that generate scenes.")
@click.option(
    "--checkpoint_every", type=click.IntRange(1), default=200, show_default=True, help="Steps between checkpoints."
)
def main(output_dir: Path, device: str, workers: int, checkpoint_every: int) -> None:
    """Train the starter network on synthetic scenes.

    Run the same command again to continue a stopped run from its last checkpoint.
    """
    from omz.extras import require

    require("torch", "safetensors")
    from omz.training import trainer
    from omz.training.recipe import STARTER

    columns = (
        TextColumn("{task.fields[stage]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
    )  # fmt: skip
    with Progress(*columns) as bar:
        task = bar.add_task("train", total=STARTER.steps, stage="", loss=float("nan"))

        def show(progress: trainer.Progress) -> None:
            bar.update(task, completed=progress.step, stage=progress.stage, loss=progress.loss)

        weights = trainer.train(STARTER, output_dir, device, workers, checkpoint_every, show)
    say(f"weights: {weights}")


if __name__ == "__main__":
    main()
