"""``python -m omz.cli.train``: make the starter weights again."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from omz.cli.command import omz_command


@omz_command()
@click.option("-o", "--output_dir", type=click.Path(path_type=Path), required=True, help="Checkpoint, log and weights.")
@click.option("--device", default="cpu", show_default=True, help="A PyTorch device: cpu, cuda, xpu.")
@click.option("--workers", type=click.IntRange(0), default=1, show_default=True, help="Processes that make scenes.")
@click.option(
    "--checkpoint_every", type=click.IntRange(1), default=200, show_default=True, help="Steps between checkpoints."
)
def main(output_dir: Path, device: str, workers: int, checkpoint_every: int) -> None:
    """Train the starter network on synthetic scenes.

    A killed run continues from its last checkpoint when the same command is given again.
    """
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
    click.echo(f"weights: {weights}")


if __name__ == "__main__":
    main()
