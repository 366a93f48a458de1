"""``omz_demo``: cut the subject out of a picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from omz.cli.command import omz_command
from omz.cli.selection import models_dir_option
from omz.errors import UsageError

_STARTER = "background-matting-starter"


@omz_command()
@click.option("-i", "--input", "picture", type=click.Path(path_type=Path), help="The picture with the subject.")
@click.option(
    "--background",
    "--plate",
    "plate",
    type=click.Path(path_type=Path),
    help="The plate: the scene without the subject; for models that take one.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A PNG or WebP file; without -i, a folder (default: out)."
)
@click.option("--target", help="A picture, or a colour such as green or #78ff9b: composite before it.")
@click.option(
    "--trimap",
    type=click.Path(path_type=Path),
    help="A file for the trimap of a model that gives one: red, green and blue are its classes 0, 1 and 2.",
)
@click.option("-m", "--model", default=_STARTER, show_default=True, help="A model of the zoo, or an IR (.xml).")
@models_dir_option
@click.option("--download_dir", type=click.Path(path_type=Path), default=".", help="Where a downloaded model is.")
@click.option("-d", "--device", default="CPU", show_default=True, help="An OpenVINO device, such as CPU, GPU or AUTO.")
@click.option(
    "--precision", type=click.Choice(["auto", "f32", "f16", "bf16", "default"]), default="auto", show_default=True,
    help="Precision of execution; default: what the device prefers; auto: that, if the converter saw it do no harm.",
)  # fmt: skip
def main(
    picture: Path | None,
    plate: Path | None,
    output: Path | None,
    target: str | None,
    trimap: Path | None,
    model: str,
    models_dir: tuple[Path, ...],
    download_dir: Path,
    device: str,
    precision: str,
) -> None:
    """Cut the subject out of a picture, given the plate behind it where the model takes one.

    Writes a picture with transparency, or with --target a composite. Without -i it shows itself on an embedded
    synthetic pair, and measures its error against the known alpha.
    """
    if picture is None and (plate or target or trimap):
        raise UsageError("--background, --target and --trimap need a picture; add -i PICTURE")
    from omz.cli.conversion_display import ConversionDisplay
    from omz_demo import picture_job
    from omz_demo.models import card_takes_plate, load_matter

    load = partial(load_matter, model, models_dir, download_dir, device, precision, ConversionDisplay(err=True).show)
    if picture is None:
        from omz_demo.example import run_example

        loaded = load()
        _warn(loaded.warnings)
        rows = {"device asked for": device, **run_example(loaded, output or Path("out"))}
        shown = "pair" if loaded.matter.takes_plate else "picture"
        Console().print(_table(f"an embedded synthetic {shown}", rows))
        return
    _check_plate(model, card_takes_plate(model, models_dir), plate)
    job = picture_job.plan(picture, plate, output, target, trimap)
    loaded = load()
    _check_plate(model, loaded.matter.takes_plate, plate)
    if trimap and not loaded.matter.gives_trimap:
        raise UsageError(f"{model} gives no trimap; leave --trimap out")
    _warn(job.warnings + loaded.warnings)
    click.echo(picture_job.run(job, loaded))


def _check_plate(model: str, takes_plate: bool | None, plate: Path | None) -> None:
    """Raise where the model takes a plate and there is none, or the other way round; None: that is not known yet."""
    if takes_plate is True and plate is None:
        raise UsageError(f"{model} needs the plate, the same scene without the subject; add --background PLATE")
    if takes_plate is False and plate is not None:
        raise UsageError(f"{model} takes no plate; leave --background out")


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _table(title: str, rows: dict[str, str]) -> Table:
    table = Table(title=title, show_header=False)
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))  # a path may look like markup
    return table


if __name__ == "__main__":
    main()
