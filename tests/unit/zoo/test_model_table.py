"""The table of all models for newcomers, held in step with the cards and the READMEs of the models."""

from __future__ import annotations

import re

import pytest
from helpers.builders import MODELS, own_names
from rich.filesize import decimal

from omz.zoo import Catalog, ModelCard
from omz.zoo.source import bundled_files

COLUMNS = ("model", "cuts out", "plate", "sees", "download", "pace", "licence", "run here")
FAST, MEDIUM = 10, 50  # billions of operations, up to which a network is that


def rows() -> dict[str, dict[str, str]]:
    """Return the rows of the table by the names of the models, with their cells by column."""
    lines = re.findall(r"^\| \[.*\|$", (MODELS / "README.md").read_text(), re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = [dict(zip(COLUMNS, each, strict=True)) for each in cells]
    return {re.match(r"\[(.*?)\]", row["model"])[1]: row for row in found}


def card_of(name: str) -> ModelCard:
    card = Catalog()[name]
    assert isinstance(card, ModelCard)
    return card


def test_it_has_all_models_of_the_zoo_and_no_others():
    assert sorted(rows()) == own_names()
    for name, row in rows().items():
        assert row["model"] == f"[{name}]({name}/README.md)"
        assert (MODELS / name / "README.md").is_file()


@pytest.mark.parametrize("name", own_names())
def test_a_row_says_what_the_card_says(name):
    row, card = rows()[name], card_of(name)
    assert row["run here"] == ("yes" if card.tested_on_real_weights else "no")
    pictures = [
        each for each in card.input_info if each.shape is not None and len(each.shape) == 4 and each.shape[1] == 3
    ]
    assert row["plate"] == ("yes" if len(pictures) == 2 else "no")
    height, width = pictures[0].shape[2:]
    assert row["sees"] == (f"{width}x{height}" if height > 0 else f"any size, best {card.working_size}")
    sizes = [file.size for file in card.files if file not in bundled_files(card).values()]
    assert row["download"] == _total(sizes)


@pytest.mark.parametrize("name", own_names())
def test_a_row_has_the_licence_and_the_pace_of_the_readme(name):
    row, readme = rows()[name], (MODELS / name / "README.md").read_text()
    words = {"MIT": "MIT", "Apache-2.0": "Apache", "GPL-3.0": "GPL-3.0"}
    assert words[row["licence"]] in readme[readme.index("## Licence") :]
    assert (row["licence"] == "GPL-3.0") == (card_of(name).license_kind == "copyleft")
    stated = re.search(r"^\| GFLOPs \| ([\d.]+)", readme, re.MULTILINE)
    if stated:
        count = float(stated[1])
        assert row["pace"] == ("fast" if count <= FAST else "medium")
        assert count <= MEDIUM
    assert row["pace"] in ("fast", "medium", "slow")


def _total(sizes: list[int | None]) -> str:
    if not sizes:
        return "none"
    return "unknown" if None in sizes else decimal(sum(filter(None, sizes)))
