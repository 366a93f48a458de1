"""``omz_converter``: cards to IRs."""

from __future__ import annotations

from pathlib import Path

import click

from omz.cli.command import omz_command
from omz.cli.selection import models_dir_option


@omz_command()
@click.option("--name", required=True, help="The model's name.")
@models_dir_option
@click.option(
    "-d", "--download_dir", type=click.Path(path_type=Path), default=".", help="Where the downloaded model is."
)
@click.option("-o", "--output_dir", type=click.Path(path_type=Path), help="Where the IR goes; default: download_dir.")
@click.option("--precisions", default="FP16,FP32", show_default=True, help="How weights are stored.")
@click.option("--dry_run", is_flag=True, help="Print what would be done, and do nothing.")
def main(
    name: str, models_dir: tuple[Path, ...], download_dir: Path, output_dir: Path | None, precisions: str, dry_run: bool
) -> None:
    """Convert a model of the zoo to OpenVINO IR, colour order, mean and scale baked in.

    The IR lands in OUTPUT_DIR/public/NAME/PRECISION/NAME.xml, beside its weights.
    """
    from omz.convert.plan import parse_precisions, plan_conversion
    from omz.zoo import Catalog

    plan = plan_conversion(
        Catalog(*models_dir)[name], download_dir, output_dir or download_dir, parse_precisions(precisions)
    )
    for precision in plan.precisions:
        click.echo(f"{'would write' if dry_run else 'writing'} {plan.ir_path(precision)}")
    if dry_run:
        return
    from omz.convert.converter import convert

    convert(plan, click.echo)
    click.echo("done")


if __name__ == "__main__":
    main()
