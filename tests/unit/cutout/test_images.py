"""Jobs on pictures with a real model: alpha is 1 where picture and plate differ."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import save_difference_model
from helpers.full_disk import small_disk
from PIL import Image

from omz.cutout.image_files import NoPlaceError
from omz.cutout.image_work import ImageSettings, Task
from omz.cutout.images import ImageEnded, cut_images
from omz.cutout.inputs import discover
from omz.cutout.manifest import Entry, Manifest, open_manifest
from omz.cutout.names import name_outputs
from omz.cutout.observer import Observer
from omz.cutout.summary import Tally
from omz.errors import ImageError, OmzError
from omz.events import Event
from omz.images.arrays import Picture, Size
from omz.images.compositing import to_uint8
from omz.images.files import read_image, read_pixels, write_picture
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.network import MattingNetwork
from omz.matting.plate_fitting import Fitted
from omz.runtime.openvino_engine import OpenVINOEngine

GREY = 100
HEADER = {"options": "1"}


@pytest.fixture(scope="module")
def matter(tmp_path_factory: pytest.TempPathFactory) -> MattingNetwork:
    path = tmp_path_factory.mktemp("model") / "difference.xml"
    return MattingNetwork(OpenVINOEngine(save_difference_model(path, "height", "width")))


Stream = Callable[[Iterable[Frame | Failure]], Iterator[MattedFrame | Failure]]


@pytest.fixture
def stream(matter: MattingNetwork) -> Stream:
    def run(frames: Iterable[Frame | Failure]) -> Iterator[MattedFrame | Failure]:
        for frame in frames:
            if isinstance(frame, Failure):
                yield frame
                continue
            try:
                matte = matter(frame.picture, frame.plate)
                assert matte.foreground is not None
                yield MattedFrame(frame, to_uint8(matte.alpha), to_uint8(matte.foreground))
            except OmzError as error:
                yield Failure(frame.index, error)

    return run


class GreyPlates:
    """Plates of one grey, at the size of each picture."""

    def at(self, index: int, name: str, picture: Picture, whole: bool = False) -> Fitted:
        return Fitted(np.full_like(picture, GREY), ("the plate is grey",))


@dataclass(frozen=True)
class Totals:
    done: int = 0
    failed: int = 0
    skipped: int = 0


class Events(Observer):
    def __init__(self, report: Callable[[ImageEnded], None]) -> None:
        self.report = report

    def on_event(self, event: Event) -> None:
        assert isinstance(event, ImageEnded)
        self.report(event)


def write_pictures(folder: Path, count: int) -> None:
    """Write pictures of 12x16 with a noisy block somewhere before grey."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        picture = np.full((12, 16, 3), GREY, np.uint8)
        top, left = random.integers(0, 6, 2)
        picture[top : top + 5, left : left + 7] = random.integers(160, 256, (5, 7, 3))
        write_picture(folder / f"{number}.png", picture)


def tasks(root: Path, out: Path, *whats: str) -> list[Task]:
    named = name_outputs(discover([str(root)], recursive=True), out, whats or ("cutout",))
    return [Task(item, outputs, number=number) for number, (item, outputs) in enumerate(named.items())]


def run(
    stream: Stream,
    root: Path,
    out: Path,
    resume: bool = False,
    header: dict[str, str] = HEADER,
    **settings: object,
) -> tuple[Totals, list[ImageEnded]]:
    events: list[ImageEnded] = []
    with open_manifest(out / "manifest", header, resume) as manifest:
        totals = cut(tasks(root, out), stream, manifest, events.append, **settings)
    return totals, events


def cut(
    tasks: list[Task],
    stream: Stream,
    manifest: Manifest | None,
    report: Callable[[ImageEnded], None],
    **settings: object,
) -> Totals:
    outcome = cut_images(tasks, stream, ImageSettings(GreyPlates(), **settings), manifest, Tally(Events(report)))
    return Totals(outcome.done, outcome.failed, outcome.skipped)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*.png")}


