"""A watched folder that a camera, an editor and a copy work in, while the command is killed and started again."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from helpers.clips import write_clip
from helpers.demo_command import SIZE, content, demo, done, write_blocks, write_plate
from helpers.films import LOSSLESS

GIVEN = ("-m", "model.xml", "--plate", "plate.png", "in")
COUNT, KILLS, SEED = 200, 6, 11
DEADLINE = 300.0


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return write_plate(tmp_path)


class Copying(threading.Thread):
    """Brings files into ``in``: slowly, or moved in; renames some, and replaces some, in place or by another file."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.chance = folder / "in", random.Random(SEED)
        self.source = {path.name: path.read_bytes() for path in sorted((folder / "src").iterdir())}
        self.whole = {hashlib.sha256(each).hexdigest() for each in self.source.values()}

    def run(self) -> None:
        names = list(self.source)
        for number, name in enumerate(names):
            if number % 3:
                self.copy(name, self.source[name], 1.5 if number % 40 == 1 else 0.02)
            else:
                self.move_in(name, self.source[name])
            if number % 5 == 4:  # one that came before, perhaps while it is read
                before = names[number - self.chance.randint(0, 4)]
                other = self.source[names[self.chance.randrange(COUNT)]]
                change = self.chance.choice([self.rename, self.copy, self.move_in])
                change(before, other)

    def copy(self, name: str, whole: bytes, pause: float = 0.02) -> None:
        """Write a file in pieces; after a pause of more than a second, it looks like a file that does not change."""
        with (self.folder / name).open("wb") as file:
            for start in range(0, len(whole), 200):
                file.write(whole[start : start + 200])
                file.flush()
                time.sleep(pause)

    def move_in(self, name: str, whole: bytes) -> None:
        """Write a file outside, and give it its name here."""
        outside = self.folder.with_name("outside.png")
        outside.write_bytes(whole)
        outside.replace(self.folder / name)

    def rename(self, name: str, _: bytes) -> None:
        """Give a file another name."""
        if (self.folder / name).exists():
            (self.folder / name).rename(self.folder / f"renamed_{name}")


def start(*flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "omz_demo", "--watch", *GIVEN, "-o", "out", *flags]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait(process: subprocess.Popen[str], is_over: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not is_over():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() - began < DEADLINE
        time.sleep(0.1)


def entries(folder: Path, name: str = "omz_demo.jsonl") -> list[dict[str, object]]:
    path = folder / "out" / name
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
    return [json.loads(line) for line in lines if line.endswith("\n")]


def are_cut(folder: Path) -> bool:
    """Whether the last line about each file is about what is in it now."""
    last = {entry["input"]: entry["sha256"] for entry in entries(folder)}
    present = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "in").iterdir()}
    return present.items() <= last.items()


@pytest.mark.slow
def test_every_file_is_cut_once_whole_and_right_whatever_happens_to_it_and_to_the_command(folder):
    write_blocks(folder / "src", COUNT)
    copying = Copying(folder)
    copying.start()
    for kill in range(KILLS):
        process, known = start(), len(entries(folder))
        wait(process, lambda known=known: len(entries(folder)) > known + 3 or not copying.is_alive())
        time.sleep(copying.chance.uniform(0, 0.5))
        process.kill()
        assert process.wait() == -signal.SIGKILL, kill
        process.communicate()
    process = start()
    wait(process, lambda: not copying.is_alive() and are_cut(folder))
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert said.splitlines()[-1].endswith(" are finished; start it again to go on")
    noted = entries(folder)
    assert {entry["status"] for entry in noted} == {"done"}
    assert {entry["sha256"] for entry in noted} <= copying.whole  # nothing was cut before it was complete
    assert set(Counter((entry["input"], entry["sha256"]) for entry in noted).values()) == {1}
    done(*GIVEN, "-o", "whole")
    whole, found = content(folder / "whole"), content(folder / "out")
    assert len(whole) == COUNT
    assert whole.items() <= found.items()
    assert set(found) <= {*whole, *(path.name for path in (folder / "src").iterdir())}
    assert not list((folder / "out").glob(".*.part*"))
    result = done(*GIVEN, "-o", "out", "--resume", "--json")  # the manifest is that of a job
    assert json.loads(result.stdout)["skipped"] == COUNT


@pytest.mark.slow
def test_every_video_is_cut_once_and_right_though_the_command_is_killed_in_the_middle(folder):
    count, chance, journal = 5, random.Random(SEED), "omz_demo_videos.jsonl"
    flags = ("--segment_seconds", "0.4")
    for number in range(count):
        write_blocks(folder / f"frames{number}", 40, SIZE)
        paths = sorted((folder / f"frames{number}").iterdir(), key=lambda path: (int(path.stem) + number) % 40)
        write_clip(folder / f"{number}.mkv", [cv2.imread(str(path)) for path in paths], **LOSSLESS)

    def copy() -> None:
        for number in range(count):
            whole = (folder / f"{number}.mkv").read_bytes()
            with (folder / "in" / f"{number}.mkv").open("wb") as file:
                for start in range(0, len(whole), len(whole) // 4 + 1):
                    file.write(whole[start : start + len(whole) // 4 + 1])
                    file.flush()
                    time.sleep(0.5)

    copying = threading.Thread(target=copy)
    copying.start()
    for kill in range(KILLS):
        process, seconds, began = start(*flags), chance.uniform(1, 6), time.monotonic()
        wait(process, lambda began=began, seconds=seconds: time.monotonic() - began > seconds)
        process.kill()
        assert process.wait() == -signal.SIGKILL, kill
        process.communicate()
    process = start(*flags)
    wait(process, lambda: len(entries(folder, journal)) == count)
    process.send_signal(signal.SIGINT)
    process.communicate()
    copying.join()
    noted = entries(folder, journal)
    whole = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.mkv")}
    assert {entry["input"]: entry["sha256"] for entry in noted} == whole
    assert (len(noted), {entry["status"] for entry in noted}) == (count, {"done"})
    done(*GIVEN, "-o", "whole", *flags)
    assert content(folder / "out") == content(folder / "whole")
    assert len(content(folder / "out")) == count
    result = done(*GIVEN, "-o", "out", *flags, "--resume", "--json")
    assert json.loads(result.stdout)["skipped"] == count


def test_sigterm_ends_an_idle_watch_and_another_one_of_the_same_folder_is_refused(folder):
    write_blocks(folder / "in", 2)
    process = start()
    wait(process, lambda: len(entries(folder)) == 2)
    second = demo("--watch", *GIVEN, "-o", "out")
    assert second.exit_code == 2
    assert second.stderr.splitlines()[-1].startswith("main: error: another run works on out/omz_demo.jsonl; ")
    process.terminate()
    said = process.communicate()[1].splitlines()
    assert process.returncode == 143
    assert said[-1] == "omz_demo: terminated; 2 images are finished; start it again to go on"
    assert sum(": made from in/" in line for line in said) == 2
