"""``omz_accuracy``: the table of a model card, original and converted side by side."""

from __future__ import annotations

import math
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from omz.cli.command import omz_command
from omz.cli.selection import models_dir_option
from omz.cli.sizes import parse_size


@omz_command()
@click.option("--name", required=True, help="The model's name.")
@models_dir_option
@click.option(
    "-d", "--download_dir", type=click.Path(path_type=Path), default=".", help="Where the downloaded model is."
)
@click.option(
    "--model_dir", type=click.Path(path_type=Path), help="Where omz_converter wrote the IRs; default: convert."
)
@click.option("--num_scenes", type=click.IntRange(1), default=20, show_default=True, help="Synthetic scenes to run on.")
@click.option("--size", default="1280x720", show_default=True, help="Their size, width x height.")
@click.option("--device", default="CPU", show_default=True, help="The OpenVINO device of the IRs.")
def main(
    name: str,
    models_dir: tuple[Path, ...],
    download_dir: Path,
    model_dir: Path | None,
    num_scenes: int,
    size: str,
    device: str,
) -> None:
    """Compare a model's original with its IRs on seeded scenes with exact truth.

    Lower is better. The IRs run in f32, so that the table shows the conversion and nothing else.
    """
    from omz.accuracy.runner import LABELS, evaluate
    from omz.cli.conversion_display import ConversionDisplay
    from omz.convert.plan import plan_conversion
    from omz.convert.store import stored_ir
    from omz.runtime.matter import STRETCHED, Matter
    from omz.runtime.openvino_engine import OpenVINOEngine
    from omz.runtime.original import original_engine
    from omz.synthesis.scene import make_scene
    from omz.zoo import Catalog

    height, width = parse_size(size)
    console = Console()
    card = Catalog(*models_dir)[name]
    engines = {"original": original_engine(card, download_dir)}
    for precision in ("FP32", "FP16"):
        if model_dir:
            path = plan_conversion(card, download_dir, model_dir).ir_path(precision)
        else:
            path = stored_ir(card, download_dir, precision, ConversionDisplay(err=True).show)
        engines[precision] = OpenVINOEngine(path, device)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("scenes", total=num_scenes)
        scenes = (make_scene(index, (height, width), "test") for index in range(num_scenes))
        stretch = card.model_info.resize_type == STRETCHED
        matters = {label: Matter(engine, stretch) for label, engine in engines.items()}
        scores = evaluate(matters, scenes, lambda: progress.advance(task))
    table = Table(title=f"{name} on {num_scenes} synthetic scenes of {size}")
    table.add_column("lower is better")
    for label, engine in engines.items():
        table.add_column(
            f"{label}\n{engine.info.framework}, {engine.info.device}, {engine.info.precision}", justify="right"
        )
    for field, label in LABELS.items():
        table.add_row(label, *(_cell(getattr(scores[model], field)) for model in engines))
    console.print(table)


def _cell(figure: float) -> str:
    """Return a figure as it stands in the table: a dash where there was nothing to measure."""
    return "-" if math.isnan(figure) else f"{figure:.4f}"


if __name__ == "__main__":
    main()
