"""``omz.cut_out``, and what its observer is told and asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from helpers.demo_command import cutout, done, write_blocks, write_plate
from helpers.films import make_film
from PIL import Image

import omz
from omz.cutout.images import ImageEnded
from omz.cutout.live import Live, LiveTotals, take_plate
from omz.cutout.observer import Action, Observer
from omz.cutout.options import Options
from omz.cutout.session import open_session
from omz.errors import ImageError, Interrupted, UsageError, VideoError
from omz.events import Event
from omz.images.arrays import Picture
from omz.images.files import read_picture, read_pixels
from omz.video.reading import VideoFrame

COUNT = 6


class Witness(Observer):
    """Keeps what it is told; stops the run after some images or frames."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.steps: list[tuple[str, int, int | None]] = []
        self.warnings: list[str] = []
        self.failures: list[str] = []
        self.events: list[Event] = []

    def on_progress(self, name: str, done: int, total: int | None) -> None:
        self.steps.append((name, done, total))

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)

    def on_failure(self, text: str) -> None:
        self.failures.append(text)

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def should_stop(self) -> bool:
        return self.stop_after is not None and any(done >= self.stop_after for _, done, _ in self.steps)


class Screen(Observer):
    """Looks at frames, and quits at one of them."""

    def __init__(self, quit_at: int = -1) -> None:
        self.quit_at, self.shown = quit_at, list[Picture]()

    def watches(self, live: bool, recorded: bool) -> bool:
        return True

    def on_frame(self, picture: Picture, lines: Sequence[str], pinned: bool = False) -> Action:
        self.shown.append(picture)
        return Action.QUIT if len(self.shown) == self.quit_at else Action.NONE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_plate(tmp_path)
    write_blocks(tmp_path / "in", COUNT)
    return tmp_path


def test_its_files_are_those_of_the_command(folder, capfd):
    summary = omz.cut_out("in", "python", plate="plate.png", model="model.xml", what="all", target="red")
    assert capfd.readouterr() == ("", "")
    done("in", "-o", "command", "--plate", "plate.png", "-m", "model.xml", "--what", "all", "--target", "red")
    assert (summary.done, summary.failed, summary.frames) == (COUNT, 0, COUNT)
    assert len(summary.outputs) == 4 * COUNT
    for name in summary.outputs:
        assert Path(name).read_bytes() == Path("command", Path(name).name).read_bytes()


def test_paths_are_inputs_too_and_results_have_their_usual_places(folder):
    files = [folder / "in" / "0.png", folder / "in" / "1.png"]
    summary = omz.cut_out(files, plate=folder / "plate.png", model="model.xml")
    assert summary.outputs == tuple(str(file.with_name(f"{file.stem}_cutout.png")) for file in files)
    np.testing.assert_array_equal(read_pixels(Path(summary.outputs[1])), cutout(read_picture(files[1])))


def test_an_observer_is_told_of_progress_warnings_failures_and_events(folder):
    (folder / "in" / "bad.png").write_text("no picture")
    witness = Witness()
    summary = omz.cut_out("in", "out", plate="plate.png", model="model.xml", observer=witness)
    assert witness.steps == [("images", number, COUNT + 1) for number in range(1, COUNT + 2)]
    assert witness.warnings == list(summary.warnings)
    assert "does not say what it takes" in witness.warnings[0]
    (failure,) = witness.failures
    assert "in/bad.png" in failure
    assert summary.failed == 1
    ended = [event.status for event in witness.events if isinstance(event, ImageEnded)]
    assert sorted(ended) == ["done"] * COUNT + ["failed"]


def test_an_observer_stops_a_run_which_can_go_on(folder):
    how = {"plate": "plate.png", "model": "model.xml"}
    write_blocks(folder / "in", 10 * COUNT)  # more than are begun by then
    with pytest.raises(Interrupted) as stopped:
        omz.cut_out("in", "out", observer=Witness(stop_after=2), **how)
    finished = len(list(Path("out").glob("*.png")))
    assert 2 <= finished < 10 * COUNT
    assert stopped.value.hint == f"{finished} images are finished; add --resume to go on"
    assert omz.cut_out("in", "out", resume=True, **how).skipped == finished


def test_an_observer_stops_a_video_after_whole_segments(tmp_path):
    film = make_film(tmp_path, 20)
    how = {"plate": tmp_path / "plate.png", "model": str(tmp_path / "difference.xml"), "segment_seconds": 0.2}
    with pytest.raises(Interrupted) as stopped:
        omz.cut_out(film.path, tmp_path / "out.mov", observer=Witness(stop_after=12), **how)
    assert stopped.value.hint == "10 frames are finished; add --resume to go on"
    witness = Witness()
    summary = omz.cut_out(film.path, tmp_path / "out.mov", resume=True, observer=witness, **how)
    assert summary.frames == 10
    assert witness.steps == [("clip.mp4", number, 20) for number in (*range(10, 21), 20)]