def entries(out: Path) -> list[Entry]:
    return [Entry(**json.loads(line)) for line in (out / "manifest").read_text().splitlines()[1:]]


def only(events: list[ImageEnded], status: str) -> list[str]:
    return [Path(event.input).name for event in events if event.status == status]


def stopping(stream: Stream, after: int, error: BaseException) -> Stream:
    def stopped(frames: Iterable[Frame | Failure]) -> Iterator[MattedFrame | Failure]:
        for number, result in enumerate(stream(frames)):
            if number == after:
                raise error
            yield result

    return stopped


def test_alpha_is_where_picture_and_plate_differ(tmp_path, stream):
    write_pictures(tmp_path / "in", 3)
    totals, events = run(stream, tmp_path / "in", tmp_path / "out")
    assert totals == Totals(done=3)
    assert [(event.number, event.total) for event in events] == [(1, 3), (2, 3), (3, 3)]
    for entry in entries(tmp_path / "out"):
        picture = read_pixels(tmp_path / "in" / entry.input)
        expected = np.dstack([picture, np.where((picture != GREY).any(2), 255, 0)])
        np.testing.assert_array_equal(read_pixels(tmp_path / "out" / entry.input), expected)
    assert [entry.input for entry in entries(tmp_path / "out")] == ["0.png", "1.png", "2.png"]


def test_what_there_is_to_say_of_a_picture_is_reported_and_kept(tmp_path, stream, monkeypatch):
    write_pictures(tmp_path / "in", 2)
    monkeypatch.setattr("omz.cutout.image_work.plate_warnings", lambda matted, tally: (f"seen {matted.frame.index}",))
    _, events = run(stream, tmp_path / "in", tmp_path / "out")
    said = [("the plate is grey", "seen 0"), ("the plate is grey", "seen 1")]
    assert [event.warnings for event in events] == said
    assert [tuple(entry.warnings) for entry in entries(tmp_path / "out")] == said
    _, again = run(stream, tmp_path / "in", tmp_path / "out", resume=True)
    assert [(event.status, event.warnings) for event in again] == [("skipped", each) for each in said]


def test_pictures_gone_on_with_are_those_of_an_unbroken_run(tmp_path, stream):
    write_pictures(tmp_path / "in", 40)
    run(stream, tmp_path / "in", tmp_path / "whole")
    with pytest.raises(RuntimeError, match="pulled"):
        run(stopping(stream, 20, RuntimeError("pulled")), tmp_path / "in", tmp_path / "out")
    assert len(content(tmp_path / "out")) == len(entries(tmp_path / "out")) == 20
    manifest = tmp_path / "out" / "manifest"
    manifest.write_bytes(manifest.read_bytes()[:-9])  # and its last line half
    (tmp_path / "out" / "7.png").write_bytes(b"half a picture")
    (tmp_path / "out" / "8.png").unlink()
    (tmp_path / "out" / ".9.0123abcd.part.png").touch()
    totals, events = run(stream, tmp_path / "in", tmp_path / "out", resume=True)
    assert totals == Totals(done=23, skipped=17)
    assert only(events, "done")[:3] == ["7.png", "8.png", "19.png"]
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert not list((tmp_path / "out").glob(".*.part*"))
    again = tmp_path / "out" / "7.png"
    assert next(entry for entry in reversed(entries(tmp_path / "out")) if entry.input == again.name).attempts == 2
    assert run(stream, tmp_path / "in", tmp_path / "out", resume=True)[0] == Totals(skipped=40)


def test_what_has_changed_is_done_again(tmp_path, stream):
    write_pictures(tmp_path / "in", 4)
    run(stream, tmp_path / "in", tmp_path / "out")
    write_picture(tmp_path / "in" / "2.png", np.full((12, 16, 3), 200, np.uint8))
    assert only(run(stream, tmp_path / "in", tmp_path / "out", resume=True)[1], "done") == ["2.png"]
    assert read_pixels(tmp_path / "out" / "2.png")[..., 3].min() == 255
    assert run(stream, tmp_path / "in", tmp_path / "out", resume=True, header={"options": "2"})[0] == Totals(done=4)
    assert run(stream, tmp_path / "in", tmp_path / "out")[0] == Totals(done=4)


