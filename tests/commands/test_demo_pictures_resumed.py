"""Jobs on folders that end before their end, and go on."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.demo_command import GREY, block, demo, done, write_blocks, write_plate
from helpers.full_disk import small_disk
from helpers.stopped_command import stopped_command

from omz.images.files import write_picture

SIZE = (24, 32)
GIVEN = ("-m", "model.xml", "--plate", "plate.png", "in")
KILLS, SEED = 20, 7


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_plate(tmp_path)


def write_noise(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write pictures whose results are large, for nothing of them can be compressed."""
    for number in range(count):
        write_picture(folder / "in" / f"{number}.png", block(size, (1, 1, size[0] - 1, size[1] - 1), number))
    write_picture(folder / "plate.png", np.full((*size, 3), GREY, np.uint8))


def stop(how: signal.Signals, entries: int, *flags: str, after: float = 0.0) -> tuple[int, str]:
    """Run the command until a signal reaches it, and return its exit code and what it said."""
    command = stopped_command("omz_demo", how, entries, *GIVEN, *flags, after=after)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*.png")}


def leave_free(disk: Path, size: int) -> None:
    (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - size))


@pytest.mark.slow
def test_killed_at_any_moment_and_gone_on_with_it_is_an_unbroken_run(folder):
    write_noise(folder, 500, (40, 50))
    done(*GIVEN, "-o", "whole")
    whole, chance = content(folder / "whole"), random.Random(SEED)
    found: dict[str, bytes] = {}
    for kill in range(KILLS):
        if kill % 4:  # while it works
            after = chance.choice([0.0, chance.uniform(0, 0.03)])
            code, said = stop(signal.SIGKILL, chance.randint(1, 10), "-o", "out", "--resume", after=after)
        else:  # while it starts, or else at its first picture
            command = stopped_command("omz_demo", signal.SIGSTOP, 1, *GIVEN, "-o", "out", "--resume")
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(chance.uniform(0, 0.8))
            process.kill()
            code, said = process.wait(), process.communicate()[1]
        assert code == -signal.SIGKILL, said
        found = content(folder / "out")
        assert found.items() <= whole.items()
    assert 0 < len(found) < len(whole) == 500
    told = json.loads(done(*GIVEN, "-o", "out", "--resume", "--json").stdout)
    assert told["done"] + told["skipped"] == 500
    assert told["done"] < 500
    assert content(folder / "out") == whole
    assert not list((folder / "out").glob(".*.part*"))


def test_ctrl_c_finishes_what_was_begun_and_says_how_to_go_on(folder):
    write_noise(folder, 120, (60, 80))
    code, said = stop(signal.SIGINT, 5, "-o", "out")
    finished = content(folder / "out")
    assert code == 130
    assert 5 <= len(finished) < 120
    assert said.splitlines()[-1] == (
        f"omz_demo: interrupted; {len(finished)} images are finished; add --resume to go on"
    )
    assert not list((folder / "out").glob(".*.part*"))
    result = done(*GIVEN, "-o", "out", "--resume", "--json")
    told = json.loads(result.stdout)
    assert (told["done"], told["skipped"], told["frames"]) == (120 - len(finished), len(finished), 120 - len(finished))
    done(*GIVEN, "-o", "whole")
    assert content(folder / "out") == content(folder / "whole")


def test_a_full_disk_is_a_line_and_keeps_what_was_finished(folder):
    write_noise(folder, 40, (40, 60))
    with small_disk(folder / "disk", 1000) as disk:
        leave_free(disk, 160_000)
        result = demo(*GIVEN, "-o", disk)
        assert result.exit_code == 1
        finished = content(disk)
        line = result.stderr.splitlines()[-1]
        assert line.startswith("main: error: ")
        assert f"cannot be written: {os.strerror(errno.ENOSPC)}; free the disk, or choose another place" in line
        assert f"; {len(finished)} images are finished; add --resume to go on" in line
        assert 0 < len(finished) < 40
        assert not list(disk.glob(".*.part*"))
        (disk / "ballast").unlink()
        result = done(*GIVEN, "-o", disk, "--resume")
        assert f", {len(finished)} there already" in result.stdout
        done(*GIVEN, "-o", "whole")
        assert content(disk) == content(folder / "whole")
        leave_free(disk, 20_000)
        done(*GIVEN, "-o", disk, "--resume")  # what is there already needs no place


