"""Videos whose runs are killed, stopped or tampered with, and gone on with: frames as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import save_difference_model
from helpers.clips import decoded, sound_packets
from helpers.films import command, demo, make_film, plate, sequence, times
from helpers.stopped_command import stopped_command

from omz.cutout.segments import open_segments
from omz.images.compositing import to_uint8
from omz.images.files import write_picture
from omz.synthesis import textures
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter

FRAMES = 200
SEGMENT = ("--segment_seconds", "0.2")  # 5 frames
JOBS = {
    "composite": ("out.mp4", ("--target", "#204060")),
    "cutout": ("out.mov", ()),
    "smoothed": ("out.webm", ("--smooth", "0.9", "--feather", "2")),
    "pictures": ("out", ("--smooth", "0.9", "--feather", "2")),
}


@dataclass(frozen=True)
class Job:
    """A command in a folder, and where it writes; its paths are relative, so that the folder can be copied."""

    folder: Path
    arguments: tuple[str, ...]
    output: Path

    @property
    def journal(self) -> Path:
        return self.output.with_name(f".{self.output.name}.omz_demo") / "segments.jsonl"

    def segments(self) -> int:
        try:
            return max(0, self.journal.read_bytes().count(b"\n") - 1)
        except FileNotFoundError:
            return 0

    def changed(self) -> int:
        """When files came or went, in ns."""
        return max((path.stat().st_mtime_ns for path in (self.journal.parent, self.output) if path.is_dir()), default=0)

    def stop_after(self, how: signal.Signals, segments: int) -> tuple[int, str]:
        """Run it in a process of its own, which gets a signal once it has so many; return exit code, stderr."""
        command = stopped_command("omz_demo", how, segments, *self.arguments)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def kill(self, when: Callable[[], bool], *more: str) -> tuple[int, str]:
        """Run it in a process of its own, and kill it as soon as ``when`` says so; return exit code, stderr."""
        process = subprocess.Popen(
            command(*self.arguments, *more), cwd=self.folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}, text=True,
        )  # fmt: skip
        while process.poll() is None and not when():
            time.sleep(0.002)
        process.kill()
        _, said = process.communicate()
        return process.returncode, said


def job(folder: Path, kind: str, frames: int = FRAMES) -> Job:
    name, more = JOBS[kind]
    make_film(folder, frames, sound="aac")
    flags = ("clip.mp4", "--plate", "plate.png", "-m", "difference.xml", "-o", name, *SEGMENT, *more)
    return Job(folder, flags, folder / name)


def content(output: Path) -> object:
    """Return all that is seen and heard of a result."""
    if output.is_dir():
        return (output / "times.csv").read_bytes(), [picture.tobytes() for picture in sequence(output)]
    return decoded(output), sound_packets(output)


def assert_same(found: object, expected: object, kind: str) -> None:
    """Frame for frame and packet for packet; H.264 frames within what the encoder makes of the same pictures.

    On CPUs with AVX-512, x264 was seen to encode the same pictures otherwise, once in thousands of segments.
    """
    if kind != "composite":
        assert found == expected
        return
    (frames, sound), (others, other_sound) = found, expected  # type: ignore[misc]
    assert sound == other_sound
    assert [time for time, _ in frames] == [time for time, _ in others]
    levels = [np.array([list(planes) for _, planes in each], float) for each in (frames, others)]
    assert np.abs(levels[0] - levels[1]).mean(axis=1).max() < 1


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run that was killed when it had some segments."""
    begun = job(tmp_path_factory.mktemp("stopped"), "cutout")
    code, said = begun.stop_after(signal.SIGKILL, 4)
    assert code == -signal.SIGKILL, said
    assert not begun.output.exists()
    return begun