def write_strange(folder: Path) -> tuple[list[str], list[str]]:
    """Write pictures of many kinds, and what is none; return the names of both."""
    folder.mkdir()
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    for mode in ("L", "RGBA", "P", "1", "LA"):
        rgb.convert(mode).save(folder / f"{mode}.png")
    rgb.convert("CMYK").save(folder / "CMYK.jpg")
    cv2.imwrite(str(folder / "deep.png"), np.full((30, 40, 4), 40000, np.uint16))
    cv2.imwrite(str(folder / "deepgrey.png"), np.full((30, 40), 40000, np.uint16))
    good = sorted(path.name for path in folder.iterdir())
    rgb.save(folder / "whole.png")
    whole = (folder / "whole.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "whole.png").unlink()
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no picture")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    return good, ["empty.jpg", "text.png", "truncated.png"]


def test_each_bad_picture_is_a_line_and_the_others_are_done(tmp_path, stream):
    good, bad = write_strange(tmp_path / "in")
    totals, events = run(stream, tmp_path / "in", tmp_path / "out")
    assert totals == Totals(done=len(good), failed=len(bad))
    assert sorted(only(events, "failed")) == bad
    assert sorted(only(events, "done")) == good
    for event in events:
        assert "\n" not in event.error
        assert bool(event.error) == (event.status == "failed")
        assert event.input in event.error or event.status == "done"
    failed = next(entry for entry in entries(tmp_path / "out") if entry.input == "empty.jpg")
    assert (failed.status, failed.size, failed.outputs) == ("failed", 0, {"empty.png": ""})


def test_what_failed_is_tried_again_when_asked_or_changed(tmp_path, stream):
    good, bad = write_strange(tmp_path / "in")
    run(stream, tmp_path / "in", tmp_path / "out")
    totals, events = run(stream, tmp_path / "in", tmp_path / "out", resume=True)
    assert totals == Totals(failed=len(bad), skipped=len(good))
    assert all(event.error for event in events if event.status == "failed")
    assert max(entry.attempts for entry in entries(tmp_path / "out")) == 1
    run(stream, tmp_path / "in", tmp_path / "out", resume=True, retry_failed=True)
    assert sorted(entry.input for entry in entries(tmp_path / "out") if entry.attempts == 2) == bad
    write_picture(tmp_path / "in" / "text.png", np.zeros((12, 16, 3), np.uint8))
    assert only(run(stream, tmp_path / "in", tmp_path / "out", resume=True)[1], "done") == ["text.png"]


def test_a_plate_or_a_target_that_is_missing_fails_its_picture_alone(tmp_path, stream):
    write_pictures(tmp_path / "in", 3)

    class Targets:
        def at(self, index: int, seconds: float, size: Size) -> Picture:
            if index == 1:
                raise ImageError("no target for 1.png; add one")
            return np.zeros((*size, 3), np.uint8)

    totals, events = run(stream, tmp_path / "in", tmp_path / "out", target=Targets())
    assert totals == Totals(done=2, failed=1)
    assert [event.error for event in events] == ["", "no target for 1.png; add one", ""]


def test_a_full_disk_is_one_line_and_what_was_finished_is_kept(tmp_path, stream):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(40):
        write_picture(folder / f"{number}.png", np.random.default_rng(number).integers(0, 256, (40, 60, 3), np.uint8))
    with small_disk(tmp_path / "disk", 200) as disk:
        with pytest.raises(NoPlaceError, match=f"cannot be written: {os.strerror(errno.ENOSPC)}") as raised:
            run(stream, folder, disk)
        assert "\n" not in str(raised.value)
        noted = {entry.input for entry in entries(disk) if entry.status == "done"}
        assert noted == {path.name for path in disk.glob("[0-9]*.png")} != set()
        assert not list(disk.glob(".*.part*"))
        for name in noted:
            assert read_pixels(disk / name).shape == (40, 60, 4)
        (disk / sorted(noted)[0]).unlink()
        with pytest.raises(NoPlaceError):
            run(stream, folder, disk, resume=True)


def test_a_file_where_a_folder_must_be_stops_no_other(tmp_path, stream):
    write_pictures(tmp_path / "in", 3)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1.png").mkdir()
    totals, events = run(stream, tmp_path / "in", tmp_path / "out")
    assert totals == Totals(done=2, failed=1)
    assert "it is a folder" in events[1].error


def test_an_interrupt_finishes_what_was_begun(tmp_path, stream):
    """A real signal, while the matter waits; what it has matted is written and noted."""
    write_pictures(tmp_path / "in", 40)
    before = {*threading.enumerate()}
    sent = threading.Event()
    # MindSpore ends the process on this signal, once it has been imported, and shells can have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def slow(frames: Iterable[Frame | Failure]) -> Iterator[MattedFrame | Failure]:
        for number, result in enumerate(stream(frames)):
            if number == 10:
                os.kill(os.getpid(), signal.SIGINT)
                sent.wait(0.3)
            yield result

    with pytest.raises(KeyboardInterrupt):
        run(slow, tmp_path / "in", tmp_path / "out")
    done = entries(tmp_path / "out")
    assert 10 <= len(done) < 40
    assert {entry.input for entry in done} == content(tmp_path / "out").keys()
    assert {*threading.enumerate()} <= before
    totals, _ = run(stream, tmp_path / "in", tmp_path / "out", resume=True)
    assert totals == Totals(done=40 - len(done), skipped=len(done))


def test_few_pictures_are_held_at_a_time(tmp_path, stream):
    write_pictures(tmp_path / "in", 60)
    held, most = set(), 0

    def counting(frames: Iterable[Frame | Failure]) -> Iterator[MattedFrame | Failure]:
        def begun() -> Iterator[Frame | Failure]:
            nonlocal most
            for frame in frames:
                held.add(frame.index)
                most = max(most, len(held))
                yield frame

        return stream(begun())

    def report(event: ImageEnded) -> None:
        held.discard(event.number - 1)

    cut(tasks(tmp_path / "in", tmp_path / "out"), counting, None, report)
    assert not held
    assert most < 8


def test_the_same_bytes_whatever_the_threads(tmp_path, stream):
    write_pictures(tmp_path / "in", 20)
    for threads in (1, 2, 5):
        run(stream, tmp_path / "in", tmp_path / str(threads), threads=threads)
    assert content(tmp_path / "1") == content(tmp_path / "2") == content(tmp_path / "5")


def test_metadata_are_kept_or_stripped(tmp_path, stream):
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    Image.fromarray(np.zeros((12, 16, 3), np.uint8)).save(tmp_path / "in" / "a.jpg", exif=exif)
    for strip in (False, True):
        run(stream, tmp_path / "in", tmp_path / "out", strip=strip)
        with Image.open(tmp_path / "out" / "a.png") as image:
            assert image.size == (12, 16)
            assert dict(image.getexif()) == ({} if strip else {0x010F: "Maker", 0x0112: 1})


def test_a_picture_over_standard_input_needs_no_manifest(tmp_path, stream):
    sent = cv2.imencode(".png", np.full((12, 16, 3), 200, np.uint8))[1].tobytes()
    (item,) = discover(["-"])
    task = Task(item, {"alpha": tmp_path / "a.png"}, sent)
    assert cut([task], stream, None, lambda event: None) == Totals(done=1)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png"), np.full((12, 16), 255))


def test_a_picture_comes_from_its_file_or_from_what_was_sent(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_picture(tmp_path / "a.png", picture)
    (item,) = discover([str(tmp_path / "a.png")])
    np.testing.assert_array_equal(read_image(item.path).picture, picture)
    content = cv2.imencode(".png", picture)[1].tobytes()
    (sent,) = discover(["-"])
    np.testing.assert_array_equal(read_image(sent.path, content).picture, picture)
