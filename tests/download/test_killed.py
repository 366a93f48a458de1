"""Downloads whose plug is pulled."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from builders import published_file, write_card
from fault_server import Always, Drip, FaultServer

from omz.download import download
from omz.download.verify import verify
from omz.zoo import Catalog

CHUNK = 64 << 10
WEIGHTS = random.Random(0).randbytes(3 << 20)
MEMBERS = {f"package/module_{number}.py": f"name = {number}\n" * 200 for number in range(150)}
PRECISIONS = ["FP16", "FP32"]


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, text in MEMBERS.items():
            file.writestr(name, text)
    return content.getvalue()


FILES = {"/net.bin": WEIGHTS, "/package.zip": archive()}
STEPS = [
    {"$type": "unpack_archive", "file": "package.zip", "format": "zip"},
    {"$type": "regex_replace", "file": "package/module_7.py", "pattern": "name = 7", "replacement": "name = 'seven'"},
]


@pytest.fixture
def server():
    with FaultServer(FILES, {"/net.bin": [Always(Drip(CHUNK, 0.005))]}) as server:
        yield server


@pytest.fixture
def zoo(tmp_path, server):
    files = [published_file(path.strip("/"), content, server.url(path)) for path, content in FILES.items()]
    write_card(tmp_path / "zoo", "net", files=files, postprocessing=STEPS)
    return tmp_path / "zoo"


def start(zoo, folder) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "omz.cli.downloader", "--name", "net", "--models_dir", str(zoo), "-o", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_a_download_killed_at_any_moment_is_right_after_another_run_which_fetches_the_rest_only(tmp_path, server, zoo):
    began = time.monotonic()
    _, errors = start(zoo, tmp_path / "whole").communicate()
    assert errors == b""
    duration = time.monotonic() - began
    card = Catalog(zoo)["net"]
    moments = random.Random(1)
    caught_on_the_way = 0
    for number in range(30):
        folder = tmp_path / str(number)
        process = start(zoo, folder)
        time.sleep(moments.uniform(0.3, 1.1) * duration)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        model = folder / "public" / "net"
        there = sum(part.stat().st_size for part in model.glob(".net.bin.*.part"))
        if (model / "net.bin").exists():
            assert (model / "net.bin").read_bytes() == WEIGHTS
            there = len(WEIGHTS)
        caught_on_the_way += 0 < there < len(WEIGHTS)
        server.requests.clear()
        download(card, folder)
        fetched = sum(request.sent for request in server.requests if request.path == "/net.bin")
        assert fetched <= len(WEIGHTS) - there + CHUNK
        assert (model / "net.bin").read_bytes() == WEIGHTS
        for name, text in MEMBERS.items():
            wanted = text.replace("name = 7", "name = 'seven'") if name == "package/module_7.py" else text
            assert (model / name).read_text() == wanted
        assert [check.problem for check in verify(card, folder, PRECISIONS)] == [None, None]
        assert not [path.name for path in model.iterdir() if "part" in path.name or "unpacking" in path.name]
    assert caught_on_the_way >= 5


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_download_that_is_told_to_end_does_so_at_once_and_goes_on_later(tmp_path, server, zoo, end, code):
    process = start(zoo, tmp_path / "out")
    model = tmp_path / "out" / "public" / "net"
    deadline = time.monotonic() + 20
    while not list(model.glob(".net.bin.*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    process.send_signal(end)
    _, errors = process.communicate()
    assert process.returncode == code
    assert b"interrupted; the same command goes on" in errors
    assert b"Traceback" not in errors
    assert time.monotonic() - began < 5
    again = start(zoo, tmp_path / "out")
    assert again.communicate()[1] == b""
    assert again.returncode == 0
    assert (model / "net.bin").read_bytes() == WEIGHTS
