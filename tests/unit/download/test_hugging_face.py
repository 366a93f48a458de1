"""Files on Hugging Face, or on a mirror of it."""

from __future__ import annotations

import random

import pytest
from helpers.builders import published_file, write_card
from helpers.fault_server import FaultServer, Redirect

from omz.download import DownloadSettings, Policy, download
from omz.errors import DownloadError
from omz.zoo import Catalog

CONTENT = random.Random(0).randbytes(100_000)
REVISION = "de15b22ba131738a16dff04aab8bdf8dc32e3ac1"
SOURCE = {"$type": "huggingface", "repository": "some-one/net", "revision": REVISION, "file": "onnx/the net.onnx"}
PATH = f"/some-one/net/resolve/{REVISION}/onnx/the net.onnx"
ONCE = DownloadSettings(policy=Policy(attempts=1, first_wait=0))


def card_of(root, source: object = SOURCE, **changes: object):
    write_card(root, "net", files=[published_file("net.onnx", CONTENT, "", **{"source": source, **changes})])
    return Catalog(root)["net"]


def tokens(server: FaultServer) -> list[str | None]:
    return [request.headers.get("authorization") for request in server.requests]


def test_the_address_is_that_of_the_file_at_its_revision(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    (url,) = card_of(tmp_path).files[0].urls
    assert url == f"https://huggingface.co/some-one/net/resolve/{REVISION}/onnx/the%20net.onnx"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror_is_used_and_the_file_checked(tmp_path, monkeypatch, slash):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with FaultServer({PATH: CONTENT}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url(slash))
        (path,) = download(card_of(tmp_path / "zoo"), tmp_path / "out")
    assert path.read_bytes() == CONTENT
    assert tokens(server) == [None]


def test_the_token_goes_to_hugging_face_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    with FaultServer({}) as hub, FaultServer({"/net.onnx": CONTENT}) as other:
        monkeypatch.setenv("HF_ENDPOINT", hub.url(""))
        card = card_of(tmp_path / "zoo", mirrors=[other.url("/net.onnx")])
        download(card, tmp_path / "out", ONCE)
    assert tokens(hub) == ["Bearer secret"]
    assert tokens(other) == [None]


def test_the_token_does_not_follow_a_redirect_to_another_host(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    with FaultServer({"/net.onnx": CONTENT}) as storage:
        elsewhere = storage.url("/net.onnx")
        with FaultServer({PATH: b""}, {PATH: [Redirect(elsewhere)]}) as hub:
            monkeypatch.setenv("HF_ENDPOINT", hub.url(""))
            (path,) = download(card_of(tmp_path / "zoo"), tmp_path / "out", ONCE)
    assert path.read_bytes() == CONTENT
    assert tokens(hub) == ["Bearer secret"]
    assert tokens(storage) == [None]


@pytest.mark.parametrize("token", ["", "a\nb", "ä"])
def test_a_token_that_cannot_be_sent_is_not(tmp_path, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    with FaultServer({PATH: CONTENT}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url(""))
        download(card_of(tmp_path / "zoo"), tmp_path / "out", ONCE)
    assert tokens(hub) == [None]


def test_an_endpoint_that_is_no_address_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "not an address")
    with pytest.raises(DownloadError, match="the address cannot be used"):
        download(card_of(tmp_path / "zoo"), tmp_path / "out", ONCE)
