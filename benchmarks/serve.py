"""What `omz_demo serve` costs beside a folder job, and how it stands a load: the tables of benchmarks/README.md.

    python benchmarks/serve.py [--only compare|burst|memory] [--seconds 60] [--rounds 3] [--requests 2000]

The model is the starter, on pictures and plates of drawn scenes. The service and the command take turns on the same
files; a ratio is the median of those of the rounds. CPU time is that of the processes of the service alone, and what an
image of the folder costs is the difference between a long and a short folder, so that the start is left out of both.
Every answer is checked: it is the file of the command.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import httpx
import numpy as np
from commands import machine, memory_of

from omz.convert.store import find_ir
from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog

STARTER = "background-matting-starter"
CLIENTS = 8
SIZE, FEW, MANY = (720, 1280), 8, 32  # of pictures, and how many a folder has
SMALL, PAIRS, SETTLED = (96, 128), 40, 200  # of those that show how memory grows
BURST = 50
WARM = 6  # requests of each client: after 24 that overlap, the model is compiled for them
OPTIONS: Sequence[dict[str, str]] = (
    {}, {"what": "alpha"}, {"target": "blur:9"}, {"format": "json"}, {"refine": "fast"}, {"format": "webp"},
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """A picture and its plate, as files."""

    picture: bytes
    plate: bytes


@dataclass(frozen=True)
class Server:
    """A service that runs: where, and the process that has begun it."""

    url: str
    pid: int

    def cpu(self) -> float:
        """Return the CPU time of a service of one process, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("compare", "burst", "memory"), help="One part; default: all.")
    parser.add_argument("--seconds", type=float, default=60.0, help="Seconds of eight clients in a round.")
    parser.add_argument("--rounds", type=int, default=3, help="Rounds of clients and folders in turn.")
    parser.add_argument("--requests", type=int, default=2000, help="Requests after which memory is compared.")
    asked = parser.parse_args()
    if find_ir(Catalog()[STARTER]) is None:
        raise SystemExit(f"{STARTER} is to be converted first: omz_converter --name {STARTER}")
    print(f"{machine()}, OpenVINO {ov.get_version()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.only in (None, "compare"):
            compare(folder, asked.seconds, asked.rounds)
        if asked.only in (None, "burst"):
            burst(folder)
        if asked.only in (None, "memory"):
            watch_memory(folder, asked.requests)


def compare(folder: Path, seconds: float, rounds: int) -> None:
    """Print latencies of eight clients, and what a request costs beside an image of a folder job."""
    pairs = [scene(index, SIZE) for index in range(FEW)]
    for name, count in (("few", FEW), ("many", MANY)):
        for kind in ("pictures", "plates"):
            (folder / name / kind).mkdir(parents=True)
        for index in range(count):
            pair = pairs[index % FEW]
            (folder / name / "pictures" / f"{index:02}.jpg").write_bytes(pair.picture)
            (folder / name / "plates" / f"{index:02}.jpg").write_bytes(pair.plate)
    run_folder(folder, "few")
    wanted = [(folder / "results" / f"{index:02}.png").read_bytes() for index in range(FEW)]
    latencies, of_service, of_folder = list[float](), list[float](), list[float]()
    with served(folder) as server:
        ask_all(server, pairs, wanted, 0.0, WARM)
        for _ in range(rounds):
            before = server.cpu()
            taken = ask_all(server, pairs, wanted, seconds)
            of_service.append(1e3 * (server.cpu() - before) / len(taken))
            latencies += taken
            of_folder.append(1e3 * (run_folder(folder, "many") - run_folder(folder, "few")) / (MANY - FEW))
    shares = [service / job for service, job in zip(of_service, of_folder, strict=True)]
    fifty, ninety_five = np.percentile(latencies, (50, 95))
    heads = (f"{SIZE[1]}x{SIZE[0]}, JPEG", "core ms each, median", "of the folder's", "p50 s", "p95 s")
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    print(f"| an image of a folder job | {statistics.median(of_folder):.0f} | 1.00 | | |")
    cells = [f"{CLIENTS} clients, {len(latencies)} requests in {rounds} x {seconds:g} s, no error"]
    cells += [f"{statistics.median(of_service):.0f}", f"{statistics.median(shares):.2f}"]
    print(f"| {' | '.join([*cells, f'{fifty:.2f}', f'{ninety_five:.2f}'])} |", flush=True)


def run_folder(folder: Path, name: str) -> float:
    """Run a folder job, and return its CPU time in seconds."""
    job = folder / name
    command = [sys.executable, "-m", "omz_demo", job / "pictures", "--plate", job / "plates", "-m", STARTER]
    process = subprocess.Popen(
        [*command, "-o", folder / "results"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"the folder job has ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def ask_all(
    server: Server, pairs: Sequence[Pair], wanted: Sequence[bytes], seconds: float, least: int = 1
) -> list[float]:
    """Ask from eight clients at once, for so long, each ``least`` times, and return the seconds of each request."""
    end = time.monotonic() + seconds

    def client(number: int) -> list[float]:
        taken = list[float]()
        with httpx.Client(trust_env=False, timeout=1200) as connection:
            while time.monotonic() < end or len(taken) < least:
                index = (number + len(taken)) % len(pairs)
                started = time.perf_counter()
                response = ask(connection, server, pairs[index])
                taken.append(time.perf_counter() - started)
                if response.status_code != 200 or response.content != wanted[index]:
                    raise SystemExit(f"a request has failed: {response.status_code}, {response.text[:200]}")
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [each for taken in pool.map(client, range(CLIENTS)) for each in taken]


def burst(folder: Path) -> None:
    """Print what comes of fifty uploads at once."""
    pair, gate = scene(0, SIZE), threading.Barrier(BURST)

    def client(_: int) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=1200) as connection:
            gate.wait()
            return ask(connection, server, pair)

    with served(folder) as server, ThreadPoolExecutor(BURST) as pool:
        responses = list(pool.map(client, range(BURST)))
        with httpx.Client(trust_env=False, timeout=1200) as connection:
            after = ask(connection, server, pair).status_code
    counts = Counter(response.status_code for response in responses)
    told = {response.headers.get("retry-after") for response in responses if response.status_code == 429}
    if not {*counts} <= {200, 429} or None in told or after != 200:
        raise SystemExit(f"{BURST} uploads at once: {dict(counts)}, Retry-After {told}, and then {after}")
    shown = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
    print(f"\n{BURST} uploads at once: {shown}; the next one: {after}", flush=True)


def watch_memory(folder: Path, count: int) -> None:
    """Print the memory of all processes after 200 requests, and after many, of pictures, plates and options in turn."""
    pairs = [scene(index, (SMALL[0] + 4 * (index % 5), SMALL[1])) for index in range(PAIRS)]
    with served(folder, "--workers", "2") as server:
        first = ask_many(server, pairs, 0, SETTLED)
        last = ask_many(server, pairs, SETTLED, count)
    heads = (f"small pairs, {len(pairs)} in turn, 2 processes", "memory MB", "of the first")
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    print(f"| after {SETTLED} requests | {first:.0f} | 1.000 |\n| after {count} | {last:.0f} | {last / first:.3f} |")


def ask_many(server: Server, pairs: Sequence[Pair], first: int, last: int) -> float:
    """Ask from eight clients at once, and return the memory in MB afterwards; each tenth picture is damaged."""

    def client(number: int) -> None:
        pair, options = pairs[number % len(pairs)], OPTIONS[number % len(OPTIONS)]
        is_damaged = number % 10 == 9
        if is_damaged:
            pair = Pair(pair.picture[: len(pair.picture) // 2], pair.plate)
        with httpx.Client(trust_env=False, timeout=1200) as connection:
            status = ask(connection, server, pair, **options).status_code
        if status != (422 if is_damaged else 200):
            raise SystemExit(f"request {number} has failed: {status}")

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(first, last)))
    return memory_of(server.pid)


def ask(connection: httpx.Client, server: Server, pair: Pair, **options: str) -> httpx.Response:
    files = {"picture": ("photo.jpg", pair.picture), "plate": ("plate.jpg", pair.plate)}
    return connection.post(f"{server.url}/v1/mattes", files=files, data=options)


@contextmanager
def served(folder: Path, *flags: str) -> Iterator[Server]:
    """Run the service, with defaults but for ``flags`` and deadlines, which are not for busy machines."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "omz_demo", "serve", "-m", STARTER, "--port", str(port), *flags]
    command += ["--max_seconds", "600"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", process.pid)
    try:
        wait_for(lambda: httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200)
        yield server
    finally:
        process.terminate()
        process.wait()


def wait_for(is_there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            if is_there():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the service does not start")


def scene(index: int, size: tuple[int, int]) -> Pair:
    """Return a drawn scene, as JPEGs."""
    drawn = make_scene(index, size, "test")
    picture, plate = (cv2.imencode(".jpg", each)[1].tobytes() for each in (drawn.picture, drawn.plate))
    return Pair(picture, plate)


if __name__ == "__main__":
    main()