def test_a_disk_that_cannot_be_written_to_is_told_before_any_work(folder):
    write_blocks(folder / "in", 2, SIZE)
    with small_disk(folder / "disk", 100) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        result = demo(*GIVEN, "-o", disk / "out", "-d", "MARTIAN")
    assert result.exit_code == 1
    assert result.stderr.endswith("disk/out; choose another place with -o\n")
    assert result.stderr.startswith("main: error: nothing can be written into")


def test_what_failed_is_tried_again_when_asked(folder):
    write_blocks(folder / "in", 3, SIZE)
    (folder / "out" / "1.png").mkdir(parents=True)
    result = demo(*GIVEN, "-o", "out")
    assert result.exit_code == 1
    assert "failed: out/1.png cannot be written: it is a folder" in result.stderr
    (folder / "out" / "1.png").rmdir()
    result = demo(*GIVEN, "-o", "out", "--resume")
    assert result.exit_code == 1
    assert ", 1 failed, 2 there already; 0 frames " in result.stdout
    assert "it is a folder" in result.stderr
    assert not (folder / "out" / "1.png").exists()
    result = done(*GIVEN, "-o", "out", "--resume", "--retry_failed")
    assert ", 2 there already; 1 frame in " in result.stdout
    assert (folder / "out" / "1.png").exists()
    assert "0 frames" in done(*GIVEN, "-o", "out", "--resume").stdout


def test_other_options_begin_anew_and_a_changed_picture_alone(folder):
    write_blocks(folder / "in", 3, SIZE)
    done(*GIVEN, "-o", "out")
    write_picture(folder / "in" / "1.png", block(SIZE, (0, 0, 5, 5)))
    result = done(*GIVEN, "-o", "out", "--resume")
    assert "1 frame in" in result.stdout
    assert ", 2 there already" in result.stdout
    result = done(*GIVEN, "-o", "out", "--resume", "--shift", "1")
    assert "omz_demo.jsonl is of a run with another shift (0.0, not 1.0)" in result.stderr
    assert "3 frames in" in result.stdout
    write_picture(folder / "plate.png", np.full((*SIZE, 3), GREY + 1, np.uint8))
    result = done(*GIVEN, "-o", "out", "--resume", "--shift", "1")
    assert "is of a run with another plate" in result.stderr


def test_warnings_of_what_is_there_already_are_not_said_again(folder):
    write_blocks(folder / "in", 2, (12, 20))
    assert "resized to the image's 20x12" in done(*GIVEN, "-o", "out").stderr
    assert "resized" not in done(*GIVEN, "-o", "out", "--resume").stderr


def test_a_shard_goes_on_with_its_own(folder):
    write_blocks(folder / "in", 4, SIZE)
    done(*GIVEN, "-o", "out", "--shard", "1/2")
    assert ", 2 there already" in done(*GIVEN, "-o", "out", "--shard", "1/2", "--resume").stdout
    assert "2 frames in" in done(*GIVEN, "-o", "out", "--shard", "2/2", "--resume").stdout


def test_results_beside_their_inputs_go_on_too(folder):
    write_blocks(folder / "in", 3, SIZE)
    done(*GIVEN)
    (folder / "in" / "1_cutout.png").unlink()
    result = done(*GIVEN, "--resume")
    assert ": made from 3 inputs (32x24), 2 there already; 1 frame in " in result.stdout
    assert ", 2 there already" in result.stdout
    assert len(content(folder / "in")) == 6


def test_one_picture_goes_on_beside_its_result(folder):
    write_picture(folder / "in" / "a.png", block(SIZE, (0, 0, 5, 5)))
    for expected in ("a.png (32x24) in ", "0 frames in "):
        assert expected in done(*GIVEN, "-o", "out/cut.png", "--resume").stdout
    done(*GIVEN, "-o", "folder", "--resume")
    assert (folder / "folder" / "omz_demo.jsonl").exists()
