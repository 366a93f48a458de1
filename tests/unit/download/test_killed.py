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
from pathlib import Path

import pytest
from helpers.builders import published_file, write_card
from helpers.fault_server import PATIENCE, FaultServer, Stall

from omz.download import download
from omz.download.verify import verify
from omz.zoo import Catalog, ModelCard

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
    with FaultServer(FILES) as server:
        yield server


@pytest.fixture
def zoo(tmp_path, server):
    files = [published_file(path.strip("/"), content, server.url(path)) for path, content in FILES.items()]
    write_card(tmp_path / "zoo", "net", files=files, postprocessing=STEPS)
    return tmp_path / "zoo"


def start(zoo, folder) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "omz.cli.downloader", "--name", "net", "--models_dir", str(zoo), "-o", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def received(model: Path) -> int:
    """Return how many bytes of the file are on the disk before it is whole."""
    return sum(part.stat().st_size for part in model.glob(".net.bin.*.part"))


def await_received(model: Path, count: int) -> None:
    ends = time.monotonic() + PATIENCE
    while received(model) < count:
        assert time.monotonic() < ends
        time.sleep(0.001)


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def finish_what_was_killed(card: ModelCard, folder: Path, server: FaultServer) -> int:
    """Return how many bytes there were."""
    model = folder / "public" / "net"
    there = received(model)
    if (model / "net.bin").exists():
        assert (model / "net.bin").read_bytes() == WEIGHTS
        there = len(WEIGHTS)
    server.meet("/net.bin")
    download(card, folder)
    fetched = sum(request.sent for request in server.requests if request.path == "/net.bin")
    assert fetched <= len(WEIGHTS) - there + CHUNK
    assert (model / "net.bin").read_bytes() == WEIGHTS
    for name, text in MEMBERS.items():
        wanted = text.replace("name = 7", "name = 'seven'") if name == "package/module_7.py" else text
        assert (model / name).read_text() == wanted
    assert [check.problem for check in verify(card, folder, PRECISIONS)] == [None, None]
    assert not [path.name for path in model.iterdir() if "part" in path.name or "unpacking" in path.name]
    return there


@pytest.mark.slow
@pytest.mark.parametrize("written", [False, True])
def test_a_download_killed_on_the_way_is_right_after_another_run_which_fetches_the_rest_only(
    tmp_path, server, zoo, written
):
    """The server stops there, so that no machine is too fast or too slow to be caught."""
    card, places = Catalog(zoo)["net"], random.Random(1)
    for number in range(10):
        folder, sent = tmp_path / str(number), places.randrange(1, len(WEIGHTS))
        server.meet("/net.bin", Stall(sent))
        process = start(zoo, folder)
        server.await_sent("/net.bin", sent)
        if written:
            await_received(folder / "public" / "net", sent)
        kill(process)
        there = finish_what_was_killed(card, folder, server)
        assert there == sent if written else there <= sent


@pytest.mark.slow
def test_a_download_killed_before_and_after_that_is_right_after_another_run(tmp_path, server, zoo):
    card, moments = Catalog(zoo)["net"], random.Random(1)
    for number in range(10):
        folder = tmp_path / str(number)
        server.meet("/net.bin")
        process = start(zoo, folder)
        if number % 2:
            server.await_sent("/net.bin", len(WEIGHTS))  # from here on it is checked and unpacked
            time.sleep(moments.uniform(0, 0.3))
        else:
            time.sleep(moments.uniform(0, 0.5))
        kill(process)
        finish_what_was_killed(card, folder, server)


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_download_that_is_told_to_end_does_so_at_once_and_goes_on_later(tmp_path, server, zoo, end, code):
    half = len(WEIGHTS) // 2
    server.meet("/net.bin", Stall(half))  # what does not end at once waits for more, and asks again
    process = start(zoo, tmp_path / "out")
    model = tmp_path / "out" / "public" / "net"
    await_received(model, half)
    process.send_signal(end)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert b"interrupted; run the same command again" in errors
    assert b"Traceback" not in errors
    assert [request.sent for request in server.requests if request.path == "/net.bin"] == [half]
    assert received(model) == half
    again = start(zoo, tmp_path / "out")
    assert again.communicate()[1] == b""
    assert again.returncode == 0
    assert (model / "net.bin").read_bytes() == WEIGHTS
