"""Models on the disk: what is theirs is counted and removed, and nothing else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from helpers.builders import published_file, save_brightness_onnx, write_card

from omz.convert.converter import carry_out
from omz.convert.plan import plan_conversion
from omz.convert.store import stored_ir
from omz.download import DownloadSettings, download
from omz.installed import remove, stored_files
from omz.zoo import Catalog
from omz.zoo.model_file import Checksum


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "home"


def card_of(tmp_path: Path, home: Path):
    """Return the card of a model that is downloaded."""
    content = save_brightness_onnx(home / "public" / "net" / "net.onnx", 32, 32).read_bytes()
    info = [{"name": "image", "shape": [1, 3, 32, 32], "layout": "NCHW"}]
    files = [published_file("net.onnx", content, "https://example.com/net.onnx")]
    write_card(tmp_path / "zoo", "net", files=files, input_info=info)
    return Catalog(tmp_path / "zoo")["net"]


def files_in(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_downloads_and_conversions_are_found_with_their_sizes(tmp_path, home):
    card = card_of(tmp_path, home)
    ir = stored_ir(card, home)
    carry_out(plan_conversion(card, home, home))
    found = {file.path: file for file in stored_files(card, home)}
    parts = {
        home / "public" / "net" / each / f"net.{suffix}"
        for each in ("FP16", "FP32")
        for suffix in ("xml", "bin", "json")
    }
    cached = {ir.with_suffix(suffix) for suffix in (".xml", ".bin", ".json")}
    assert {*found} == {home / "public" / "net" / "net.onnx", *parts, *cached}
    assert all(file.size == path.stat().st_size for path, file in found.items())
    assert {path for path, file in found.items() if file.kind == "downloaded"} == {home / "public" / "net" / "net.onnx"}


def test_removal_leaves_strange_files_and_other_models(tmp_path, home):
    card = card_of(tmp_path, home)
    other = home / "public" / "other" / "net.onnx"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of another model")
    stored_ir(card, home)
    carry_out(plan_conversion(card, home, home))
    notes = home / "public" / "net" / "FP16" / "notes.txt"
    notes.write_text("mine")
    mine = home / "public" / "net" / "FP32" / "mine.xml"
    mine.write_text("<net/>")
    before = stored_files(card, home)
    assert remove(card, home) == before
    assert files_in(home) >= {other, notes, mine}
    left = {path.name for path in files_in(home, tmp_path / "cache")}
    assert left - {".omz_downloader.lock", ".omz_converter.lock"} == {"net.onnx", "notes.txt", "mine.xml"}
    assert stored_files(card, home) == ()
    assert remove(card, home) == ()


def test_an_ir_without_a_manifest_of_the_model_is_not_its_own(tmp_path, home):
    card = card_of(tmp_path, home)
    for precision, manifest in (("FP16", None), ("FP32", '{"name": "another", "files": {"net.xml": {}}}')):
        xml = home / "public" / "net" / precision / "net.xml"
        xml.parent.mkdir(parents=True)
        xml.write_text("<net/>")
        if manifest:
            xml.with_suffix(".json").write_text(manifest)
    assert [file.path.name for file in stored_files(card, home)] == ["net.onnx"]


def test_a_manifest_cannot_name_files_elsewhere(tmp_path, home):
    card = card_of(tmp_path, home)
    victim = home / "public" / "victim.txt"
    victim.write_text("mine")
    manifest = home / "public" / "net" / "FP16" / "net.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"name": "net", "files": {"../../victim.txt": {}, "/etc/passwd": {}}}')
    remove(card, home)
    assert victim.exists()


def test_notes_of_the_conversion_are_removed_too(tmp_path, home):
    card = card_of(tmp_path, home)
    note = stored_ir(card, home).parents[1] / "FP16.refused"
    note.write_text("its weights do not fit")
    assert note in {file.path for file in remove(card, home)}


def test_what_a_stopped_download_left_is_removed_too(tmp_path, home):
    card = card_of(tmp_path, home)
    rest = home / "public" / "net" / f".net.onnx.{card.files[0].checksum.value[:12]}.part"
    rest.write_bytes(b"half")
    assert {file.path for file in remove(card, home)} == {home / "public" / "net" / "net.onnx", rest}


def test_unpacked_files_are_removed_and_a_record_cannot_name_others(tmp_path, home):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("inner/net.onnx", b"weights")
    source = tmp_path / "zoo" / "files" / "a.zip"
    source.parent.mkdir(parents=True)
    source.write_bytes(content.getvalue())
    entry = {"name": "a.zip", "checksum": Checksum.of(source).value, "source": source.as_uri()}
    write_card(
        tmp_path / "zoo",
        "net",
        files=[entry],
        postprocessing=[{"$type": "unpack_archive", "file": "a.zip", "format": "zip"}],
    )
    catalog = Catalog(tmp_path / "zoo")

    download(catalog["net"], home, DownloadSettings(file_roots=catalog.roots))
    record = home / "public" / "net" / ".postprocessed.json"
    record.write_text(record.read_text().replace('"files": {', '"files": {"../victim.txt": "0",'))
    (home / "public" / "victim.txt").write_text("mine")
    removed = {file.path for file in remove(catalog["net"], home)}
    assert removed == {home / "public" / "net" / "inner" / "net.onnx", record}
    assert (home / "public" / "victim.txt").exists()


def test_what_ships_with_the_package_stays(home):
    card = Catalog()["background-matting-starter"]
    assert stored_files(card, home) == ()
    assert remove(card, home) == ()
    assert (card.folder / "FP16" / f"{card.name}.xml").exists()
