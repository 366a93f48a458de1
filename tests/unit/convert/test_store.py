"""Stored IRs: the one that ships beside a card is used as long as it is what the card describes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from omz.convert.store import find_ir, shipped_ir, stored_ir
from omz.errors import ModelFileError
from omz.zoo import Catalog

STARTER = "background-matting-starter"


@pytest.fixture
def shipped(tmp_path):
    """A copy of the starter's folder, which may be changed."""
    folder = tmp_path / "cards" / STARTER
    shutil.copytree(Catalog()[STARTER].folder, folder)
    return folder


def _card(folder: Path):
    return Catalog(folder.parent)[STARTER]


def test_the_shipped_ir_is_used_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    card = Catalog()[STARTER]
    assert find_ir(card) is not None
    assert stored_ir(card, tmp_path) == shipped_ir(card, "FP16")
    assert not (tmp_path / "cache").exists()


def test_a_copied_card_brings_its_ir_along(shipped, tmp_path):
    assert stored_ir(_card(shipped), tmp_path).is_relative_to(shipped)


@pytest.mark.parametrize("change", ["arguments", "weights", "model_info", "parity", "no manifest"])
def test_an_ir_that_is_not_the_cards_is_left_alone(shipped, tmp_path, change):
    card, ir = shipped / "model.yml", shipped / "FP16" / f"{STARTER}.xml"
    if change == "arguments":
        card.write_text(card.read_text().replace("--scale=255", "--scale=254"))
    elif change == "weights":
        checksum = Catalog()[STARTER].files[0].checksum.value
        card.write_text(card.read_text().replace(checksum, "a" * 96))
    elif change == "model_info":
        card.write_text(card.read_text() + "model_info:\n  resize_type: standard\n")
    elif change == "parity":
        card.write_text(card.read_text() + "parity:\n  FP32: 0.5\n")
    else:
        ir.with_suffix(".json").unlink()
    assert find_ir(_card(shipped)) is None


@pytest.mark.parametrize("file", [".xml", ".bin"])
def test_a_damaged_ir_is_told_and_not_used(shipped, tmp_path, file):
    path = (shipped / "FP16" / STARTER).with_suffix(file)
    whole = path.read_bytes()
    for damaged in (whole[:-1], b"", whole[:500] + bytes(100) + whole[600:]):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=rf"{STARTER}\.xml is damaged; it ships with its card; restore it in"):
            stored_ir(_card(shipped), tmp_path)
    path.write_bytes(whole)
    assert find_ir(_card(shipped)) is not None


def test_another_description_keeps_the_ir(shipped, tmp_path):
    card = shipped / "model.yml"
    card.write_text(card.read_text().replace("A narrow network", "A small network"))
    assert find_ir(_card(shipped)) is not None


def test_a_manifest_of_the_wrong_shape_is_no_manifest(shipped, tmp_path):
    manifest = shipped / "FP16" / f"{STARTER}.json"
    entries = json.loads(manifest.read_text())
    for wrong in (
        [],
        {**entries, "source": []},
        {**entries, "key": None},
        {**entries, "versions": []},
        {**entries, "source": {"file": []}},
    ):
        manifest.write_text(json.dumps(wrong))
        assert find_ir(_card(shipped)) is None