@pytest.fixture
def again(stopped: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A copy of it, in the working directory."""
    shutil.copytree(stopped.folder, tmp_path / "copy")  # with the times of files
    monkeypatch.chdir(tmp_path / "copy")
    return Job(tmp_path / "copy", stopped.arguments, tmp_path / "copy" / stopped.output.name)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> object:
    return finished(job(tmp_path_factory.mktemp("unbroken"), "cutout"))


def finished(given: Job) -> object:
    before = Path.cwd()
    os.chdir(given.folder)
    try:
        assert demo(*given.arguments).exit_code == 0
    finally:
        os.chdir(before)
    return content(given.output)


def test_a_killed_run_goes_on_after_its_finished_segments(again, unbroken):
    kept = again.segments()
    assert kept == 4 < FRAMES // 5
    result = demo(*again.arguments, "--resume", "--report", "report.json")
    assert result.exit_code == 0, result.output
    assert "anew" not in result.output
    assert f'"frames": {FRAMES - 5 * kept}' in Path("report.json").read_text()
    assert content(again.output) == unbroken
    assert not list(again.folder.glob(".*"))


@pytest.mark.parametrize("damage", ["cut", "changed", "missing", "journal"])
def test_what_is_damaged_on_the_disk_is_done_again(again, unbroken, damage):
    segment = again.journal.with_name("cutout.00002.mov")
    if damage == "cut":
        os.truncate(segment, segment.stat().st_size // 2)
    elif damage == "changed":
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 1
        segment.write_bytes(data)
    elif damage == "missing":
        segment.unlink()
    else:
        with again.journal.open("ab") as file:
            file.write(b'{"first": 20, "fra')
    result = demo(*again.arguments, "--resume")
    assert result.exit_code == 0, result.output
    assert ("number 3 is damaged" in result.output) == (damage != "journal")
    assert content(again.output) == unbroken


@pytest.mark.parametrize("change", ["option", "video", "plate", "model"])
def test_what_belongs_to_something_else_is_done_anew_and_that_is_said(again, change):
    more: tuple[str, ...] = ()
    if change == "option":
        more = ("--feather", "1")
    elif change == "video":
        make_film(again.folder / "other", 60, sound="aac").path.replace("clip.mp4")
    elif change == "plate":
        cv2.imwrite("plate.png", cv2.flip(plate(), 0))
    else:
        text = Path("difference.xml").read_text()
        Path("difference.xml").write_text(f"{text}\n")
    result = demo(*again.arguments, *more, "--resume")
    assert result.exit_code == 0, result.output
    assert "of a run with another" in result.output
    assert "everything is done anew" in result.output
    resumed = content(again.output)
    assert demo(*again.arguments, *more).exit_code == 0
    assert content(again.output) == resumed


def test_without_resume_all_is_done_anew(again, unbroken):
    assert demo(*again.arguments).exit_code == 0
    assert content(again.output) == unbroken


def test_two_runs_do_not_work_on_one_result(again):
    with open_segments(again.journal.parent, {}, resume=False):
        result = demo(*again.arguments, "--resume")
    assert result.exit_code == 2
    assert "another run works on" in result.output


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path, monkeypatch, unbroken):
    begun = job(tmp_path / "job", "cutout")
    monkeypatch.chdir(begun.folder)
    code, said = begun.stop_after(signal.SIGINT, 3)
    assert code == 130, said
    kept = 5 * begun.segments()
    assert kept == 15
    assert f"{kept} frames" in said.splitlines()[-1]
    assert "--resume" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not begun.output.exists()
    assert not [path for path in begun.folder.rglob("*") if ".part" in path.name]
    assert demo(*begun.arguments, "--resume").exit_code == 0
    assert content(begun.output) == unbroken


def test_of_several_videos_those_that_are_finished_are_not_done_again(tmp_path, monkeypatch):
    for name in ("a", "b"):
        make_film(tmp_path, 10, name=f"{name}.mp4")
    monkeypatch.chdir(tmp_path)
    flags = ("a.mp4", "b.mp4", "--plate", "plate.png", "-m", "difference.xml", "-o", "out")
    assert demo(*flags).exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("*.mov")}
    assert len(before) == 2
    result = demo(*flags, "--resume")
    assert result.exit_code == 0
    assert "2 there already" in result.output
    assert {path: path.stat().st_mtime_ns for path in Path("out").glob("*.mov")} == before
    Path("out", "a.mov").write_bytes(b"damaged")
    result = demo(*flags, "--resume")
    assert "1 there already" in result.output
    assert times(Path("out", "a.mov")) == times(Path("a.mp4"))


def test_the_plate_of_a_camera_that_moves_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_difference_model(tmp_path / "difference.xml", "height", "width")
    rng = np.random.default_rng(3)
    room = to_uint8(np.clip(textures.cluttered(rng, (220, 300), textures.palette(rng, 4)), 0, 1).astype(np.float32))
    write_picture(tmp_path / "plate.png", room[30:190, 30:270])
    form = choose_format(tmp_path / "clip.mkv", False)
    with VideoWriter(tmp_path / "clip.mkv", form, (160, 240), Fraction(1, 25), Fraction(25)) as writer:
        for index in range(40):
            move = np.float32([[1, 0, -30 - 0.4 * index], [0, 1, -30 + 0.3 * index]])
            picture = cv2.warpAffine(room, move, (240, 160))
            picture[60:140, 60 + index : 110 + index] = 255 - picture[60:140, 60 + index : 110 + index]
            writer.write(picture, index)
    flags = ("clip.mkv", "--plate", "plate.png", "-m", "difference.xml", *SEGMENT, "--what", "alpha")
    whole = demo(*flags, "-o", "whole.mov").output
    assert float(whole.partition("the camera moved by up to ")[2].split(" px")[0]) == pytest.approx(19.5, abs=1)
    begun = Job(tmp_path, (*flags, "-o", "out.mov"), tmp_path / "out.mov")
    code, said = begun.stop_after(signal.SIGKILL, 3)
    assert code == -signal.SIGKILL, said
    demo(*begun.arguments, "--resume")
    assert decoded(tmp_path / "out.mov") == decoded(tmp_path / "whole.mov")


@pytest.mark.slow
@pytest.mark.parametrize("kind", JOBS)
def test_a_video_killed_again_and_again_is_as_if_it_never_was(tmp_path, monkeypatch, kind):
    expected = finished(job(tmp_path / "unbroken", kind, 400))
    begun, chance = job(tmp_path / "killed", kind, 400), random.Random(kind)
    monkeypatch.chdir(begun.folder)
    kills = 0
    while kills < 5:
        until, before, changed = chance.uniform(0, 0.25), begun.segments(), begun.changed()
        started: list[float] = []

        def is_time(until: float = until, started: list[float] = started, changed: int = changed) -> bool:
            if not started and begun.changed() > changed:
                started.append(time.monotonic())
            return bool(started) and time.monotonic() - started[0] > until

        code, said = begun.kill(is_time, "--resume")
        assert code in (0, -signal.SIGKILL), said
        kills += code != 0
        assert "anew" not in said
        assert begun.segments() >= before or code == 0
    assert demo(*begun.arguments, "--resume").exit_code == 0
    assert_same(content(begun.output), expected, kind)
    assert not list(begun.folder.rglob(".*"))
