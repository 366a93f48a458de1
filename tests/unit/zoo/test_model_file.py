from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

import pytest
from helpers.builders import write_card

from omz.errors import CardError
from omz.zoo.card_reader import load_card
from omz.zoo.model_file import BundledSource, Checksum, GoogleDriveSource, HttpSource, ModelFile, address_of

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


MD5 = hashlib.md5(b"content", usedforsecurity=False).hexdigest()
REVISION = "de15b22ba131738a16dff04aab8bdf8dc32e3ac1"
HUB = {"$type": "huggingface", "repository": "some-one/net", "revision": REVISION, "file": "onnx/model.onnx"}
PACKAGE = {"$type": "python_package", "requirement": "net-weights==1.2", "member": "net/net.onnx"}


def test_md5_has_to_be_named(tmp_path):
    checksum = read(tmp_path, checksum={"$type": "md5", "value": MD5}).checksum
    (tmp_path / "file").write_bytes(b"content")
    assert checksum.algorithm == "md5"
    assert checksum.matches(tmp_path / "file")
    with pytest.raises(CardError, match=r"has the digits of an MD5; write \{\$type: md5, value: ...\}"):
        read(tmp_path / "bare", checksum=MD5)
    with pytest.raises(CardError, match="a md5 has 32 hexadecimal digits"):
        read(tmp_path / "long", checksum={"$type": "md5", "value": SHA256})


def test_sources_are_kept_in_order(tmp_path):
    file = read(tmp_path, source=PACKAGE, mirrors=[HUB, "https://b.example.com/x"])
    hub = f"https://huggingface.co/some-one/net/resolve/{REVISION}/onnx/model.onnx"
    assert file.urls == (hub, "https://b.example.com/x")
    package = "net/net.onnx in the Python package net-weights==1.2"
    assert [address_of(source) for source in file.remotes] == [package, hub, "https://b.example.com/x"]


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ({**HUB, "revision": "main"}, "is a branch"),
        ({**HUB, "revision": "refs/pr/1"}, "files.0.source.revision"),
        ({**HUB, "repository": "net"}, "files.0.source.repository"),
        ({**HUB, "repository": "../net"}, "files.0.source.repository"),
        ({**HUB, "file": "../net.onnx"}, "must be a relative path"),
        ({**PACKAGE, "requirement": "net-weights"}, "files.0.source.requirement"),
        ({**PACKAGE, "requirement": "--index-url=https://example.com"}, "files.0.source.requirement"),
        ({**PACKAGE, "requirement": "net @ https://example.com/net.whl"}, "files.0.source.requirement"),
        ({**PACKAGE, "requirement": "net>=1"}, "files.0.source.requirement"),
        ({**PACKAGE, "requirement": "net==1\n"}, "files.0.source.requirement"),
        ({**PACKAGE, "member": "/etc/passwd"}, "must be a relative path"),
    ],
)
def test_a_source_that_is_not_fixed_or_reaches_outside_is_refused(tmp_path, source, part):
    with pytest.raises(CardError) as caught:
        read(tmp_path, source=source)
    assert part in str(caught.value)
