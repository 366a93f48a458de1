"""``omz_accuracy --cluster``: the report that it writes without it, but for times, whatever becomes of workers."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from helpers.accuracy_command import report_content, run
from helpers.clips import make_mattes, make_pictures
from helpers.clusters import LONG, kill_a_worker, start, wait_for_the_end_of_ray
from helpers.role_networks import write_recurrent_zoo

from omz.cli.accuracy import without_ways
from omz.images.files import write_picture

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

SIZE = (64, 96)
LOCAL = ("--cluster", "local[2]")
STARTER = ("--name", "background-matting-starter", "--models", "original,FP32,FP16", "--convention", "rvm_hr")
JOURNAL = "frames.unfinished.jsonl"


def write_frames(folder: Path, clips: int, length: int) -> None:
    """Write clips; one frame cannot be read."""
    frames, mattes = make_pictures(clips * length, SIZE), make_mattes(clips * length, SIZE)
    for index, (frame, matte) in enumerate(zip(frames, mattes, strict=True)):
        name = f"clip{index // length}/{index % length:04d}.png"
        write_picture(folder / "com" / name, frame)
        write_picture(folder / "fgr" / name, np.dstack([frame, matte]))
        write_picture(folder / "bgr" / name, frame[::-1].copy())
    (folder / "bgr" / "clip1" / "0003.png").write_bytes(b"no image")


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    write_frames(tmp_path / "data", 4, 6)
    yield tmp_path
    wait_for_the_end_of_ray()


def evaluated(folder: Path, *flags: str) -> dict[str, str]:
    """Run the command, and return its report; one frame cannot be read, so that it exits with 1."""
    process = start("omz.cli.accuracy", folder, "--dataset", "data", "--report", "report", *flags)
    out, said = process.communicate(timeout=LONG)
    assert process.returncode == 1, out + said
    assert "Traceback" not in said
    assert "clip1/0003" in out
    return report_content(folder / "report")


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--cluster", "nowhere"), "'nowhere' is no cluster; write auto, the HOST:PORT of its head, or local[N]"),
        (("--cluster", "ray://host:1"), "is for remote clients; run the command on a machine of the cluster"),
        (("--timeout", "3"), "--timeout needs --cluster, too"),
    ],
)
def test_what_a_cluster_cannot_do_is_wrong_usage(flags, problem):
    result = run("--name", "background-matting-starter", *flags)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_the_command_in_a_report_is_one_for_this_machine():
    one = ["--name", "net", "--cluster", "auto", "--timeout", "60", "--report", "out", "--resume"]
    other = ["--timeout=60", "--name", "net", "--resume", "--report", "out", "--cluster=local[2]"]
    assert without_ways(one) == without_ways(other) == ["--name", "net", "--report", "out"]


def test_without_the_extra_there_is_one_line(monkeypatch):
    monkeypatch.setattr("omz.extras.find_spec", lambda _: None)
    result = run("--name", "background-matting-starter", *LOCAL)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("Ray is not installed; install it with pip install '.[cluster]' "
                                                   "in a clone of Open Matting Zoo")  # fmt: skip


@pytest.mark.slow
def test_a_report_is_the_same(folder):
    plain = evaluated(folder, *STARTER)
    assert evaluated(folder, *STARTER, *LOCAL) == plain


@pytest.mark.slow
def test_a_recurrent_model_sees_each_clip_from_its_beginning(folder):
    models, downloads, _ = write_recurrent_zoo(folder, SIZE)
    flags = ("--name", "net", "--models_dir", str(models), "-d", str(downloads), "--convention", "rvm_hr")
    plain = evaluated(folder, *flags)
    assert evaluated(folder, *flags, *LOCAL) == plain


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_or_without_a_cluster_and_workers_may_die(folder):
    write_frames(folder / "data", 10, 40)
    plain = evaluated(folder, *STARTER)
    given = ("--dataset", "data", "--report", "report", *STARTER)
    process = start("omz.cli.accuracy", folder, *given, *LOCAL)
    journal, killed = folder / "report" / JOURNAL, 0
    while process.poll() is None and not (killed and journal.exists() and journal.read_bytes().count(b"\n") > 50):
        killed = killed or kill_a_worker()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=LONG)
    assert killed
    wait_for_the_end_of_ray()
    kept = journal.read_bytes().count(b"\n")
    assert 50 < kept < 400
    assert evaluated(folder, *STARTER, "--resume", *LOCAL) == plain
