"""What a model lacks is downloaded, and nothing else is touched."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from helpers.builders import published_file, write_card
from helpers.fault_server import FaultServer

from omz.download.events import DownloadNeeded
from omz.download.first_use import FetchOptions, fetch_missing, folder_of, missing_files
from omz.errors import DownloadError, ModelFileError
from omz.events import Event
from omz.zoo import Catalog

FILES = {"/a.bin": random.Random(0).randbytes(30_000), "/b.bin": random.Random(1).randbytes(20_000)}
PLACE = Path("public") / "net"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("OMZ_OFFLINE")
    monkeypatch.setenv("OMZ_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def server():
    with FaultServer(FILES) as server:
        yield server


def card_of(root: Path, server: FaultServer, **changes: object):
    files = [published_file(path.strip("/"), content, server.url(path)) for path, content in FILES.items()]
    write_card(root, "net", files=files, **changes)
    return Catalog(root)["net"]


def fetch(card, folder: Path, options: FetchOptions | None = None) -> list[Event]:
    events: list[Event] = []
    fetch_missing(card, folder, options or FetchOptions(), events.append)
    return events


def test_all_files_come_after_a_line_that_says_so(tmp_path, home, server):
    card = card_of(tmp_path / "zoo", server)
    needed, *_ = fetch(card, home)
    assert isinstance(needed, DownloadNeeded)
    assert needed.line == (
        f"first use of net: downloading 2 files, 0.1 MB, from {server.url('/a.bin')} "
        "(licence: https://example.com/license)"
    )
    assert (home / PLACE / "a.bin").read_bytes() == FILES["/a.bin"]
    assert (home / PLACE / "b.bin").read_bytes() == FILES["/b.bin"]
    assert fetch(card, home) == []
    assert len(server.requests) == 2


def test_only_what_is_missing_is_fetched_and_a_file_of_the_users_stays(tmp_path, home, server):
    card = card_of(tmp_path / "zoo", server)
    own = home / PLACE / "a.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"weights of mine")
    needed, *_ = fetch(card, home)
    assert isinstance(needed, DownloadNeeded)
    assert (needed.num_files, needed.size) == (1, 20_000)
    assert own.read_bytes() == b"weights of mine"
    assert [request.path for request in server.requests] == ["/b.bin"]


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_offline_nothing_is_asked_for_and_the_way_out_is_told(tmp_path, home, server, monkeypatch, by):
    if by == "environment":
        monkeypatch.setenv("OMZ_OFFLINE", "1")
    card = card_of(tmp_path / "zoo", server)
    with pytest.raises(ModelFileError) as caught:
        fetch(card, tmp_path / "my zoo", FetchOptions(offline=by == "flag"))
    assert str(caught.value) == (
        f"net: a.bin and 1 more is not in {tmp_path / 'my zoo' / PLACE}, and offline nothing is downloaded; with a "
        f"network, run omz_downloader --name net -o '{tmp_path / 'my zoo'}', or pack a bundle for this machine "
        "(--bundle, --cache_dir)"
    )
    assert server.requests == []
    assert not (tmp_path / "my zoo").exists()


def test_a_failure_names_its_cause_and_leaves_no_file(tmp_path, home, server):
    files = [published_file("a.bin", b"gone", server.url("/gone.bin"))]
    write_card(tmp_path / "zoo", "net", files=files)
    with pytest.raises(DownloadError, match="404 Not Found"):
        fetch(Catalog(tmp_path / "zoo")["net"], home)
    assert not (home / PLACE / "a.bin").exists()


def test_a_folder_that_is_given_wins(tmp_path, home, server):
    card = card_of(tmp_path / "zoo", server)
    assert folder_of(card, tmp_path / "given") == tmp_path / "given"
    assert folder_of(card, None) == home


def test_files_in_the_current_folder_are_found_if_the_models_folder_has_none(tmp_path, home, server):
    card = card_of(tmp_path / "zoo", server)
    fetch(card, Path())
    assert folder_of(card, None) == Path()
    (PLACE / "b.bin").unlink()
    assert folder_of(card, None) == home
    fetch(card, Path())
    fetch(card, home)
    assert folder_of(card, None) == home


def test_what_was_unpacked_is_not_missing(tmp_path, home, server):
    step = {"$type": "regex_replace", "file": "a.txt", "pattern": "x", "replacement": "y"}
    with FaultServer({"/a.txt": b"x"}) as texts:
        write_card(
            tmp_path / "zoo", "net", files=[published_file("a.txt", b"x", texts.url("/a.txt"))], postprocessing=[step]
        )
        card = Catalog(tmp_path / "zoo")["net"]
        fetch(card, home)
        assert (home / PLACE / "a.txt").read_text() == "y"
        assert missing_files(card, home) == ()
        assert fetch(card, home) == []
        assert len(texts.requests) == 1


@pytest.mark.parametrize("kind", ["copyleft", "non-commercial"])
def test_a_licence_that_is_not_permissive_is_accepted_first_and_once(tmp_path, home, server, kind):
    card = card_of(tmp_path / "zoo", server, license_kind=kind)
    for options in (FetchOptions(), FetchOptions(accepted=("another",))):
        with pytest.raises(DownloadError, match=r"accept it with --accept_license net$"):
            fetch(card, home, options)
    assert server.requests == []
    fetch(card, home, FetchOptions(accepted=("net",)))
    fetch(card, tmp_path / "elsewhere")
    assert len(server.requests) == 4


def test_a_licence_that_has_changed_is_asked_for_again(tmp_path, home, server):
    fetch(card_of(tmp_path / "zoo", server, license_kind="copyleft"), home, FetchOptions(accepted=("net",)))
    changed = card_of(tmp_path / "new", server, license_kind="copyleft", license="https://example.com/other")
    with pytest.raises(DownloadError, match=r"https://example\.com/other"):
        fetch(changed, tmp_path / "elsewhere")


def test_files_that_are_there_need_no_licence(tmp_path, home, server):
    fetch(card_of(tmp_path / "zoo", server), home)
    card = card_of(tmp_path / "new", server, license_kind="copyleft")
    assert fetch(card, home) == []
