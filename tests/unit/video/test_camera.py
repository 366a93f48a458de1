"""Live sources: the newest picture, a count of the others, one line where there is none."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from omz.errors import VideoError
from omz.video.camera import TIME_BASE, Camera, LiveSource, open_live

LEVELS = range(0, 250, 10)


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = {*threading.enumerate()}
    yield
    assert {*threading.enumerate()} <= before


class Ticking:
    """A device whose n-th picture has level n; it comes when ``tick`` is called, as does its end."""

    name, size, rate = "ticking", (4, 6), 50.0

    def __init__(self) -> None:
        self.ticks, self.count, self.ends, self.closed, self.locked = threading.Semaphore(0), 0, False, False, 0
        self.asked = 0

    def tick(self, times: int = 1) -> None:
        last = self.count + times
        self.ticks.release(times)
        while self.asked <= last:  # who asks for the next one has put the last
            time.sleep(0.001)

    def read(self, stopped: threading.Event) -> np.ndarray | None:
        self.asked += 1
        while not self.ticks.acquire(timeout=0.01):
            if stopped.is_set() or self.ends:
                return None
        self.count += 1
        return np.full((*self.size, 3), self.count, np.uint8)

    def lock(self) -> tuple[str, ...]:
        self.locked += 1
        return ("focus",)

    def close(self) -> None:
        self.closed = True


def level(frame) -> int:
    return int(frame.picture[0, 0, 0])


def test_the_newest_picture_is_given_and_the_older_ones_are_counted():
    device = Ticking()
    live = LiveSource(device)
    device.tick(5)
    first = next(live)
    device.tick()
    second = next(live)
    assert (level(first), level(second), live.dropped) == (5, 6, 4)
    assert (first.index, second.index) == (0, 1)
    live.close()
    assert device.closed


def test_the_time_of_a_frame_is_when_it_was_taken_not_when_it_was_asked_for():
    device, now = Ticking(), [100.0]
    live = LiveSource(device, clock=lambda: now[0])
    now[0] = 102.0
    device.tick()
    now[0] = 105.0
    frame = next(live)
    assert frame.time * TIME_BASE == 2
    assert (live.now() - frame.time) * TIME_BASE == 3
    live.close()


def test_the_last_picture_before_the_end_is_given_and_the_end_noted():
    device = Ticking()
    live = LiveSource(device)
    device.tick(2)
    device.ends = True
    assert [level(frame) for frame in live] == [2]
    assert live.note.startswith("ticking gives no more images")
    assert device.closed
    live.close()


def test_a_lock_is_asked_of_the_device_once():
    device = Ticking()
    live = LiveSource(device)
    live.lock()
    device.tick(3)
    assert (device.locked, live.locked) == (1, ("focus",))
    live.close()


def test_what_the_device_raises_is_raised_to_who_asks():
    device = Ticking()
    device.read = lambda stopped: (_ for _ in ()).throw(VideoError("the device broke"))  # type: ignore[method-assign]
    live = LiveSource(device)
    with pytest.raises(VideoError, match="the device broke"):
        next(live)
    live.close()


def write_clip(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for shade in LEVELS:
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()


def test_what_opencv_captures_comes_through_and_is_described(tmp_path):
    write_clip(tmp_path / "clip.avi")
    camera = Camera(cv2.VideoCapture(str(tmp_path / "clip.avi")), "camera 0")
    assert (camera.size, camera.rate) == ((48, 64), 20)
    live = LiveSource(camera)
    frames = list(live)
    assert frames[-1].picture.mean() == pytest.approx(LEVELS[-1], abs=2)
    assert len(frames) + live.dropped == len(LEVELS) - 1  # the first told the size
    live.close()


class Adjusting:
    """A capture as V4L2 has it: a camera whose focus is fixed, and which keeps what it was told when it is released."""

    def __init__(self) -> None:
        self.values = {cv2.CAP_PROP_AUTO_EXPOSURE: 3.0, cv2.CAP_PROP_EXPOSURE: 157.0, cv2.CAP_PROP_AUTO_WB: 1.0}
        self.values[cv2.CAP_PROP_WB_TEMPERATURE] = 4600.0

    def read(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((4, 6, 3), np.uint8)

    def get(self, which: int) -> float:
        return self.values.get(which, 0.0)

    def set(self, which: int, value: float) -> bool:
        if which not in self.values:
            return False
        if which == cv2.CAP_PROP_AUTO_EXPOSURE:
            self.values[cv2.CAP_PROP_EXPOSURE] = 20.0  # an older value comes back
        self.values[which] = value
        return True

    def release(self) -> None:
        pass


def test_a_lock_keeps_what_was_adjusted_and_ends_with_the_camera():
    capture = Adjusting()
    camera = Camera(capture, "camera 0")
    assert camera.lock() == camera.lock() == ("exposure", "white balance")
    assert capture.values[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
    assert capture.values[cv2.CAP_PROP_EXPOSURE] == 157
    assert capture.values[cv2.CAP_PROP_WB_TEMPERATURE] == 4600
    camera.close()
    assert capture.values[cv2.CAP_PROP_AUTO_EXPOSURE] == 3
    assert capture.values[cv2.CAP_PROP_AUTO_WB] == 1


def test_a_camera_that_gives_no_picture_is_one_line(tmp_path):
    with pytest.raises(VideoError, match=r"^camera 3 gives no image; close other programs"):
        Camera(cv2.VideoCapture(), "camera 3")


@pytest.mark.parametrize("source", [73, "73", "/dev/video73"])
def test_a_camera_that_is_not_there_is_one_line_and_nothing_else(source):
    program = (
        "from omz.errors import VideoError\n"
        "from omz.video.camera import open_live\n"
        "try:\n"
        f"    open_live({source!r}).__enter__()\n"
        "except VideoError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert "73 cannot be opened; plug it in" in done.stdout


def test_opencv_tells_of_its_troubles_again_afterwards():
    before = cv2.utils.logging.getLogLevel()
    with pytest.raises(VideoError), open_live(73):
        pass
    assert cv2.utils.logging.getLogLevel() == before
