"""IRs that are remembered from run to run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omz.convert.remembered import RememberedIR, recall, remember


@pytest.fixture
def card(tmp_path, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    card = tmp_path / "net" / "model.yml"
    card.parent.mkdir()
    card.write_text("a card")
    return card


@pytest.fixture
def ir(tmp_path):
    path = tmp_path / "net.xml"
    path.write_text("<net/>")
    path.with_suffix(".bin").write_bytes(b"weights")
    path.with_suffix(".json").write_text("{}")
    return path


@pytest.mark.parametrize("takes_plate", [True, False, None])
def test_what_was_remembered_is_recalled(card, ir, takes_plate):
    assert recall(card) is None
    remember(card, RememberedIR(ir, takes_plate))
    assert recall(card) == RememberedIR(ir, takes_plate)
    assert recall(ir) is None  # which is another file


def test_a_path_is_remembered_from_any_folder(card, ir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    remember(Path("net/model.yml"), RememberedIR(Path("net.xml"), None))
    monkeypatch.chdir(card.parent)
    assert recall(Path("model.yml")) == RememberedIR(ir, None)


@pytest.mark.parametrize("changed", ["card", "xml", "bin", "json"])
@pytest.mark.parametrize("how", ["content", "time", "gone"])
def test_nothing_is_recalled_once_a_file_has_changed(card, ir, changed, how):
    remember(card, RememberedIR(ir, True))
    path = {"card": card, "xml": ir, "bin": ir.with_suffix(".bin"), "json": ir.with_suffix(".json")}[changed]
    before = path.stat()
    if how == "content":
        path.write_bytes(path.read_bytes() + b" ")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif how == "time":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    else:
        path.unlink()
    assert recall(card) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ir": 1}', "null"])
def test_a_damaged_memory_is_none(card, ir, tmp_path, content):
    remember(card, RememberedIR(ir, True))
    (file,) = (tmp_path / "cache" / "remembered").iterdir()
    file.write_text(content)
    assert recall(card) is None
    remember(card, RememberedIR(ir, True))
    assert recall(card) is not None


def test_a_cache_that_cannot_be_written_remembers_nothing(card, ir, tmp_path):
    (tmp_path / "cache").write_text("a file")
    remember(card, RememberedIR(ir, True))
    assert recall(card) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "[" * 200_000, '{"ir": 1, "takes_plate": null, "files": []}', "\udcff"]
)
def test_a_memory_that_is_none_is_forgotten(card, ir, tmp_path, content):
    remember(card, RememberedIR(ir, True))
    (memory,) = (tmp_path / "cache" / "remembered").iterdir()
    memory.write_bytes(content.encode(errors="surrogateescape"))
    assert recall(card) is None


def test_another_version_recalls_nothing(card, ir, monkeypatch):
    remember(card, RememberedIR(ir, True))
    monkeypatch.setattr("omz.convert.cache.REVISION", 1_000_000)
    assert recall(card) is None