def test_frames_are_shown_to_who_looks_and_nobody_else(tmp_path):
    film = make_film(tmp_path, 4)
    how = {"plate": tmp_path / "plate.png", "model": str(tmp_path / "difference.xml"), "target": "red"}
    for show, count in ((True, 4), (None, 0)):
        screen = Screen()
        omz.cut_out(film.path, tmp_path / "out", observer=screen, show=show, **how)
        assert len(screen.shown) == count
    screen = Screen(quit_at=2)
    with pytest.raises(Interrupted):
        omz.cut_out(film.path, tmp_path / "out", observer=screen, show=True, **how)
    expected = np.where(film.mattes[1][..., None], film.pictures[1], np.uint8((0, 0, 255)))
    np.testing.assert_array_equal(screen.shown[1], expected)


def test_a_video_that_is_only_shown_needs_somebody_who_looks(tmp_path):
    film = make_film(tmp_path, 4)
    how = {"plate": tmp_path / "plate.png", "model": str(tmp_path / "difference.xml"), "show": True}
    screen = Screen(quit_at=3)
    assert omz.cut_out(film.path, observer=screen, **how).frames == len(screen.shown) == 3
    with pytest.raises(UsageError, match="nothing is shown and nothing is written"):
        omz.cut_out(film.path, **how)


@pytest.mark.parametrize("name", ["inputs", "plate", "target"])
def test_images_in_memory_are_for_a_model(folder, name):
    image = np.zeros((4, 4, 3), np.uint8)
    for given in (image, Image.fromarray(image), b"image", *([[image]] if name == "inputs" else [])):
        with pytest.raises(UsageError, match=f"^{name} cannot be of type .*; give a path, or use MattingModel"):
            omz.cut_out(**{"inputs": "in", name: given})


def test_an_option_that_is_none_is_refused(folder):
    with pytest.raises(UsageError, match="no option 'colour'"):
        omz.cut_out("in", colour="red")


def test_a_session_does_not_change(folder):
    options = Options(inputs=("in",), plate="plate.png", model="model.xml")
    with open_session(options, None, Observer()) as session, pytest.raises(FrozenInstanceError):
        session.model = session.model.at((24, 32))  # type: ignore[misc]


def test_a_report_is_written_from_python_too(folder):
    summary = omz.cut_out("in", "out", plate="plate.png", model="model.xml", report="reports/r.json")
    assert json.loads((folder / "reports" / "r.json").read_text()) == json.loads(json.dumps(summary.as_json()))


@pytest.mark.parametrize("name", ["json", "profile"])
def test_what_the_command_prints_is_for_the_command(name):
    with pytest.raises(UsageError, match=f"{name} is for the command"):
        omz.cut_out("in", **{name: True})


@pytest.mark.parametrize("inputs", [[], (), None])
def test_an_input_has_to_be_named(inputs):
    with pytest.raises(UsageError, match="there is no input"):
        omz.cut_out(inputs)


@pytest.mark.parametrize(
    ("inputs", "options"),
    [("in", {"input": "in"}), (np.zeros((4, 4, 3), np.uint8), {}), (b"in", {}), ("in", {"output": 3}), (True, {})],
)
def test_inputs_and_files_that_make_no_sense_are_refused_in_a_line(inputs, options):
    with pytest.raises(UsageError) as refused:
        omz.cut_out(inputs, **options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("camera", [99, [99], np.int64(99)])
def test_the_index_of_a_camera_is_an_input(folder, camera):
    with pytest.raises(VideoError, match="99"):
        omz.cut_out(camera, "out.mp4", plate="plate.png", model="model.xml")


def test_a_warning_that_follows_from_the_options_comes_before_the_plan(folder):
    witness = Witness()
    with pytest.raises(ImageError):
        omz.cut_out("none.png", "out.mp4", plate="plate.png", model="model.xml", observer=witness)
    assert ["no alpha" in warning for warning in witness.warnings] == [True]


def test_videos_of_one_name_are_told_apart(tmp_path):
    films = [make_film(tmp_path / name, 3) for name in ("a", "b")]
    witness = Witness()
    paths = [film.path for film in films]
    how = {"plate": tmp_path / "a" / "plate.png", "model": str(tmp_path / "a" / "difference.xml")}
    omz.cut_out(paths, observer=witness, **how)
    assert list(dict.fromkeys(name for name, _, _ in witness.steps)) == list(map(str, paths))


def test_an_observer_ends_what_is_live_and_only_interrupts_where_nothing_was_done(tmp_path, monkeypatch):
    film = make_film(tmp_path, 4)
    how = {"plate": tmp_path / "plate.png", "model": str(tmp_path / "difference.xml"), "show": True}
    screen = Screen()
    monkeypatch.setattr(screen, "should_stop", lambda: len(screen.shown) == 2)
    assert omz.cut_out(film.path, observer=screen, **how).frames == 2
    monkeypatch.setattr(Live, "run", lambda self: LiveTotals(0, 0, 3, 1.0, "interrupt"))
    with pytest.raises(Interrupted):
        omz.cut_out(film.path, observer=screen, **how)


def test_an_observer_stops_the_capture_of_a_plate():
    class Impatient(Observer):
        def should_stop(self) -> bool:
            return True

    source = iter([VideoFrame(0, 0, 1, np.zeros((4, 4, 3), np.uint8))] * 9)
    with pytest.raises(KeyboardInterrupt):
        take_plate(source, Impatient())  # type: ignore[arg-type]


def test_an_interruption_tells_its_hint():
    assert str(Interrupted("2 images are finished")) == "2 images are finished"
    assert str(Interrupted()) == ""
