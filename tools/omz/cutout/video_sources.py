"""Videos to cut, from files or standard input, and their plates."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from omz.cutout.session import Session
from omz.cutout.standard_input import StdinVideo
from omz.errors import UsageError, VideoError
from omz.images.arrays import Picture
from omz.images.suffixes import is_video, visible_images
from omz.images.transparency import over
from omz.matting.plate_capture import plate_of
from omz.matting.plates import OnePlate, PlatesInTurn, PlateSource, PlateVideo, read_plate
from omz.video.info import VideoFacts, probe
from omz.video.reading import IncompleteError, VideoFrame, read


class ChangedError(VideoError):
    """A video changed while it was cut, so that what came of it is of no use."""


@dataclass(frozen=True)
class VideoSource:
    """A video to cut: facts about it, its first frame, its plates, its frames from a number and a time on.

    ``stamp`` tells its content from another; one without can be read only once.
    """

    info: VideoFacts
    first: VideoFrame
    plates: PlateSource | None
    read: Callable[[int, int | None], Generator[VideoFrame, None, None]]
    sound: Path | None = None
    stamp: str = ""

    @property
    def is_resumable(self) -> bool:
        """Whether a later run can go on with it."""
        return bool(self.stamp)


def check_unchanged(path: Path, stamp: str) -> None:
    """Raise :class:`ChangedError` if a file has another stamp now; without one, nothing was to stay."""
    if stamp and (not path.is_file() or _stamp(path) != stamp):
        raise ChangedError(f"{path} was changed or removed while it was cut; cut it once nothing changes it")


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def file_source(session: Session, path: Path) -> VideoSource:
    """Return a file as a source. Raises :class:`omz.errors.OmzError` where it, or a plate for it, cannot be read."""
    info, stamp = probe(path), _stamp(path)
    reading = partial(read, path, resize_changes=session.options.resize_changes, size=info.size)
    with closing(reading()) as frames:
        first = next(frames)
    plates = video_plates(session.options.plate, path, session.options.max_pixels)
    if first.opacity is not None and session.options.plate in ("first", "median"):
        session.tally.warn(f"{path.name} is partly transparent, and grey there as its own plate")
    sound = path if info.audio_codec else None
    return VideoSource(info, first, plates, reading, sound, stamp)


def piped_source(session: Session, video: StdinVideo) -> VideoSource:
    """Return a pipe as a source. Raises :class:`UsageError` for what needs a file, which can be read again."""
    options = session.options
    if options.resume:
        raise UsageError(f"{video.name} cannot be read again; drop --resume, or name a file")
    if options.plate == "median":
        raise UsageError(f"the median of {video.name} is not known before its end; name a plate, or a file as input")
    if options.sound and video.has_sound:
        session.tally.warn(f"the sound of {video.name} is left out; name a file to keep it")
    frames = iter(video)
    first = next(frames)

    def rest(_start: int, _time: int | None) -> Generator[VideoFrame, None, None]:
        yield from chain([first], frames)

    if options.plate == "first":
        return VideoSource(video.facts, first, OnePlate(over(first.picture, first.opacity)), rest)
    return VideoSource(video.facts, first, video_plates(options.plate, Path(video.name), options.max_pixels), rest)


def _whole_frames(video: Path) -> Generator[Picture, None, None]:
    """Yield the pictures of a video, as far as it goes, before grey; errors are raised when it is cut."""
    with closing(read(video, resize_changes=True)) as frames, suppress(IncompleteError):
        for frame in frames:
            yield over(frame.picture, frame.opacity)


def video_plates(text: str | None, video: Path, max_pixels: int | None = None) -> PlateSource | None:
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
        pictures = visible_images(path.iterdir())
        if not pictures:
            raise UsageError(f"--plate {path}: the folder has no images")
        return PlatesInTurn(pictures, max_pixels)
    if is_video(path):
        return PlateVideo(path)
    return OnePlate(read_plate(path, max_pixels))
