"""Cameras and network streams: always the latest frame, and a count of the dropped ones."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2

from omz.errors import VideoError
from omz.images.arrays import Picture, Size
from omz.video.network_stream import NetworkStream
from omz.video.reading import VideoFrame

_SIZE: Size = (720, 1280)
_RATE = 30.0
_PIXELS = "MJPG"  # compressed: USB is too slow for more than a few plain pictures a second
TIME_BASE = Fraction(1, 90_000)
"""Unit of the times of frames, in seconds: that of MPEG streams, which every container takes."""

_PATIENCE = 10.0  # seconds to wait for a device's last picture when it is closed
_TIMEOUT, _ATTEMPTS = 5.0, 3  # of a stream: seconds of silence, and openings in a row

_LOCKS = {
    "exposure": (cv2.CAP_PROP_AUTO_EXPOSURE, 1, cv2.CAP_PROP_EXPOSURE),  # V4L2: 1 is manual, 3 automatic
    "white balance": (cv2.CAP_PROP_AUTO_WB, 0, cv2.CAP_PROP_WB_TEMPERATURE),
    "focus": (cv2.CAP_PROP_AUTOFOCUS, 0, cv2.CAP_PROP_FOCUS),
}
"""Automatic settings of a camera: the property that switches one, its value for "off", and the setting itself."""


class Device(Protocol):
    """Takes pictures, one after the other, all of one ``size`` (height, width), ``rate`` a second."""

    name: str
    size: Size
    rate: float

    def read(self, stopped: threading.Event) -> Picture | None:
        """Return the next picture; None at the end, or once ``stopped`` is set."""

    def lock(self) -> tuple[str, ...]:
        """Keep exposure, white balance and focus as they are; return those that the driver allows to keep."""

    def close(self) -> None:
        """Release the device."""


class Camera:
    """A camera opened by OpenCV; raises :class:`VideoError` if it gives no picture."""

    def __init__(self, capture: cv2.VideoCapture, name: str) -> None:
        self.name = name
        self._capture = capture
        self._held: dict[int, float] = {}
        first = self.read(threading.Event())
        if first is None:
            capture.release()
            raise VideoError(f"{name} gives no image; close other programs that use it, or plug it in again")
        self.size: Size = (first.shape[0], first.shape[1])
        self.rate = max(0.0, capture.get(cv2.CAP_PROP_FPS)) or _RATE

    def read(self, stopped: threading.Event) -> Picture | None:
        """Return the next picture, as :meth:`Device.read` does."""
        done, picture = self._capture.read()
        return picture if done else None

    def lock(self) -> tuple[str, ...]:
        """Keep the camera's settings until it is closed, as :meth:`Device.lock` does."""
        return tuple(name for name, properties in _LOCKS.items() if self._hold(*properties))

    def _hold(self, automatic: int, off: float, adjusted: int) -> bool:
        before, value = self._capture.get(automatic), self._capture.get(adjusted)
        if not self._capture.set(automatic, off):
            return False
        self._held.setdefault(automatic, before)
        return bool(self._capture.set(adjusted, value))  # or a driver may return to an older one

    def close(self) -> None:
        """Release the camera, and restore its automatic settings, which drivers would keep."""
        for automatic, before in self._held.items():
            self._capture.set(automatic, before)
        self._capture.release()


class LiveSource:
    """Iterates over the pictures of a device as frames, and always gives the latest.

    A thread takes pictures as they come; ``dropped`` counts those that were replaced before anyone asked for them. A
    frame's ``index`` counts the frames given, and its ``time`` runs from the opening of the source to the moment of the
    picture, in units of ``time_base``. At the end ``note`` says in a line what happened.
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

    def __next__(self) -> VideoFrame:
        with self._changed:
            self._changed.wait_for(lambda: self._latest is not None or self._ended)
            if self._latest is None:
                if self._error is not None:
                    raise self._error
                raise StopIteration
            (picture, moment), self._latest = self._latest, None
        self._given += 1
        return VideoFrame(self._given - 1, moment, round(1 / (self.rate * TIME_BASE)), picture)

    def now(self) -> int:
        """Return the time in units of ``time_base``; minus the time of a frame, it is the frame's age."""
        return round((self._clock() - self._opened) / TIME_BASE)

    def lock(self) -> None:
        """Keep exposure, white balance and focus from the next picture on; ``locked`` then names those kept."""
        self._locking.set()

    def close(self) -> None:
        """End the source, and release the device."""
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
                    self.note = f"{self.name} gives no more images: it was unplugged, or its stream has ended"
                self._ended = True
                self._changed.notify_all()

    def _put(self, picture: Picture) -> None:
        with self._changed:
            self.dropped += self._latest is not None
            self._latest = picture, self.now()
            self._changed.notify_all()


@contextlib.contextmanager
def open_live(source: int | str) -> Iterator[LiveSource]:
    """Open a camera, by its index or path, or a stream, by its URL; close it at the end of the block.

    A camera is asked for 1280x720 at 30 frames a second, and may give something else: see ``size`` and ``rate``. A
    stream is given up after 5 seconds of silence and 3 attempts to open it again. Raises :class:`VideoError` if the
    source cannot be opened.
    """
    device: Device
    if isinstance(source, str) and re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE):
        device = NetworkStream(source, _TIMEOUT, _ATTEMPTS, {})
    else:
        device = _camera(source)
    live = LiveSource(device)
    try:
        yield live
    finally:
        live.close()


def cameras() -> tuple[str, ...]:
    """Return the paths of video devices; empty on systems that, unlike Linux, do not list them as files."""
    return tuple(map(str, sorted(Path("/dev").glob("video[0-9]*"), key=lambda path: int(path.name[5:]))))


def _camera(source: int | str) -> Camera:
    index = int(source) if str(source).isdecimal() else source
    name = f"camera {index}"
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    with _quiet_opencv():
        capture = cv2.VideoCapture(index, backend)
        if not capture.isOpened():
            present = ", ".join(cameras()) or "none"
            raise VideoError(f"{name} cannot be opened; plug it in, or name another (present: {present})")
        wanted: dict[int, Any] = {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*_PIXELS),  # first, for it limits the sizes
            cv2.CAP_PROP_FRAME_WIDTH: _SIZE[1],
            cv2.CAP_PROP_FRAME_HEIGHT: _SIZE[0],
            cv2.CAP_PROP_FPS: _RATE,
            cv2.CAP_PROP_BUFFERSIZE: 1,
        }
        for which, value in wanted.items():
            capture.set(which, value)
        return Camera(capture, name)


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Silence OpenCV on standard error, for our own error says it in a line."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
