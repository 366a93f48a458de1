"""A watch of real folders with a real model: what is refused, what is left out, how results are called."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.demo_command import block, content, done, write_blocks, write_plate

import omz
from omz.cutout.images import ImageEnded
from omz.errors import Interrupted, OmzError
from omz.images.files import write_picture

SIZE = (24, 32)
DEADLINE = 60.0
GIVEN = {"model": "model.xml", "plate": "plate.png", "watch": True}


class Stopping(omz.Observer):
    """Collects what is told, and stops once ``is_over``."""

    def __init__(self, is_over: Callable[[Stopping], bool]) -> None:
        self.is_over, self.began = is_over, time.monotonic()
        self.ended: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self.warnings: list[str] = []

    def on_event(self, event: object) -> None:
        if isinstance(event, ImageEnded):
            self.ended.append((Path(event.input).name, event.status))

    def on_failure(self, text: str) -> None:
        self.failures.append(text)

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)

    def should_stop(self) -> bool:
        assert time.monotonic() - self.began < DEADLINE
        return self.is_over(self)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_plate(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def watch(is_over: Callable[[Stopping], bool], **more: object) -> tuple[Stopping, str]:
    """Watch ``in`` until it is over; return what was told, and how to go on."""
    observer = Stopping(is_over)
    with pytest.raises(Interrupted) as stopped:
        omz.cut_out(more.pop("inputs", "in"), observer=observer, **GIVEN, **more)
    return observer, stopped.value.hint


def ended(count: int) -> Callable[[Stopping], bool]:
    return lambda observer: len(observer.ended) >= count


def after(seconds: float) -> Callable[[Stopping], bool]:
    return lambda observer: time.monotonic() - observer.began > seconds


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ("photo.png", {}, "--watch is for folders, and photo.png is not one; name its folder"),
        ("nothing", {}, "no folder at nothing; check the path"),
        ("in", {"output": "out.png"}, "--watch makes many files, and out.png is not a folder; name one with -o"),
        ("in", {"output": "-"}, "--watch makes many files, and - is not a folder; name one with -o"),
        ("in", {"output": "in"}, "in is watched, and results there would be inputs, too; name another output"),
        ("in", {"output": ".", "recursive": True}, "in is watched, and results there would be inputs, too; .*"),
        (["in", "."], {}, "several folders are watched, and nothing names one for their results; add -o FOLDER"),
        ("in", {"review": "page"}, "--review is for jobs that have an end; leave it out, or --watch"),
        ("in", {"limit": 2}, "--limit is for jobs that have an end; leave it out, or --watch"),
        ("in", {"alpha_bits": "16", "format": "webp"}, ".webp has no 16 bits for alpha; .*"),
        ("in", {"output": "out", "format": "mp4"}, r"out.a\.mp4: \.mp4 has no alpha; use \.mov, .*"),
        ("in", {"output": "out", "lossless": True, "target": "#00ff00"}, r"out.a\.mp4: H\.264 cannot be lossless; .*"),
    ],
)
def test_what_makes_no_sense_is_one_line(folder, inputs, options, message):
    write_picture(folder / "photo.png", block(SIZE, (0, 0, 8, 8)))
    with pytest.raises(OmzError, match=f"^{message}$"):
        omz.cut_out(inputs, **GIVEN, **options)
    assert not (folder / "out").exists()


def test_without_the_extra_there_is_one_line(folder, monkeypatch):
    monkeypatch.setattr("omz.extras.find_spec", lambda _: None)
    with pytest.raises(OmzError, match=r"^watchfiles is not installed; install it with pip install '.\[server\]'"):
        omz.cut_out("in", **GIVEN)


def test_results_beside_the_inputs_are_no_inputs_even_if_those_are_gone(folder):
    write_blocks(folder / "in", 2)
    _, hint = watch(ended(2))
    assert hint == "2 images are finished; start it again to go on"
    (folder / "in" / "0.png").unlink()
    write_picture(folder / "in" / "cutout.png", block(SIZE, (0, 0, 8, 8)))  # whose name has no stem
    again, _ = watch(after(4))
    assert sorted(again.ended) == [("1.png", "skipped"), ("cutout.png", "done")]
    assert {"0_cutout.png", "1_cutout.png", "cutout_cutout.png"} <= {path.name for path in folder.glob("in/*")}


def test_results_in_the_watched_tree_are_no_inputs(folder):
    write_blocks(folder / "in" / "day", 2)
    observer, _ = watch(after(4), output="in/out", recursive=True)
    assert sorted(observer.ended) == [("0.png", "done"), ("1.png", "done")]
    assert set(content(folder / "in" / "out")) == {"day/0.png", "day/1.png"}


def test_a_name_that_was_given_stays_whatever_comes_later(folder):
    write_picture(folder / "in" / "a.png", block(SIZE, (0, 0, 8, 8)))
    watch(ended(1), output="out")
    write_picture(folder / "in" / "a.bmp", block(SIZE, (5, 5, 20, 20)))
    observer, _ = watch(ended(2), output="out")
    assert sorted(observer.ended) == [("a.bmp", "done"), ("a.png", "skipped")]
    assert set(content(folder / "out")) == {"a.png", "a.bmp.png"}


def test_files_of_one_name_in_several_folders_have_results_of_their_own_and_a_third_is_a_failure(folder):
    places = ["in", "more", "yet"]
    for number, place in enumerate(places):
        write_picture(folder / place / "a.png", block(SIZE, (number, 0, 8, 8)))
    is_over = lambda each: bool(each.failures) and len(each.ended) == 2  # noqa: E731
    for expected in ("done", "skipped"):
        observer, _ = watch(is_over, inputs=places, output="out")
        assert observer.ended == [("a.png", expected)] * 2
        assert observer.failures == ["yet/a.png: the results of another file are called a.png, too; rename it"]
        assert set(content(folder / "out")) == {"a.png", "a.png.png", "omz_demo_failed.txt"}


def test_a_failure_is_listed_until_its_file_changes_and_is_not_tried_before(folder):
    write_blocks(folder / "src", 1)
    whole, listed = (folder / "src" / "0.png").read_bytes(), folder / "out" / "omz_demo_failed.txt"
    (folder / "in" / "0.png").write_bytes(whole[:-40])
    watch(ended(1), output="out")
    [line] = listed.read_text().splitlines()
    assert line.startswith("in/0.png cannot be read as an image: ")
    observer, _ = watch(after(4), output="out")
    assert observer.ended == [("0.png", "failed")]  # told again, as an earlier run found it
    assert len((folder / "out" / "omz_demo.jsonl").read_text().splitlines()) == 2
    (folder / "in" / "0.png").write_bytes(whole)
    watch(lambda each: bool(each.ended) and not listed.exists(), output="out")
    assert set(content(folder / "out")) == {"0.png"}


def test_ten_files_that_are_copied_slowly_renamed_and_replaced_are_cut_once_each(folder):
    write_blocks(folder / "src", 10)
    source = {path.name: path.read_bytes() for path in folder.glob("src/*")}

    def copy() -> None:
        for name, whole in source.items():
            with (folder / "in" / name).open("wb") as file:
                file.write(whole[:60])
                file.flush()
                time.sleep(0.15)
                file.write(whole[60:])
        (folder / "in" / "0.png").rename(folder / "in" / "renamed.png")
        (folder / "in" / "1.png").write_bytes(source["2.png"])

    thread = threading.Thread(target=copy)
    thread.start()
    wanted = {*(set(source) - {"0.png"}), "renamed.png"}

    def is_over(observer: Stopping) -> bool:
        names = {name for name, status in observer.ended if status == "done"}
        return not thread.is_alive() and wanted <= names and after(5)(observer)

    observer, _ = watch(is_over, output="out")
    thread.join()
    assert not observer.failures
    done("-m", "model.xml", "--plate", "plate.png", "in", "-o", "whole")
    found, whole = content(folder / "out"), content(folder / "whole")
    assert set(found) - set(whole) <= {"0.png"}  # if it was complete before it was renamed
    assert whole.items() <= found.items()
    assert all(observer.ended.count((name, "done")) == 1 for name in wanted - {"1.png"})


def test_the_limit_of_inotify_leads_to_polling(folder, monkeypatch):
    import watchfiles

    original, asked = watchfiles.watch, []

    def watched(*paths: Path, force_polling: bool | None, **more: object):
        asked.append(force_polling)
        if not force_polling:
            raise OSError(28, "OS file watch limit reached.")
        return original(*paths, force_polling=force_polling, **more)

    monkeypatch.setattr(watchfiles, "watch", watched)
    write_blocks(folder / "in", 1)
    observer, _ = watch(ended(1), output="out")
    assert asked == [None, True]
    assert any(text.endswith("OS file watch limit reached.; polled instead") for text in observer.warnings)


def test_a_folder_that_goes_ends_the_watch_with_a_line(folder):
    def is_over(observer: Stopping) -> bool:
        if after(1)(observer) and (folder / "in").exists():
            (folder / "in").rmdir()
        return False

    with pytest.raises(OmzError, match=r"^in is not there any more; make it or mount it, and start again$"):
        omz.cut_out("in", output="out", observer=Stopping(is_over), **GIVEN)
