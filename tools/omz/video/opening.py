"""Opening of video files, with FFmpeg's errors in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from omz.errors import VideoError, os_reason, os_remedy
from omz.paths import what_else

_LENIENT: dict[str, Any] = {}
if int(av.__version__.partition(".")[0]) < 19:  # later ones always read metadata that is not text
    _LENIENT["metadata_errors"] = "replace"


def file_url(path: str | Path) -> str:
    """Return a path as FFmpeg's URL of a file: it would read ``12:30.mp4`` as the URL of a protocol ``12``."""
    return f"file:{path}"


@contextlib.contextmanager
def opened(source: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video; give its container and its best video stream, which decodes in a thread for each core.

    Errors of FFmpeg, here or in the block, become a :class:`VideoError`: missing, empty, no video, unknown codec,
    damaged.
    """
    with opened_container(source) as container:
        yield container, _video_stream(container, source)


@contextlib.contextmanager
def opened_container(source: str | Path) -> Iterator[InputContainer]:
    """Open a file of any streams; errors of FFmpeg, here or in the block, become a :class:`VideoError`."""
    path = Path(source)
    other = what_else(path)
    if other:
        raise VideoError(f"{source} is {other}, and no file; save the video, and name its file")
    if path.is_file() and path.stat().st_size == 0:
        raise VideoError(f"{source} is empty; use a video")
    try:
        with av.open(file_url(source), **_LENIENT) as container:
            yield container
    except FileNotFoundError:
        raise VideoError(f"no video at {source}; check the path") from None
    except EOFError:
        raise VideoError(f"{source} has no frame that can be decoded; use an undamaged video") from None
    except (av.FFmpegError, OSError) as error:
        remedy = os_remedy(error, "use an undamaged video")
        raise VideoError(f"{source} cannot be read as a video: {os_reason(error)}; {remedy}") from error


def _video_stream(container: InputContainer, source: str | Path) -> VideoStream:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        raise VideoError(f"{source} has no video in it; use a file with a video stream")
    stream = max(streams, key=lambda stream: (bool(stream.disposition & Disposition.default), -stream.index))
    if stream.codec_context is None:
        raise VideoError(f"{source}: its video codec is unknown; convert it to H.264, for example")
    stream.thread_type = "AUTO"
    return stream
