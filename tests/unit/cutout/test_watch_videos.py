"""A watch of folders that videos come into: alone, beside images, slowly, and while they are cut."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.demo_command import content, done
from helpers.films import make_film, shots

import omz
from omz.errors import Interrupted
from omz.images.files import write_picture

GIVEN = {"model": "src/difference.xml", "plate": "src/plate.png", "watch": True, "output": "out"}
JOB = ("-m", "src/difference.xml", "--plate", "src/plate.png", "in", "-o", "whole")
DEADLINE = 120.0


class Told(omz.Observer):
    """Collects what is told, and stops after ``count`` files that were made or have failed; ``at_frame`` is called."""

    def __init__(self, count: int, at_frame: Callable[[str, int], None] = lambda name, frame: None) -> None:
        self._count, self._at_frame, self._began = count, at_frame, time.monotonic()
        self.made: list[str] = []
        self.failures: list[str] = []

    def on_note(self, text: str) -> None:
        made, _, source = text.partition(": made from ")
        if source:
            self.made.append(Path(made.split(", ")[0]).as_posix())

    def on_failure(self, text: str) -> None:
        self.failures.append(text)

    def on_progress(self, name: str, frame: int, total: int | None) -> None:
        self._at_frame(name, frame)

    def should_stop(self) -> bool:
        assert time.monotonic() - self._began < DEADLINE, (self.made, self.failures)
        return len(self.made) + len(self.failures) >= self._count


def watch(observer: Told, **more: object) -> str:
    """Watch ``in``; return how to go on."""
    with pytest.raises(Interrupted) as stopped:
        omz.cut_out("in", observer=observer, **{**GIVEN, **more})
    return stopped.value.hint


def entries(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "out" / "omz_demo_videos.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    make_film(tmp_path / "src", 12, name="a.mp4")
    make_film(tmp_path / "src", 8, name="b.mkv")
    return tmp_path


def test_videos_animations_and_images_become_the_files_of_a_job_and_are_not_cut_again(folder):
    for name in ("a.mp4", "b.mkv"):
        (folder / "src" / name).rename(folder / "in" / name)
    pictures = shots(3)
    write_picture(folder / "in" / "c.png", pictures[0])
    animation = cv2.Animation()
    animation.frames, animation.durations = pictures, np.full(3, 40, np.int32)
    assert cv2.imwriteanimation(str(folder / "in" / "d.webp"), animation)
    observer = Told(4)
    hint = watch(observer)
    assert not observer.failures
    assert sorted(observer.made) == ["out/a.mov", "out/b.mov", "out/c.png", "out/d.webp"]
    assert hint == "1 image and 23 frames are finished; start it again to go on"
    done(*JOB)
    assert content(folder / "out") == content(folder / "whole")
    write_picture(folder / "in" / "e.png", pictures[1])
    again = Told(1)
    watch(again)
    assert again.made == ["out/e.png"]
    assert sorted(str(entry["input"]) for entry in entries(folder)) == ["a.mp4", "b.mkv", "d.webp"]


def test_a_stopped_video_goes_on_after_its_last_segment(folder):
    (folder / "src" / "a.mp4").rename(folder / "in" / "a.mp4")
    observer, first = Told(1), list[int]()

    def stop(name: str, frame: int) -> None:
        if frame == 7:
            observer.failures.append("enough")

    observer._at_frame = stop
    hint = watch(observer, segment_seconds=0.2)
    assert hint == "5 frames are finished; start it again to go on"
    again = Told(1, lambda name, frame: first.append(frame))
    watch(again, segment_seconds=0.2)
    assert again.made == ["out/a.mov"]
    assert first[0] == 5
    done(*JOB, "--segment_seconds", "0.2")
    assert content(folder / "out") == content(folder / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open for reading cannot be replaced there")
def test_a_video_that_is_replaced_while_it_is_cut_is_cut_again_and_never_noted_with_the_wrong_result(folder):
    path = folder / "in" / "a.mp4"
    (folder / "src" / "a.mp4").rename(path)
    other = (folder / "src" / "b.mkv").read_bytes()

    def replace(name: str, frame: int) -> None:
        if frame == 5 and path.read_bytes() != other:
            (folder / "new").write_bytes(other)
            (folder / "new").replace(path)

    observer = Told(2, replace)
    watch(observer)
    assert observer.failures == ["in/a.mp4 was changed or removed while it was cut; cut it once nothing changes it"]
    assert observer.made == ["out/a.mov"]
    assert len(entries(folder)) == 1
    done(*JOB)
    assert content(folder / "out") == content(folder / "whole")


def test_a_video_that_is_copied_slowly_is_cut_once_it_is_complete(folder):
    whole = (folder / "src" / "b.mkv").read_bytes()

    def copy() -> None:
        with (folder / "in" / "b.mkv").open("wb") as file:
            file.write(whole[: len(whole) // 2])
            file.flush()
            time.sleep(2.5)
            file.write(whole[len(whole) // 2 :])

    thread = threading.Thread(target=copy)
    thread.start()
    observer = Told(1)
    watch(observer)
    thread.join()
    assert (observer.made, observer.failures) == (["out/b.mov"], [])
    done(*JOB)
    assert content(folder / "out") == content(folder / "whole")


def test_an_image_that_comes_meanwhile_does_not_wait_for_all_videos(folder):
    for name in ("a.mp4", "b.mkv"):
        (folder / "src" / name).rename(folder / "in" / name)
    (folder / "in" / "c.mkv").write_bytes((folder / "in" / "b.mkv").read_bytes())

    def come(name: str, frame: int) -> None:
        if (name, frame) == ("a.mp4", 2):
            write_picture(folder / "in" / "z.png", shots(1)[0])
        if (name, frame) == ("b.mkv", 2):
            time.sleep(1.2)  # by which it is complete

    observer = Told(4, come)
    watch(observer)
    assert observer.made == ["out/a.mov", "out/b.mov", "out/z.png", "out/c.mov"]


@pytest.mark.parametrize(("given", "made"), [({"plate": "first"}, "out/b.mov"), ({"target": "src/a.mp4"}, "out/b.mp4")])
def test_a_plate_or_a_target_for_videos_leaves_images_to_the_list_of_failures(folder, given, made):
    (folder / "src" / "b.mkv").rename(folder / "in" / "b.mkv")
    write_picture(folder / "in" / "c.png", shots(1)[0])
    observer = Told(2)
    watch(observer, **given)
    assert observer.made == [made]
    [failure] = observer.failures
    assert failure == "in/c.png is an image, and plate or target are for videos; cut it in a job of its own"
    assert (folder / "out" / "omz_demo_failed.txt").read_text() == f"{failure}\n"


def test_a_broken_video_is_listed_until_it_changes(folder):
    path, listed = folder / "in" / "a.mp4", folder / "out" / "omz_demo_failed.txt"
    path.write_bytes(b"not a video")

    def is_listed_once() -> None:
        [line] = listed.read_text().splitlines()
        assert line.startswith("in/a.mp4")

    watch(Told(1))
    is_listed_once()
    path.write_bytes((folder / "src" / "a.mp4").read_bytes())
    observer = Told(1)
    watch(observer)
    assert observer.made == ["out/a.mov"]
    assert not listed.exists()


def test_a_video_whose_format_no_longer_suits_the_target_is_listed_and_the_others_go_on(folder):
    """ProRes has alpha, and takes --lossless; H.264, which an opaque target leads to, does not."""
    glass, opaque = np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.uint8)
    write_picture(folder / "target.png", glass)
    (folder / "src" / "a.mp4").rename(folder / "in" / "a.mp4")

    def come(name: str, frame: int) -> None:
        if frame == 2:
            write_picture(folder / "target.png", opaque)
            (folder / "src" / "b.mkv").rename(folder / "in" / "b.mkv")
            write_picture(folder / "in" / "c.png", shots(1)[0])

    observer = Told(3, come)
    watch(observer, target="target.png", format="mov", lossless=True)
    assert observer.made == ["out/a.mov", "out/c.png"]
    [failure] = observer.failures
    assert failure.startswith(f"{Path('in', 'b.mkv')}: {Path('out', 'b.mov')}: H.264 cannot be lossless; use .webm")
    assert (folder / "out" / "omz_demo_failed.txt").read_text() == f"{failure}\n"


def test_frames_as_png_files_keep_their_folder(folder):
    (folder / "src" / "b.mkv").rename(folder / "in" / "b.mkv")
    watch(Told(1), format="png")
    assert len(list((folder / "out" / "b").glob("*.png"))) == 8
    write_picture(folder / "in" / "e.png", shots(1)[0])
    again = Told(1)
    watch(again, format="png")
    assert again.made == ["out/e.png"]
