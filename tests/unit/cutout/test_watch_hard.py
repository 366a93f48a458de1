"""A watch of folders that change while it works: names of any letters, links, disks that get full, folders that go."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.demo_command import block, content, done, write_blocks, write_plate
from helpers.full_disk import small_disk

import omz
from omz.cutout import watch as watching
from omz.cutout.images import ImageEnded
from omz.errors import Interrupted, OmzError
from omz.images.files import write_picture

SIZE = (24, 32)
GIVEN = {"model": "model.xml", "plate": "plate.png", "watch": True, "output": "out"}
DEADLINE = 300.0


class Told(omz.Observer):
    """Collects what is told, does ``then`` after so many images, and stops after so many more."""

    def __init__(self, count: int, then: Callable[[], None] = lambda: None, more: int = 0) -> None:
        self._count, self._then, self._more, self._began = count, then, more, time.monotonic()
        self.ended: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def on_event(self, event: object) -> None:
        if isinstance(event, ImageEnded):
            self.ended.append((event.input, event.status))

    def on_note(self, text: str) -> None:
        self.notes.append(text)

    def should_stop(self) -> bool:
        assert time.monotonic() - self._began < DEADLINE, self.ended
        if len(self.ended) < self._count:
            return False
        self._then()
        self._then = lambda: None
        return len(self.ended) >= self._count + self._more


def watch(observer: Told, **more: object) -> Told:
    with pytest.raises(Interrupted):
        omz.cut_out("in", observer=observer, **{**GIVEN, **more})
    return observer


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_plate(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.fixture
def images(folder) -> list[bytes]:
    write_blocks(folder / "src", 4)
    return [path.read_bytes() for path in sorted((folder / "src").iterdir())]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know other names")
def test_names_of_any_letters_are_those_of_a_job(folder, images):
    names = [b"\xc3\xa4.png", b"o\xcc\x88.png", b"\xff\xfe.png", b"new\nline.png", b"A.png", b"-x.png", b"@.png"]
    for number, name in enumerate(names):
        (folder / "in" / os.fsdecode(name)).write_bytes(images[number % 4])
    watch(Told(len(names)))
    done("-m", "model.xml", "--plate", "plate.png", "in", "-o", "whole")
    found = content(folder / "out")
    assert found == content(folder / "whole")
    assert len(found) == len(names)
    assert {status for _, status in watch(Told(len(names))).ended} == {"skipped"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_to_files_are_cut_again_where_they_lead_elsewhere_and_others_are_left_out(folder, images):
    for name, target in (("a.png", "src/0.png"), ("gone.png", "src/9.png"), ("below", "src")):
        (folder / "in" / name).symlink_to(folder / target)

    def turn() -> None:
        (folder / "new").symlink_to(folder / "src" / "1.png")
        (folder / "new").rename(folder / "in" / "a.png")

    observer = watch(Told(1, turn, more=1), recursive=True)
    assert observer.ended == [("in/a.png", "done")] * 2
    done("-m", "model.xml", "--plate", "plate.png", "src/1.png", "-o", "one.png")
    assert content(folder / "out") == {"a.png": (folder / "one.png").read_bytes()}


def test_a_file_that_is_replaced_while_it_is_cut_is_cut_again(folder, images, monkeypatch):
    original, path = watching.cut_images, folder / "in" / "a.png"
    path.write_bytes(images[0])

    def replaced_meanwhile(*given: object, **more: object) -> object:
        if path.read_bytes() == images[0]:
            path.write_bytes(images[1])
        return original(*given, **more)

    monkeypatch.setattr(watching, "cut_images", replaced_meanwhile)
    assert watch(Told(2)).ended == [("in/a.png", "done")] * 2
    done("-m", "model.xml", "--plate", "plate.png", "src/1.png", "-o", "one.png")
    assert content(folder / "out") == {"a.png": (folder / "one.png").read_bytes()}


def test_folders_below_come_and_go(folder, images):
    day = folder / "in" / "day"

    def change() -> None:
        (day / "0.png").unlink()
        day.rmdir()
        (folder / "night").mkdir()
        (folder / "night" / "1.png").write_bytes(images[1])
        (folder / "night").rename(folder / "in" / "night")

    day.mkdir()
    (day / "0.png").write_bytes(images[0])
    observer = watch(Told(1, change, more=1), recursive=True)
    assert observer.ended == [("in/day/0.png", "done"), ("in/night/1.png", "done")]


def test_another_folder_in_the_place_of_the_watched_one_is_looked_at(folder, images, monkeypatch):
    monkeypatch.setattr(watching, "_UNTOLD", 2.0)
    (folder / "in" / "0.png").write_bytes(images[0])

    def change() -> None:
        (folder / "in").rename(folder / "before")
        (folder / "src").rename(folder / "in")

    observer = watch(Told(1, change, more=4))
    assert sorted(name for name, _ in observer.ended[1:]) == [f"in/{number}.png" for number in range(4)]


def test_a_drive_without_events_is_polled(folder, images, monkeypatch):
    monkeypatch.setattr(watching, "has_events", lambda _: False)
    (folder / "in" / "0.png").write_bytes(images[0])
    observer = watch(Told(1, lambda: (folder / "src" / "1.png").rename(folder / "in" / "1.png"), more=1))
    assert observer.ended == [("in/0.png", "done"), ("in/1.png", "done")]
    assert "in: the system tells of no changes there, so it is polled" in observer.notes


def test_a_full_disk_ends_it_with_a_line_and_it_goes_on_once_there_is_space(folder, images):
    write_picture(folder / "in" / "0.png", block(SIZE, (0, 0, 8, 8)))
    write_blocks(folder / "in", 4)
    with small_disk(folder / "out", 64) as disk:
        (disk / "rest").write_bytes(bytes(48 << 10))
        with pytest.raises(OmzError, match=r"No space left on device; free the disk, .*; start it again to go on$"):
            omz.cut_out("in", observer=Told(99), **GIVEN)
        (disk / "rest").unlink()
        watch(Told(4))
        whole = content(disk)
    done("-m", "model.xml", "--plate", "plate.png", "in", "-o", "whole")
    assert whole == content(folder / "whole")
