"""The live job, with a real matter: what is shown and written, what keys do, how it ends, when the plate is off."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import save_difference_model

from omz.cutout.live import Live, PlateWatch, Surroundings, drift
from omz.cutout.observer import Action, Observer
from omz.cutout.options import Options
from omz.errors import ImageError, VideoError
from omz.images.compositing import to_uint8
from omz.images.files import read_picture
from omz.matting.backgrounds import ImageTarget
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.network import MattingNetwork
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.video.reading import VideoFrame

SIZE = (60, 80)
GREEN = np.full((*SIZE, 3), (120, 255, 155), np.uint8)
RED = np.full((*SIZE, 3), (0, 0, 255), np.uint8)
PLATE = np.full((*SIZE, 3), 60, np.uint8)


def shot(index: int) -> np.ndarray:
    """A white subject that moves before the plate."""
    picture = PLATE.copy()
    picture[20:40, 2 * index % 60 : 2 * index % 60 + 16] = 250
    return picture


class Source:
    """Frames a thirtieth of a second apart, which move the clock on."""

    time_base = Fraction(1, 1000)

    def __init__(self, length: int, make: Callable[[int], np.ndarray] = shot) -> None:
        self.length, self.make, self.given, self.dropped = length, make, 0, 5

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> VideoFrame:
        if self.given == self.length:
            raise StopIteration
        self.given += 1
        return VideoFrame(self.given - 1, 33 * (self.given - 1), 33, self.make(self.given - 1))

    def now(self) -> int:
        return 33 * self.given

    def clock(self) -> float:
        return self.now() / 1000


class Screen(Observer):
    """Presses keys: an action by the number of pictures shown before."""

    def __init__(self, keys: dict[int, Action] | None = None, interrupt_at: int = -1) -> None:
        self.keys, self.interrupt_at = keys or {}, interrupt_at
        self.shown: list[np.ndarray] = []
        self.lines: list[Sequence[str]] = []
        self.said: list[str] = []

    def on_note(self, text: str) -> None:
        self.said.append(text)

    def on_warning(self, text: str) -> None:
        self.said.append(f"warning: {text}")

    def on_frame(self, picture: np.ndarray, lines: Sequence[str], pinned: bool = False) -> Action:
        self.shown.append(picture)
        self.lines.append(lines)
        if len(self.shown) - 1 == self.interrupt_at:
            raise KeyboardInterrupt
        return self.keys.get(len(self.shown) - 1, Action.NONE)


@pytest.fixture(scope="module")
def matter(tmp_path_factory) -> MattingNetwork:
    path = tmp_path_factory.mktemp("model") / "difference.xml"
    save_difference_model(path, "height", "width")
    return MattingNetwork(OpenVINOEngine(path))


class Written(list):
    """Records what it is given."""

    write = list.append


@pytest.fixture
def live(matter, monkeypatch) -> Callable[..., Live]:
    def stream(frames: Iterable[Frame]) -> Generator[MattedFrame | Failure, None, None]:
        for frame in frames:
            if frame.picture.max() == 0:
                yield Failure(frame.index, ImageError("the frame is black"))
                continue
            matte = matter(frame.picture, frame.plate)
            assert matte.foreground is not None
            yield MattedFrame(frame, to_uint8(matte.alpha), to_uint8(matte.foreground))

    def make(
        source: Source,
        screen: Screen | None = None,
        recorder: Written | None = None,
        recapture: Callable[[], np.ndarray | None] | None = None,
        **options: object,
    ) -> Live:
        monkeypatch.setattr("omz.cutout.live.monotonic", source.clock)
        surroundings = Surroundings(PLATE, [ImageTarget(GREEN, "cover"), ImageTarget(RED, "cover")], recapture)
        observer = Screen() if screen is None else screen
        made = Live(
            source,
            surroundings,
            lambda: stream,
            Options(inputs=("0",), **options),
            observer,
            recorder,
            screen is not None,
        )
        made.said = observer.said  # type: ignore[attr-defined]
        return made

    return make


def expected(index: int, target: np.ndarray = GREEN) -> np.ndarray:
    picture = shot(index)
    return np.where((picture == 250).all(axis=2, keepdims=True), picture, target)


def test_each_frame_is_shown_and_written_as_itself_with_its_time(live):
    source, screen, written = Source(40), Screen(), Written()
    totals = live(source, screen=screen, recorder=written).run()
    assert (totals.shown, totals.dropped, totals.failed, totals.end) == (40, 5, 0, "source")
    assert totals.seconds == pytest.approx(40 * 0.033)
    for index, (shown, matted) in enumerate(zip(screen.shown, written, strict=True)):
        np.testing.assert_allclose(shown.astype(int), expected(index).astype(int), atol=1)
        np.testing.assert_array_equal(matted.frame.picture, shot(index))
        assert matted.frame.time == 33 * index


def test_the_lines_on_the_screen_tell_rate_age_and_drops(live):
    screen = Screen()
    live(Source(40), screen=screen).run()
    assert screen.lines[-1] == ("30.3 fps", "33 ms old", "5 dropped")


def test_the_original_is_beside_it_at_full_size(live):
    screen = Screen()
    live(Source(3), screen=screen, show_with_original_frame=True).run()
    assert len(screen.shown) == 3
    for index, pair in enumerate(screen.shown):
        assert pair.shape == (60, 160, 3)
        np.testing.assert_array_equal(pair[:, :80], shot(index))
        np.testing.assert_allclose(pair[:, 80:].astype(int), expected(index).astype(int), atol=1)


def test_it_ends_by_a_key(live):
    totals = live(Source(40), screen=Screen({6: Action.QUIT})).run()
    assert (totals.shown, totals.end) == (7, "key")


def test_it_ends_by_control_c_with_its_counts(live):
    written = Written()
    totals = live(Source(40), screen=Screen(interrupt_at=4), recorder=written).run()
    assert (totals.shown, totals.end, len(written)) == (5, "interrupt", 5)


@pytest.mark.parametrize("blank", [False, True])
def test_it_ends_by_the_observer_even_where_every_frame_fails(live, blank, monkeypatch):
    source, screen = Source(40, lambda index: np.zeros((*SIZE, 3), np.uint8) if blank else shot(index)), Screen()
    job = live(source, screen=screen)
    monkeypatch.setattr(screen, "should_stop", lambda: source.given > 4)
    totals = job.run()
    assert (totals.shown, totals.failed, totals.end) == ((0, 5, "interrupt") if blank else (5, 0, "interrupt"))


def test_it_ends_at_the_limit(live):
    source = Source(40)
    totals = live(source, limit=9).run()
    assert (totals.shown, totals.end, source.given) == (9, "limit", 9)


def test_the_next_background_comes_with_the_next_frame_and_the_first_after_the_last(live):
    screen = Screen({3: Action.BACKGROUND, 5: Action.BACKGROUND})
    live(Source(9), screen=screen).run()
    for index, picture in enumerate(screen.shown):
        target = RED if index in (4, 5) else GREEN
        np.testing.assert_allclose(picture.astype(int), expected(index, target).astype(int), atol=1)


def test_a_frame_that_fails_is_told_once_and_the_others_go_on(live):
    job = live(Source(10, lambda index: np.zeros((*SIZE, 3), np.uint8) if index in (2, 5) else shot(index)))
    totals = job.run()
    assert (totals.shown, totals.failed) == (8, 2)
    assert job.said == ["warning: frame 2: the frame is black"]


def brighter(index: int) -> np.ndarray:
    """The light changes by 15 levels, too little for the model to take for a subject, at frame 30."""
    return shot(index) if index < 30 else cv2.add(shot(index), (15, 15, 15, 0))


def test_a_new_plate_ends_the_drift(live):
    source = Source(400, brighter)
    job = live(source, screen=Screen({150: Action.RECAPTURE}), recapture=lambda: cv2.add(PLATE, (15, 15, 15, 0)))
    totals = job.run()
    assert totals.shown == 400
    (warning,) = job.said  # three seconds after the light has changed, and never again
    assert "retake the plate" in warning
    np.testing.assert_array_equal(job.surroundings.plate, cv2.add(PLATE, (15, 15, 15, 0)))


def test_without_a_change_there_is_no_warning(live):
    job = live(Source(400))
    job.run()
    assert job.said == []


def test_the_warning_comes_after_three_seconds_once():
    matted = MattedFrame(Frame(0, brighter(31), PLATE), np.zeros(SIZE, np.uint8), shot(0))
    watch = PlateWatch()
    moments = [tenth / 10 for tenth in range(100)]
    assert [moment for moment in moments if watch.is_off(matted, moment)] == [3.0]


def test_drift_is_measured_where_there_is_no_subject():
    alpha = np.zeros(SIZE, np.uint16)
    alpha[:, :50] = 60000
    picture = PLATE.copy()
    picture[:, :50] = 255
    picture[:, 50:] += 12
    assert drift(MattedFrame(Frame(0, picture, PLATE), alpha, picture)) == 12
    assert drift(MattedFrame(Frame(0, picture, None), alpha, picture)) is None
    assert drift(MattedFrame(Frame(0, picture, PLATE), np.full(SIZE, 255, np.uint8), picture)) is None


def failing() -> np.ndarray:
    raise VideoError("no plate: something moved")


@pytest.mark.parametrize(
    ("recapture", "said"),
    [
        (lambda: None, []),
        (failing, ["warning: no plate: something moved; the old plate stays"]),
        (None, ["there is no plate to retake: the model takes none, or it came from a file"]),
    ],
)
def test_the_old_plate_stays_where_there_is_no_new_one(live, recapture, said):
    job = live(Source(10), screen=Screen({4: Action.RECAPTURE}), recapture=recapture)
    assert job.run().shown == 10
    assert job.said == said
    assert job.surroundings.plate is PLATE


def test_snapshots_get_names_of_their_own(live, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "snapshot_0002.png").write_bytes(b"somebody's")
    screen = Screen({1: Action.SNAPSHOT, 3: Action.SNAPSHOT})
    job = live(Source(6), screen=screen)
    job.run()
    np.testing.assert_array_equal(read_picture(tmp_path / "snapshot_0001.png"), screen.shown[1])
    np.testing.assert_array_equal(read_picture(tmp_path / "snapshot_0003.png"), screen.shown[3])
    assert (tmp_path / "snapshot_0002.png").read_bytes() == b"somebody's"
    assert [line.rpartition(" ")[2] for line in job.said] == ["snapshot_0001.png", "snapshot_0003.png"]
