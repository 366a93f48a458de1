from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

import pytest
from helpers.builders import write_card

from omz.zoo.card_reader import load_card
from omz.zoo.model_file import BundledSource, Checksum, GoogleDriveSource, HttpSource, ModelFile

SHA384 = hashlib.sha384(b"content").hexdigest()
SHA256 = hashlib.sha256(b"content").hexdigest()
DRIVE = "https://drive.usercontent.google.com/download?id={}&export=download&confirm=t"


def read(tmp_path, **changes: object) -> ModelFile:
    """Return the one file of a card; None leaves a key out."""
    content = {"name": "net.onnx", "size": 7, "checksum": SHA384, "source": "https://example.com/x", **changes}
    content = {key: value for key, value in content.items() if value is not None}
    card = load_card(write_card(tmp_path, "net", files=[content]), PurePosixPath("public/net"))
    assert card.remarks == ()
    return card.files[0]


@pytest.mark.parametrize(
    ("keys", "algorithm", "value"),
    [
        ({"checksum": SHA384}, "sha384", SHA384),
        ({"checksum": SHA384.upper()}, "sha384", SHA384),
        ({"checksum": {"$type": "sha384", "value": SHA384}}, "sha384", SHA384),
        ({"checksum": {"$type": "sha384", "value": SHA384.upper()}}, "sha384", SHA384),
        ({"checksum": {"$type": "sha256", "value": SHA256}}, "sha256", SHA256),
        ({"checksum": SHA256}, "sha256", SHA256),
        ({"checksum": None, "sha256": SHA256}, "sha256", SHA256),
        ({"checksum": None, "sha256": SHA256.upper()}, "sha256", SHA256),
    ],
)
def test_every_form_of_a_checksum(tmp_path, keys, algorithm, value):
    checksum = read(tmp_path, **keys).checksum
    assert (checksum.algorithm, checksum.value) == (algorithm, value)
    (tmp_path / "file").write_bytes(b"content")
    assert checksum.matches(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"Content")
    assert not checksum.matches(tmp_path / "file")


def test_the_checksum_of_a_file_is_its_sha384(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    checksum = Checksum.of(tmp_path / "file")
    assert (checksum.algorithm, checksum.value) == ("sha384", SHA384)


@pytest.mark.parametrize(("size", "expected"), [(None, None), (0, 0), (5_000_000_000, 5_000_000_000)])
def test_a_size_may_be_absent_nothing_or_large(tmp_path, size, expected):
    assert read(tmp_path, size=size).size == expected


@pytest.mark.parametrize(
    ("name", "normalised"),
    [("a.onnx", "a.onnx"), ("a/b.onnx", "a/b.onnx"), ("./a//b/./c", "a/b/c"), ("a..b", "a..b"), (".hidden", ".hidden")],
)
def test_a_name_is_normalised(tmp_path, name, normalised):
    assert read(tmp_path, name=name).name == normalised


@pytest.mark.parametrize(
    "url", ["https://example.com/x", "http://example.com:8080/x?y=z#w", "file:///srv/zoo/net.onnx", "https://[::1]/x"]
)
def test_every_form_of_an_address(tmp_path, url):
    for number, source in enumerate((url, {"$type": "http", "url": url})):
        file = read(tmp_path / str(number), source=source)
        assert isinstance(file.source, HttpSource)
        assert file.source.url == url
        assert file.urls == (url,)


def test_a_file_on_google_drive_has_an_address_that_gives_the_file_itself(tmp_path):
    file = read(tmp_path, source={"$type": "google_drive", "id": "1a-B_c"})
    assert isinstance(file.source, GoogleDriveSource)
    assert file.source.id == "1a-B_c"
    assert file.urls == (DRIVE.format("1a-B_c"),)


def test_a_bundled_file_has_no_address(tmp_path):
    file = read(tmp_path, source={"$type": "bundled"})
    assert isinstance(file.source, BundledSource)
    assert file.urls == ()


def test_the_source_comes_before_the_mirrors_and_the_original_source_comes_last(tmp_path):
    file = read(
        tmp_path,
        source="https://a.example.com/x",
        mirrors=["https://b.example.com/x", {"$type": "google_drive", "id": "c"}, "https://a.example.com/x"],
        original_source={"$type": "http", "url": "https://d.example.com/x"},
    )
    assert file.urls == (
        "https://a.example.com/x", "https://b.example.com/x", DRIVE.format("c"), "https://d.example.com/x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        ("https://d.example.com/x", "https://d.example.com/x"),
        ({"$type": "google_drive", "id": "d"}, DRIVE.format("d")),
        ("https://example.com/x", None),
    ],
)
def test_every_form_of_an_original_source(tmp_path, original, expected):
    urls = read(tmp_path, original_source=original).urls
    assert urls == ("https://example.com/x", *([expected] if expected else []))


def test_a_bundled_file_may_have_mirrors(tmp_path):
    file = read(tmp_path, source={"$type": "bundled"}, mirrors=["https://b.example.com/x"])
    assert file.urls == ("https://b.example.com/x",)
