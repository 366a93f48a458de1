"""``omz_accuracy`` whose plug is pulled, and that goes on: the report is that of an unbroken run, but for times."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.accuracy_command import FILES, report_content
from helpers.stopped_command import stopped_command

from omz.images.files import write_picture
from omz.synthesis.scene import make_scene

STARTER = "background-matting-starter"
JOURNAL = "frames.unfinished.jsonl"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Three clips, of 5, 6 and 1 frames; one of these cannot be read."""
    folder = tmp_path_factory.mktemp("dataset")
    for number, name in enumerate(
        f"clip{clip}/{index}" for clip, count in ((0, 5), (1, 6), (2, 1)) for index in range(count)
    ):
        scene = make_scene(number, (64, 96), "test")
        write_picture(folder / "com" / f"{name}.png", scene.picture)
        write_picture(folder / "bgr" / f"{name}.png", scene.plate)
        alpha = np.rint(255 * scene.alpha).astype(np.uint8)
        write_picture(folder / "fgr" / f"{name}.png", np.dstack([scene.foreground, alpha]))
    (folder / "bgr" / "clip1" / "3.png").write_bytes(b"no picture")
    return folder


def flags(dataset: Path, report: Path) -> list[str]:
    return [
        "--name", STARTER, "--models", "FP32,FP16", "--dataset", str(dataset), "--convention", "rvm_hr", "--report",
        str(report),
    ]  # fmt: skip


def start(dataset: Path, report: Path, *more: str, blocks: int | None = None) -> subprocess.Popen[bytes]:
    """Start a run that may write files of up to so many ``blocks`` of 512 bytes."""
    command = [sys.executable, "-m", "omz.cli.accuracy", *flags(dataset, report), *more]
    if blocks is not None:
        command = ["sh", "-c", 'ulimit -f "$0"; exec "$@"', str(blocks), *command]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=report.parent)


def killed(dataset: Path, report: Path, frames: int, *more: str) -> None:
    """Run until so many more frames are noted."""
    command = stopped_command("omz_accuracy", signal.SIGKILL, frames, *flags(dataset, report), *more)
    done = subprocess.run(command, capture_output=True, check=False, cwd=report.parent)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a run."""
    out, err = process.communicate(timeout=600)
    assert process.returncode == 1, out + err  # for the frame that cannot be read
    assert b"Traceback" not in err
    assert b"cannot be read" in out


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_report(dataset, tmp_path):
    report = tmp_path / "report"
    finish(start(dataset, report))
    unbroken = report_content(report)
    for steps in ((1, 3, 4), (5, 2, 1)):
        for number, frames in enumerate(steps):
            killed(dataset, report, frames, *(["--resume"] if number else []))
            assert lines(report) == 1 + sum(steps[: number + 1])
            assert {path.name for path in report.iterdir()} >= FILES  # those of the run before
        finish(start(dataset, report, "--resume"))
        assert report_content(report) == unbroken


def lines(report: Path) -> int:
    try:
        return (report / JOURNAL).read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def test_a_run_with_other_settings_is_not_mixed_with_the_one_before(dataset, tmp_path):
    report = tmp_path / "report"
    killed(dataset, report, 3)
    before = (report / JOURNAL).read_bytes()
    for more, said in (
        (("--resume", "--levels", "round"), b"was begun with another levels (none, not round)"),
        ((), b"frames of a run that has not ended; --resume goes on"),
    ):
        out, err = start(dataset, report, *more).communicate()
        assert out == b""
        assert err.count(b"\n") == 1
        assert said in err
        assert (report / JOURNAL).read_bytes() == before


def test_a_finished_run_that_is_resumed_is_run_again(dataset, tmp_path):
    report = tmp_path / "report"
    finish(start(dataset, report, "--resume"))
    first = report_content(report)
    finish(start(dataset, report, "--resume", "--jobs", "2"))
    again = report_content(report)
    assert again.keys() == first.keys()
    assert again["frames.csv"] == first["frames.csv"]


@pytest.mark.slow
def test_a_disk_that_is_full_is_one_line_and_the_report_before_stays(dataset, tmp_path):
    report = tmp_path / "report"
    finish(start(dataset, report))
    before = {path.name: path.read_bytes() for path in report.iterdir()}
    for blocks in (6, 24):  # the journal does not fit, or the report
        process = start(dataset, report, "--resume", blocks=blocks)
        out, err = process.communicate()
        assert process.returncode == 2, out + err
        assert err.count(b"\n") == 1
        assert os.strerror(errno.EFBIG).encode() in err
        after = {path.name: path.read_bytes() for path in report.iterdir() if path.name != JOURNAL}
        assert after == before
    finish(start(dataset, report, "--resume"))
    assert {path.name for path in report.iterdir()} == FILES
