"""Sequences: videos as folders of PNG files."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

from omz.atomic import whole_file
from omz.errors import VideoError, os_reason
from omz.images.arrays import Pixels
from omz.images.files import write_picture

TIMES = "times.csv"
_HEADER = ["index", "time", "seconds"]
_PICTURES = f"{'[0-9]' * 8}.png"
_REST_OF_PICTURES, _REST_OF_TIMES = f".{'[0-9]' * 8}.????????.part.png", ".times.????????.part.csv"


def is_ours(folder: Path) -> bool:
    """Tell whether a sequence may go into a folder: files of its names there, if any, are of an earlier one."""
    if (folder / TIMES).is_file():
        return _has_header(folder / TIMES)
    return not any(folder.glob(_PICTURES))


def picture_path(folder: Path, index: int) -> Path:
    """Return the path of a frame in the folder of a sequence."""
    return folder / f"{index:08d}.png"


def is_sequence(folder: Path) -> bool:
    """Tell whether a folder holds a sequence: its first frame, and its list of times."""
    try:
        return _has_header(folder / TIMES) and picture_path(folder, 0).is_file()
    except OSError:
        return False


def _has_header(times: Path) -> bool:
    with times.open(encoding="utf-8", errors="replace") as file:
        return file.readline().strip() == ",".join(_HEADER)


class SequenceWriter:
    """Write frames as ``00000000.png`` and so on, each whole or not at all, and their times to ``times.csv``.

    ``start`` is the number of the first frame to write; the lines of ``times.csv`` before it stay, others are dropped.
    The interface is that of :class:`omz.video.writing.VideoWriter`. Raises :class:`VideoError`, also for a folder with
    other files of these names, and :class:`omz.errors.ImageError` if a picture cannot be written.
    """

    padded = (0, 0)

    def __init__(self, folder: Path, time_base: Fraction, start: int = 0) -> None:
        self.folder, self.time_base, self.index = folder, time_base, start

    def __enter__(self) -> SequenceWriter:
        path = self.folder / TIMES
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not is_ours(self.folder):
                raise VideoError(f"{self.folder} has images or times of something else; name another folder")
            for rest in (*self.folder.glob(_REST_OF_PICTURES), *self.folder.glob(_REST_OF_TIMES)):
                rest.unlink()  # left by a killed process
            kept: list[str] = []
            if path.is_file():
                kept = path.read_text().splitlines()[1 : self.index + 1]
            if len(kept) < self.index:
                raise VideoError(f"{path} lacks the times of earlier frames; start again at the first frame")
            with whole_file(path) as temporary:
                temporary.write_text("\n".join([",".join(_HEADER), *kept, ""]))
            self._file = path.open("a", newline="")
            self._lines = csv.writer(self._file, lineterminator="\n")
        except OSError as error:
            raise VideoError(f"{self.folder} cannot be written: {os_reason(error)}; choose another folder") from error
        return self

    def write(self, picture: Pixels, time: int, duration: int | None = None) -> None:
        """Write (H, W, 3) BGR or (H, W, 4) BGRA, straight alpha, uint8 or uint16, to be shown from ``time`` on."""
        write_picture(picture_path(self.folder, self.index), picture)
        try:
            self._lines.writerow([self.index, time, f"{float(time * self.time_base):.6f}"])
            self._file.flush()
        except OSError as error:
            raise VideoError(f"{self.folder / TIMES} cannot be written: {os_reason(error)}; free space") from error
        self.index += 1

    def __exit__(self, *_: object) -> None:
        self._file.close()
