"""``omz_info_dumper``: print model cards, as JSON or as a table."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError


@omz_command()
@selection_options
@click.option("--details", is_flag=True, help="Include files, sizes, hashes, sources, arguments and preprocessing.")
@click.option("--format", "form", type=click.Choice(["json", "table"]), default="json", show_default=True)
@click.option("--lint", is_flag=True, help="Check cards, by default all, and exit with 1 if any is bad.")
def main(selection: Selection, details: bool, form: str, lint: bool) -> None:
    """Print information about models.

    Bad cards are reported on standard error, and the others still printed; the exit code is then 1.
    """
    if lint:
        _lint(selection)
        return
    from omz.zoo.info import card_info

    infos, failed = [], False
    for _, card in selection.cards():
        if isinstance(card, CardError):
            click.echo(f"error: {card}", err=True)
            failed = True
            continue
        for part in (card, *getattr(card, "stages", ())):
            for remark in part.remarks:
                click.echo(f"warning: {part.path}: {remark}", err=True)
        infos.append(card_info(card, details or form == "table"))
    if form == "json":
        click.echo(json.dumps(infos, indent=4))
    else:
        _print_table(infos)
    if failed:
        raise click.exceptions.Exit(1)


def _lint(selection: Selection) -> None:
    from omz.zoo.card_reader import lint

    if selection.empty:
        selection = dataclasses.replace(selection, all_models=True)
    checked = bad = 0
    for _, card in selection.cards():
        lines = (str(card),) if isinstance(card, CardError) else lint(card)
        for line in lines:
            click.echo(line)
        checked += 1
        bad += bool(lines)
    click.echo(f"{checked} checked, {bad} bad")
    if bad:
        raise click.exceptions.Exit(1)


def _print_table(infos: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("name", "task", "framework", "precisions", "inputs", "download", "licence"):
        table.add_column(column, overflow="fold")
    for info in infos:
        inputs, sizes = [], []
        for part in info["model_stages"] or [info]:
            inputs += [f"{each['name']} {'x'.join(map(str, each['shape']))}" for each in part["input_info"]]
            sizes += [file["size"] for file in part["files"] if file["urls"]]
        table.add_row(
            info["name"],
            info["task_type"],
            info["framework"],
            "\n".join(info["precisions"]),
            "\n".join(inputs),
            _total(sizes),
            info["license_url"],
        )
    Console(markup=False, emoji=False, highlight=False).print(table)


def _total(sizes: list[int | None]) -> str:
    from rich.filesize import decimal

    if not sizes:
        return "none"
    if None in sizes:
        return "unknown"
    return decimal(sum(filter(None, sizes)))


if __name__ == "__main__":
    main()
