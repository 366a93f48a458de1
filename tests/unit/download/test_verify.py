from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from helpers.builders import published_file, write_card

from omz.download.postprocess import postprocess
from omz.download.verify import verify
from omz.zoo.card import ModelCard
from omz.zoo.card_reader import load_card

PRECISIONS = ("FP16", "FP16-INT8", "FP32")
CONTENT = b"content"
URL = "https://example.com/file"


def card_of(root: Path, *files: dict[str, object], **changes: object) -> ModelCard:
    return load_card(write_card(root / "zoo", "net", files=list(files), **changes), PurePosixPath("public/net"))


def place(root: Path, name: str, content: bytes) -> Path:
    path = root / "out" / "public" / "net" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def problems(card: ModelCard, root: Path, *precisions: str) -> dict[str, str | None]:
    """Return what was found, by path below ``root``; nothing may have changed."""
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    checks = verify(card, root / "out", precisions or PRECISIONS)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert {check.model for check in checks} <= {"net"}
    return {Path(check.path).relative_to(root).as_posix(): check.problem for check in checks}


def test_a_right_file_has_no_problem(tmp_path):
    files = [published_file(name, CONTENT, URL) for name in ("net.onnx", "of_unknown_size")]
    del files[1]["size"]
    for name in ("net.onnx", "of_unknown_size"):
        place(tmp_path, name, CONTENT)
    expected = {"out/public/net/net.onnx": None, "out/public/net/of_unknown_size": None}
    assert problems(card_of(tmp_path, *files), tmp_path) == expected


def test_each_kind_of_problem_is_told(tmp_path):
    names = ("missing", "folder", "short", "long", "wrong", "right")
    card = card_of(tmp_path, *(published_file(name, CONTENT, URL) for name in names))
    place(tmp_path, "folder/file", CONTENT)
    place(tmp_path, "short", CONTENT[:-1])
    place(tmp_path, "long", CONTENT + b"+")
    place(tmp_path, "wrong", b"CONTENT")
    place(tmp_path, "right", CONTENT)
    assert problems(card, tmp_path) == {
        "out/public/net/missing": "is missing",
        "out/public/net/folder": "is missing",
        "out/public/net/short": "has 6 bytes, not 7 as on the card",
        "out/public/net/long": "has 8 bytes, not 7 as on the card",
        "out/public/net/wrong": "has another sha384 than on the card",
        "out/public/net/right": None,
    }


def test_nothing_is_made_where_nothing_is(tmp_path):
    card = card_of(tmp_path, published_file("net.onnx", CONTENT, URL))
    assert problems(card, tmp_path) == {"out/public/net/net.onnx": "is missing"}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("elsewhere", [{}, {"original_source": URL}, {"mirrors": [URL]}])
def test_a_file_that_ships_with_the_card_is_checked_in_the_cards_folder(tmp_path, elsewhere):
    file = published_file("weights.bin", CONTENT, "", source={"$type": "bundled"}, **elsewhere)
    card = card_of(tmp_path, file)
    path = "zoo/net/weights.bin"
    place(tmp_path, "weights.bin", CONTENT)
    assert problems(card, tmp_path) == {path: "is missing"}
    (tmp_path / path).write_bytes(b"CONTENT")
    assert problems(card, tmp_path) == {path: "has another sha384 than on the card"}
    (tmp_path / path).write_bytes(CONTENT)
    assert problems(card, tmp_path) == {path: None}


def test_only_the_precisions_that_were_asked_for_are_checked(tmp_path):
    names = [f"{precision}/net.{kind}" for precision in ("FP16", "FP32") for kind in ("xml", "bin")]
    files = [published_file(name, CONTENT, URL) for name in names]
    card = card_of(tmp_path, *files, framework="dldt", model_optimizer_args=None)
    for name in names[:2]:
        place(tmp_path, name, CONTENT)
    right = {f"out/public/net/{name}": None for name in names[:2]}
    missing = {f"out/public/net/{name}": "is missing" for name in names[2:]}
    assert problems(card, tmp_path, "FP16") == right
    assert problems(card, tmp_path, "FP32") == missing
    assert problems(card, tmp_path, "FP16", "FP32") == right | missing
    assert problems(card, tmp_path, "FP16-INT8") == {}


def postprocessed_card(root: Path) -> ModelCard:
    """Return a card that unpacks an archive and changes a file, and put its files where they belong."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("unpacked.bin", b"unpacked")
    contents = {"pack.zip": buffer.getvalue(), "net.py": b"cuda", "same.bin": b"same"}
    steps = [
        {"$type": "unpack_archive", "file": "pack.zip", "format": "zip"},
        {"$type": "regex_replace", "file": "net.py", "pattern": "cuda", "replacement": "cpu"},
    ]
    for name, content in contents.items():
        place(root, name, content)
    files = [published_file(name, content, URL) for name, content in contents.items()]
    return card_of(root, *files, postprocessing=steps)


def test_a_model_of_which_nothing_was_made_yet_is_not_right(tmp_path):
    card = postprocessed_card(tmp_path)
    assert problems(card, tmp_path) == {
        "out/public/net/pack.zip": None,
        "out/public/net/net.py": None,
        "out/public/net/same.bin": None,
        "out/public/net": "is not yet unpacked or changed as on the card",
    }


def test_a_model_that_is_as_the_card_makes_it_is_right(tmp_path):
    card = postprocessed_card(tmp_path)
    postprocess(card, tmp_path / "out" / "public" / "net")
    assert not (tmp_path / "out" / "public" / "net" / "pack.zip").exists()
    right = {f"out/public/net/{name}": None for name in ("pack.zip", "net.py", "same.bin")}
    assert problems(card, tmp_path) == right
    place(tmp_path, "same.bin", b"SAME")
    assert problems(card, tmp_path) == right | {"out/public/net/same.bin": "has another sha384 than on the card"}


@pytest.mark.parametrize("name", ["unpacked.bin", "net.py", ".postprocessed.json"])
def test_a_model_that_was_tampered_with_is_not_right(tmp_path, name):
    card = postprocessed_card(tmp_path)
    postprocess(card, tmp_path / "out" / "public" / "net")
    place(tmp_path, name, b"tampered")
    found = problems(card, tmp_path)
    assert found["out/public/net/pack.zip"] == "is missing"
    assert found["out/public/net/net.py"] is not None
    assert found["out/public/net/same.bin"] is None


def test_nothing_is_to_be_made_of_a_model_in_no_precision_that_was_asked_for(tmp_path):
    card = postprocessed_card(tmp_path)
    assert problems(card, tmp_path, "FP16-INT8") == {}
