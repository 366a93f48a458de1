"""Cameras and network streams: always the latest picture, and a count of those that were missed."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2

from omz.errors import VideoError
from omz.images.arrays import Picture, Size
from omz_demo.frames import Frame
from omz_demo.inputs.network_stream import NetworkStream

USUAL_SIZE: Size = (720, 1280)
USUAL_RATE = 30.0
TIME_BASE = Fraction(1, 90_000)
"""The unit of :attr:`Frame.time` in seconds: that of MPEG streams, which every container takes."""

_PATIENCE = 10.0  # seconds for a device to come back from its last picture when it is closed

_LOCKS = {
    "exposure": (cv2.CAP_PROP_AUTO_EXPOSURE, 1, cv2.CAP_PROP_EXPOSURE),  # V4L2: 1 is manual, 3 automatic
    "white balance": (cv2.CAP_PROP_AUTO_WB, 0, cv2.CAP_PROP_WB_TEMPERATURE),
    "focus": (cv2.CAP_PROP_AUTOFOCUS, 0, cv2.CAP_PROP_FOCUS),
}
"""What a camera adjusts by itself: the property that says so, its value for "no", and the property adjusted."""


class Device(Protocol):
    """Takes pictures, one after the other, all of one ``size`` (height, width), ``rate`` a second."""

    name: str
    size: Size
    rate: float

    def read(self, stopped: threading.Event) -> Picture | None:
        """Return the next picture; None where there are no more, or ``stopped`` was set."""

    def lock(self) -> tuple[str, ...]:
        """Keep exposure, white balance and focus as they are; return which of them the driver lets be kept."""

    def close(self) -> None:
        """Let go of it."""


class Camera:
    """A camera that OpenCV has opened; raises :class:`VideoError` where it gives no picture."""

    def __init__(self, capture: cv2.VideoCapture, name: str) -> None:
        self.name = name
        self._capture = capture
        self._held: dict[int, float] = {}
        first = self.read(threading.Event())
        if first is None:
            capture.release()
            raise VideoError(f"{name} gives no picture; close other programs that use it, or plug it in again")
        self.size: Size = (first.shape[0], first.shape[1])
        told = capture.get(cv2.CAP_PROP_FPS)
        self.rate = float(told) if told > 0 else USUAL_RATE

    def read(self, stopped: threading.Event) -> Picture | None:
        """Return the next picture, as :meth:`Device.read` does."""
        done, picture = self._capture.read()
        return picture if done else None

    def lock(self) -> tuple[str, ...]:
        """Keep what the camera has adjusted until it is closed, as :meth:`Device.lock` does."""
        return tuple(name for name, properties in _LOCKS.items() if self._hold(*properties))

    def _hold(self, automatic: int, off: float, adjusted: int) -> bool:
        before, value = self._capture.get(automatic), self._capture.get(adjusted)
        if not self._capture.set(automatic, off):
            return False
        self._held.setdefault(automatic, before)
        return bool(self._capture.set(adjusted, value))  # else a driver may go back to an older one

    def close(self) -> None:
        """Let go of the camera, which adjusts itself as before: drivers keep what they were told."""
        for automatic, before in self._held.items():
            self._capture.set(automatic, before)
        self._capture.release()


class LiveSource:
    """Iterates over the pictures of a device as frames: the latest whenever one is asked for.

    A thread takes pictures as they come; one that a newer one replaces before it was asked for counts in ``dropped``.
    ``index`` counts those that were given. ``time`` is in units of ``time_base``, from the opening of the source to
    when the picture was taken. At the end ``note`` says in a line what happened.
    """

    time_base = TIME_BASE

    def __init__(self, device: Device, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.size, self.rate = device.name, device.size, device.rate
        self.dropped = 0
        self.note = ""
        self.locked: tuple[str, ...] = ()
        self._device, self._clock, self._opened = device, clock, clock()
        self._given = 0
        self._latest: tuple[Picture, int] | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._changed = threading.Condition()
        self._stopped, self._locking = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __iter__(self) -> LiveSource:
        return self

    def __next__(self) -> Frame:
        with self._changed:
            self._changed.wait_for(lambda: self._latest is not None or self._ended)
            if self._latest is None:
                if self._error is not None:
                    raise self._error
                raise StopIteration
            (picture, moment), self._latest = self._latest, None
        self._given += 1
        return Frame(self._given - 1, picture, time=moment, duration=round(1 / (self.rate * TIME_BASE)))

    def now(self) -> int:
        """Return the time in units of ``time_base``; less that of a frame, it is how old its picture is."""
        return round((self._clock() - self._opened) / TIME_BASE)

    def lock(self) -> None:
        """Have exposure, white balance and focus kept from the next picture on; ``locked`` then says which are."""
        self._locking.set()

    def close(self) -> None:
        """End the source; the device is let go of."""
        self._stopped.set()
        self._thread.join(_PATIENCE)

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                if self._locking.is_set():
                    self.locked = self._device.lock()
                    self._locking.clear()
                picture = self._device.read(self._stopped)
                if picture is None:
                    break
                self._put(picture)
        except BaseException as error:
            self._error = error
        finally:
            self._device.close()
            with self._changed:
                if not self._stopped.is_set():
                    self.note = f"{self.name} gives no more pictures: it was unplugged, or its stream has ended"
                self._ended = True
                self._changed.notify_all()

    def _put(self, picture: Picture) -> None:
        with self._changed:
            self.dropped += self._latest is not None
            self._latest = picture, self.now()
            self._changed.notify_all()


@contextlib.contextmanager
def open_live(
    source: int | str,
    size: Size = USUAL_SIZE,
    rate: float = USUAL_RATE,
    fourcc: str = "MJPG",
    timeout: float = 5.0,
    attempts: int = 3,
    options: Mapping[str, str] | None = None,
) -> Iterator[LiveSource]:
    """Open a camera, by its index or path, or a stream, by its URL; close it at the end of the block.

    A camera is asked for ``size`` (height, width), ``rate`` and the pixel format ``fourcc``, and gives what it can: see
    the source's own. A stream may keep silent for ``timeout`` seconds, and is opened again up to ``attempts`` times
    in a row; ``options`` go to FFmpeg. Raises :class:`VideoError` where there is none.
    """
    url = isinstance(source, str) and re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE)
    device: Device = (
        NetworkStream(str(source), timeout, attempts, options or {}) if url else _camera(source, size, rate, fourcc)
    )
    live = LiveSource(device)
    try:
        yield live
    finally:
        live.close()


def cameras() -> tuple[str, ...]:
    """Return the paths of video devices; empty where the system (other than Linux) does not list them as files."""
    return tuple(map(str, sorted(Path("/dev").glob("video[0-9]*"), key=lambda path: int(path.name[5:]))))


def _camera(source: int | str, size: Size, rate: float, fourcc: str) -> Camera:
    index = int(source) if str(source).isdecimal() else source
    name = f"camera {index}"
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    with _quiet_opencv():
        capture = cv2.VideoCapture(index, backend)
        if not capture.isOpened():
            present = f"present: {', '.join(cameras())}" if cameras() else "none is present"
            raise VideoError(f"{name} cannot be opened; plug it in, or name another ({present})")
        wanted: dict[int, Any] = {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*fourcc),  # first, for it decides which sizes there are
            cv2.CAP_PROP_FRAME_WIDTH: size[1],
            cv2.CAP_PROP_FRAME_HEIGHT: size[0],
            cv2.CAP_PROP_FPS: rate,
            cv2.CAP_PROP_BUFFERSIZE: 1,
        }
        for which, value in wanted.items():
            capture.set(which, value)
        return Camera(capture, name)


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from telling on standard error what an error of ours says in a line."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
