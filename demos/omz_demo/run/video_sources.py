"""Videos that are to be cut, and their plates: files, or standard input."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from omz.errors import UsageError
from omz.images.arrays import Picture
from omz.images.files import read_picture
from omz_demo.inputs.capture import plate_of
from omz_demo.inputs.discovery import VIDEOS
from omz_demo.inputs.standard_input import NAME, StdinVideo
from omz_demo.plates import OnePlate, PlatesInTurn, PlateSource, PlateVideo
from omz_demo.targets import pictures_in
from omz_demo.video.info import Footage, probe
from omz_demo.video.reading import IncompleteError, VideoFrame, read
from omz_demo.workshop import Workshop


@dataclass(frozen=True)
class VideoSource:
    """A video to cut: what it is, its first frame, its plates, its frames from a number and a time on.

    ``stamp`` tells its content from another; one without can be read only once.
    """

    info: Footage
    first: VideoFrame
    plates: PlateSource | None
    read: Callable[[int, int | None], Generator[VideoFrame, None, None]]
    sound: Path | None = None
    stamp: str = ""

    @property
    def is_resumable(self) -> bool:
        """Whether a later run can go on with it."""
        return bool(self.stamp)


def file_source(shop: Workshop, path: Path) -> VideoSource:
    """Return a file as a source. Raises :class:`omz.errors.OmzError` where it, or a plate for it, cannot be read."""
    info, stat = probe(path), path.stat()
    reading = partial(read, path, resize_changes=shop.request.resize_changes, size=info.size)
    with closing(reading()) as frames:
        first = next(frames)
    plates = video_plates(shop.request.plate, path)
    sound = path if info.audio_codec else None
    return VideoSource(info, first, plates, reading, sound, f"{stat.st_size} {stat.st_mtime_ns}")


def piped_source(shop: Workshop, video: StdinVideo) -> VideoSource:
    """Return standard input as a source. Raises :class:`UsageError` for what needs a file, which can be read again."""
    request = shop.request
    if request.resume:
        raise UsageError("standard input cannot be read again; drop --resume, or name a file")
    if request.plate == "median":
        raise UsageError("the median of standard input is not known before its end; name a plate, or a file as input")
    if request.sound and video.has_sound:
        shop.warn("the sound of standard input is left out; name a file to keep it")
    frames = iter(video)
    first = next(frames)

    def rest(_start: int, _time: int | None) -> Generator[VideoFrame, None, None]:
        yield from chain([first], frames)

    plates = OnePlate(first.picture) if request.plate == "first" else video_plates(request.plate, Path(NAME))
    return VideoSource(video.footage, first, plates, rest)


def _whole_frames(video: Path) -> Generator[Picture, None, None]:
    """Yield the pictures of a video, as far as it goes; what is wrong with it is told when it is cut."""
    with closing(read(video, resize_changes=True)) as frames, suppress(IncompleteError):
        for frame in frames:
            yield frame.picture


def video_plates(text: str | None, video: Path) -> PlateSource | None:
    """Return where the plates of a video come from.

    ``text`` is a picture, a folder or a video with a plate a frame, or ``first`` or ``median`` of the video itself.
    """
    if text is None:
        return None
    if text in ("first", "median"):
        with closing(_whole_frames(video)) as frames:
            return OnePlate(plate_of(frames, "first" if text == "first" else "median"))
    path = Path(text)
    if path.is_dir():
        pictures = pictures_in(path)
        if not pictures:
            raise UsageError(f"--background {path}: the folder has no pictures")
        return PlatesInTurn(pictures)
    return PlateVideo(path) if path.suffix.lower() in VIDEOS else OnePlate(read_picture(path))
