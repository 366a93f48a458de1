"""Network streams, which may break off and come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import av
from av.container import InputContainer

from omz.errors import VideoError, os_reason
from omz.images.arrays import Picture, Size
from omz.images.geometry import resize
from omz.video.colour import Conversion
from omz.video.decoding import Decoder
from omz.video.info import rate_of

_PAUSE = 1.0  # seconds before a stream is opened again
_OPTIONS = {"rtsp_transport": "tcp"}  # packets come in order, without loss


class NetworkStream:
    """An RTSP, HTTP or TCP stream, read by PyAV, as a :class:`omz.video.camera.Device`.

    It may be silent for ``timeout`` seconds. Once it breaks off, it is opened again, up to ``attempts`` times until a
    picture comes; a stream of known length is a file, and ends with it. Pictures of another size than the first are
    resized. ``options`` are FFmpeg's. Raises :class:`VideoError` if the first picture does not come.
    """

    def __init__(self, url: str, timeout: float, attempts: int, options: Mapping[str, str]) -> None:
        self.name = url
        self.rate = 0.0
        self._timeout, self._attempts, self._options = timeout, attempts, {**_OPTIONS, **options}
        self._container: InputContainer | None = None
        self._pictures: Iterator[Picture] = iter(())
        self._first: Picture | None = None
        try:
            self._open()
            self._first = self._next()
        except (av.FFmpegError, OSError) as error:
            self.close()
            raise VideoError(f"{url} cannot be read: {os_reason(error)}; check the address and its server") from error
        if self._first is None:
            self.close()
            raise VideoError(f"{url} gives no image; check what its server sends")
        self.size: Size = (self._first.shape[0], self._first.shape[1])

    def read(self, stopped: threading.Event) -> Picture | None:
        """Return the next picture; see :meth:`omz.video.camera.Device.read`."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        for attempt in range(self._attempts + 1):
            try:
                if attempt:
                    if stopped.wait(_PAUSE):
                        return None
                    self._open()
                picture = self._next()
            except (av.FFmpegError, OSError, VideoError):
                continue
            if picture is not None:
                return resize(picture, self.size)
            if self._container is not None and self._container.duration:
                return None
        return None

    def lock(self) -> tuple[str, ...]:
        """Do nothing: the camera of a stream is out of reach."""
        return ()

    def close(self) -> None:
        """End the connection."""
        if self._container is not None:
            self._container.close()

    def _next(self) -> Picture | None:
        return next(self._pictures, None)

    def _open(self) -> None:
        self.close()
        self._pictures = iter(())
        self._container = av.open(self.name, timeout=(self._timeout, self._timeout), options=self._options)
        self._pictures = self._decoded(self._container)

    def _decoded(self, container: InputContainer) -> Iterator[Picture]:
        if not container.streams.video:
            raise VideoError(f"{self.name} has no video in it; name a video stream")
        stream = container.streams.video[0]
        self.rate = self.rate or float(rate_of(stream))
        conversion = Conversion()
        for frame in Decoder(stream)(container.demux(stream)):  # the next keyframe repairs what is damaged on its way
            yield conversion.picture(frame)
