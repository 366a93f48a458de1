"""``python -m omz.cli.render_layers``: make the layers of which training scenes are composed."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from omz.cli.command import omz_command
from omz.cli.printing import say


@omz_command()
@click.option("-o", "--output_dir", type=click.Path(path_type=Path), required=True, help="Folder for the layers.")
@click.option("--people", type=click.IntRange(1), default=2000, show_default=True, help="Number of rendered people.")
@click.option("--objects", type=click.IntRange(1), default=800, show_default=True, help="Number of objects.")
@click.option("--plates", type=click.IntRange(1), default=1500, show_default=True, help="Number of plates.")
@click.option("--series", default="train", show_default=True, help="Name of a series; each has other layers.")
@click.option(
    "--panoramas",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of panoramas (.hdr, .jpg, .png), of which a quarter of the plates are views.",
)
@click.option(
    "--makehuman",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of MakeHuman's assets (.mhclo), whose clothes half of the people wear.",
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes that make layers.")
def main(
    output_dir: Path,
    people: int,
    objects: int,
    plates: int,
    series: str,
    panoramas: Path | None,
    makehuman: Path | None,
    workers: int,
) -> None:
    """Render people, objects and plates, of which training scenes are composed.

    Run the same command again to continue a stopped run.
    """
    from omz.extras import require

    require("anny", "moderngl")
    from omz.synthesis.layer_cache import CachePlan, fill

    plan = CachePlan(people, objects, plates, series, panoramas, makehuman)
    columns = TextColumn("layers"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns) as bar:
        task = bar.add_task("layers", total=people + objects + plates)
        for _ in fill(output_dir, plan, workers):
            bar.advance(task)
    say(f"layers: {output_dir}")


if __name__ == "__main__":
    main()
