"""Cards as a table for people: as many columns as the terminal has room for, and names that are never broken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omz.cli.printing import say

_COLUMNS = ("name", "task", "framework", "precisions", "inputs", "download", "licence")
_DROPPED_FIRST = ("licence", "precisions", "task", "framework", "download", "inputs")
_MOST_INPUTS = 4  # recurrent models have dozens
_FRAME = 3  # a border and two blanks, for each column; and a last border


def print_table(infos: Sequence[dict[str, Any]]) -> None:
    """Print what :func:`omz.zoo.info.card_info` returns, a row for each card.

    A terminal that is too narrow for all columns gets fewer, and a line on standard error that names the others. A
    file or a pipe gets all of them, with one line for each card.
    """
    from omz.cli.tables import Table, terminal

    console = terminal()
    separator = "\n" if console.is_terminal else ", "
    rows = [_row(info, separator) for info in infos]
    widths = {column: max(map(_width, [column, *(row[column] for row in rows)])) for column in _COLUMNS}
    columns = list(_COLUMNS)
    if console.is_terminal:
        columns = _fitting(widths, console.width)
    table = Table()
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.row(*(row[column] for column in columns))
    console.width = max(console.width, _total_width(widths, columns))
    console.print(table)
    left_out = [column for column in _COLUMNS if column not in columns]
    if left_out:
        say(f"not shown: {', '.join(left_out)}; widen the terminal, or pipe the output", err=True)


def print_installed(models: Sequence[dict[str, Any]], folder: Path) -> None:
    """Print the sizes of models on the disk, with their sum; ``folder`` is the models folder."""
    from rich.filesize import decimal

    from omz.cli.tables import Table, say_on, terminal

    console = terminal()
    table = Table("name", "downloaded", "converted")
    for model in models:
        table.row(model["name"], decimal(model["downloaded"]), decimal(model["converted"]))
    whole = sum(model["downloaded"] + model["converted"] for model in models)
    console.print(table)
    say_on(console, f"{decimal(whole)} in {folder} and the cache; omz_downloader --remove NAME frees it")


def _fitting(widths: dict[str, int], room: int) -> list[str]:
    """Return the columns that fit into ``room``; the name is always one of them."""
    columns = list(_COLUMNS)
    for column in _DROPPED_FIRST:
        if _total_width(widths, columns) <= room:
            break
        columns.remove(column)
    return columns


def _total_width(widths: dict[str, int], columns: Sequence[str]) -> int:
    return sum(widths[column] + _FRAME for column in columns) + 1


def _width(text: str) -> int:
    """Return the number of a terminal's cells for a text, which is that of its longest line."""
    from rich.cells import cell_len

    from omz.cli.tables import cell

    return max(map(cell_len, cell(text).plain.split("\n")))


def _row(info: dict[str, Any], separator: str) -> dict[str, str]:
    inputs, sizes = [], []
    for part in info["model_stages"] or [info]:
        for each in part["input_info"]:
            shape = "x".join(map(str, each["shape"]))
            inputs.append(f"{each['name']} {shape}".rstrip())
        sizes += [file["size"] for file in part["files"] if file["urls"]]
    return {
        "name": info["name"],
        "task": info["task_type"],
        "framework": info["framework"],
        "precisions": separator.join(info["precisions"]),
        "inputs": separator.join(_shortened(inputs)),
        "download": _total(sizes),
        "licence": info["license_url"],
    }


def _shortened(inputs: list[str]) -> list[str]:
    """Return the inputs, or the first of many and the number of the others."""
    if len(inputs) <= _MOST_INPUTS:
        return inputs
    return [*inputs[:_MOST_INPUTS], f"and {len(inputs) - _MOST_INPUTS} more"]


def _total(sizes: Sequence[int | None]) -> str:
    from rich.filesize import decimal

    if not sizes:
        return "none"
    if None in sizes:
        return "unknown"
    return decimal(sum(filter(None, sizes)))
