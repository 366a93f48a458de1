"""``omz_demo --cluster`` while workers, machines and the command itself are killed, and on a disk that gets full."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.clusters import (
    LONG,
    RayNodes,
    changed_work,
    demo_folder,
    images_in,
    kill_the_machine_of,
    ray_nodes,
    run_demo,
    start_demo,
    workers,
)
from helpers.demo_command import done, write_blocks
from helpers.films import make_film
from helpers.full_disk import small_disk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

GIVEN = ("in", "--plate", "plate.png", "-m", "model.xml", "-o", "out")
LOCAL = ("--cluster", "local[2]")
KILLS = int(os.environ.get("OMZ_TEST_KILLS", "8"))
IMAGES = 60 * KILLS
FRAMES = 150
SEGMENTED = ("in", "--plate", "plate.png", "-m", "difference.xml", "--segment_seconds", "0.4", "-o", "out")
SLOW = """
def changed(read):
    alone = threading.Lock()

    def slow(*given):
        with alone:
            time.sleep(0.1)
        return read(*given)

    return slow
"""
"""What gives workers, on whatever machine and with however many threads, at least a tenth of a second an image."""
SLOW_FRAMES = """
def changed(render):
    return lambda *given: (time.sleep(0.2), render(*given))[1]
"""
RENDERING = "omz.cutout.rendering.for_video"


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    with demo_folder(tmp_path) as folder:
        yield folder


def noted(folder: Path) -> Counter[str]:
    """How often the manifests, of images and of videos, have each input as done."""
    lines = [line for path in folder.glob("omz_demo*.jsonl") for line in path.read_text().splitlines()[1:]]
    return Counter(entry["input"] for entry in map(json.loads, lines) if entry["status"] == "done")


def assert_all_done_once(folder: Path) -> None:
    """Compare results with those of the plain command; nothing is there twice, or in part."""
    assert images_in(folder / "out") == images_in(folder / "plain")
    assert noted(folder / "out") == dict.fromkeys(images_in(folder / "in"), 1)
    assert not [*folder.rglob(".*.part*"), *folder.rglob(".omz.cluster*")]


def wait_for_an_image(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until a run has written an image that was not there, or has ended."""
    before = set(out.glob("[!.]*.png"))
    while process.poll() is None and set(out.glob("[!.]*.png")) <= before:
        time.sleep(0.05)


def wait_for_a_segment(process: subprocess.Popen[str], out: Path) -> None:
    """Wait until a run has noted a segment of a video, or has joined those of one, or has ended."""
    before = segments(out)
    while process.poll() is None and segments(out) == before:
        time.sleep(0.05)


def segments(out: Path) -> int:
    """How many segments of videos are noted as finished, of all that have not been joined yet."""
    noted = 0
    for path in out.glob(".*/segments.jsonl"):
        with suppress(FileNotFoundError):  # of a video that is joined
            noted += max(0, path.read_bytes().count(b"\n") - 1)
    return noted


def plan_kills(chance: random.Random, count: int = KILLS) -> list[str]:
    """What to kill: the command at a third and at two thirds of the moments, else workers and their machines."""
    others = [*("worker", "worker", "machine", "worker", "machine") * count][: count - 2]
    chance.shuffle(others)
    others.insert(count // 3, "command")
    others.insert(2 * count // 3, "command")
    return others


def strike(chance: random.Random, process: subprocess.Popen[str], name: str) -> bool:
    """Kill the command, a worker, or the machine of one; return whether there was one."""
    if name == "command":
        process.kill()
        return True
    victims = workers()
    if not victims:
        return False
    victim = chance.choice(sorted(victims))
    if name == "machine":
        return kill_the_machine_of(victim)
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def strike_all(chance: random.Random, process: subprocess.Popen[str], kills: list[str], nodes: RayNodes) -> None:
    """Kill what ``kills`` says, and take that from it, until the command has ended; replace machines."""
    while process.poll() is None and kills:
        time.sleep(chance.uniform(0, 3))
        if strike(chance, process, kills[0]) and kills.pop(0) == "machine":
            nodes.add()
    process.communicate(timeout=LONG)


def test_whatever_is_killed_at_random_moments_all_is_done_once(folder):
    write_blocks(folder / "in", IMAGES)
    done(*GIVEN[:-1], "plain")
    more = changed_work(folder, SLOW)
    chance = random.Random(24)
    kills = plan_kills(chance)
    assert {*kills} == {"command", "worker", "machine"}
    with ray_nodes(folder, nodes=2, more=more) as nodes:
        flags = (*GIVEN, "--resume", "--retry_failed", "--cluster", nodes.address)
        while kills:
            process = start_demo(folder, *flags)
            wait_for_an_image(process, folder / "out")
            strike_all(chance, process, kills, nodes)
            assert images_in(folder / "out").items() <= images_in(folder / "plain").items()
            assert max(noted(folder / "out").values(), default=0) <= 1
            assert not kills or noted(folder / "out").total() < IMAGES, f"all was done before {kills}"
        result = run_demo(folder, *flags)
        assert result.returncode == 0, result.stderr
    assert_all_done_once(folder)


@pytest.mark.parametrize("flags", [("--align", "off", "--match_exposure", "off"), ()], ids=["segments", "whole"])
def test_whatever_is_killed_during_videos_they_become_the_same_bytes(folder, flags):
    for name in ("one", "two"):
        make_film(folder, FRAMES, name=f"{name}.mp4")
    (folder / "in").mkdir()
    for path in folder.glob("*.mp4"):
        path.rename(folder / "in" / path.name)
    done(*SEGMENTED[:-1], "plain", *flags)
    assert len(images_in(folder / "plain")) == 2
    chance = random.Random(24)
    kills = plan_kills(chance, 5)
    assert {*kills} == {"command", "worker", "machine"}
    with ray_nodes(folder, nodes=2, more=changed_work(folder, SLOW_FRAMES, RENDERING)) as nodes:
        given = (*SEGMENTED, *flags, "--resume", "--retry_failed", "--cluster", nodes.address)
        while kills:
            process = start_demo(folder, *given)
            wait_for_a_segment(process, folder / "out")
            strike_all(chance, process, kills, nodes)
            assert images_in(folder / "out").items() <= images_in(folder / "plain").items()
            assert not kills or len(images_in(folder / "out")) < 2, f"all was done before {kills}"
        result = run_demo(folder, *given)
        assert result.returncode == 0, result.stderr
    assert_all_done_once(folder)


def test_a_disk_that_gets_full_is_one_line_and_the_run_goes_on_once_there_is_room(folder):
    write_blocks(folder / "in", 120)
    done(*GIVEN[:-1], "plain")
    with small_disk(folder / "out", 300) as disk:  # a file takes a page
        result = run_demo(folder, *GIVEN, *LOCAL)
        assert result.returncode == 1, result.stderr
        assert "No space left on device" in result.stderr
        assert "Traceback" not in result.stderr
        assert images_in(disk).items() < images_in(folder / "plain").items()
        assert noted(disk).keys() <= images_in(disk).keys()
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        result = run_demo(folder, *GIVEN, "--resume", *LOCAL)
        assert result.returncode == 0, result.stderr
        assert_all_done_once(folder)
