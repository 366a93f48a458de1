"""Images to measure the ranges of a network on: those of a dataset, a folder, a video, or pairs of image and plate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from omz.accuracy.datasets.folder import FolderDataset, open_dataset
from omz.accuracy.datasets.layouts import LAYOUTS
from omz.accuracy.datasets.sample import Entry
from omz.checksum import file_digest
from omz.convert.calibration import PLATES_BESIDE, Calibration, Pair
from omz.errors import DataError, UsageError
from omz.images.arrays import Picture
from omz.images.files import read_picture
from omz.images.suffixes import IMAGE_SUFFIXES, is_video

FIRST = "first"
"""Stands for the first frame of a video, as its plate."""
USUAL_COUNT = 32
"""Images of a calibration, unless another number is asked for."""


@dataclass(frozen=True)
class CalibrationSource:
    """Where images come from: ``count`` of those in a folder, a video, or an image at ``path``, chosen by ``seed``.

    ``plate`` is the plate of images that have none of their own: the path of an image, or :data:`FIRST`.
    """

    path: Path
    count: int = USUAL_COUNT
    seed: int = 0
    plate: str = ""

    def open(self) -> Calibration:
        """Return the images, of which none is read yet.

        Raises :class:`DataError` for a folder without images, and :class:`omz.errors.OmzError` for a video or an image
        that cannot be read.
        """
        path, plate = self.path.absolute(), self._plate()
        if path.is_dir():
            dataset = open_images(path)
            entries = self.chosen(dataset.entries)
            files = [file for entry in entries for file in entry.files.values()]
            return self._calibration(_DatasetPictures(dataset, entries, plate), len(entries), files)
        if not path.exists():
            raise DataError(f"no folder, video or image at {self.path} to calibrate on; check the path")
        if is_video(path):
            indices = _choose(_count_frames(path), self.count, self.seed)
            pictures = _VideoPictures(path, tuple(indices), plate, self.plate == FIRST)
            return self._calibration(pictures, len(indices), [path])
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise DataError(f"{self.path} is neither a folder, a video nor an image; name one of these")
        return self._calibration(_OnePicture(path, plate), 1, [path])

    def chosen(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return the frames of a dataset that are taken: from all over it, since those of a clip are alike."""
        return [entries[index] for index in _choose(len(entries), self.count, self.seed)]

    def _plate(self) -> Path | None:
        if not self.plate:
            return None
        if self.plate == FIRST:
            if not is_video(self.path):
                raise UsageError(f"--plate {FIRST} is the first frame of a video, and {self.path} is none")
            return None
        return Path(self.plate).absolute()

    def _calibration(self, pictures: Iterable[Pair], count: int, files: Sequence[Path]) -> Calibration:
        """Return the calibration, with a digest of the content of its files and of what is taken of them."""
        digest = hashlib.sha256(repr((self.count, self.seed, self.plate == FIRST)).encode())
        plate = self._plate()
        for path in (*files, *filter(None, [plate])):
            digest.update(_digest(path).encode())
        noun = "image" if count == 1 else "images"
        title = f"{count} {noun} of {self.path}"
        if self.seed:
            title += f", seed {self.seed}"
        return Calibration(pictures, title, digest.hexdigest(), self._remedy())

    def _remedy(self) -> str:
        """Return what to do where the images lack plates."""
        if self.path.is_dir():
            return f"{PLATES_BESIDE}, or give omz_quantizer --plate FILE"
        if is_video(self.path):
            return f"give omz_quantizer --plate {FIRST} or --plate FILE"
        return "give omz_quantizer --plate FILE"


def open_images(folder: Path) -> FolderDataset:
    """Open a folder of images, or of a dataset of any layout; raises :class:`DataError` where there are none."""
    if not any(not layout.lack(folder) for layout in LAYOUTS.values()):
        raise DataError(f"{folder} has no images in it, and no layout of a dataset; name a folder with images")
    return open_dataset(folder)


@dataclass(frozen=True)
class _DatasetPictures:
    """Images of a dataset with their plates; ``plate`` is that of images without one."""

    dataset: FolderDataset
    entries: Sequence[Entry]
    plate: Path | None

    def __iter__(self) -> Iterator[Pair]:
        plate = _read(self.plate)
        for entry in self.entries:
            sample = self.dataset.read(entry)
            yield sample.picture, plate if sample.plate is None else sample.plate


@dataclass(frozen=True)
class _VideoPictures:
    """Frames of a video by their ``indices``, in order; the plate is an image, or the first frame."""

    path: Path
    indices: tuple[int, ...]
    plate: Path | None
    plate_is_first: bool

    def __iter__(self) -> Iterator[Pair]:
        from omz.video.reading import read

        plate, wanted = _read(self.plate), {*self.indices}
        for frame in read(self.path):
            if self.plate_is_first and frame.index == 0:
                plate = frame.picture
            if frame.index in wanted:
                yield frame.picture, plate
            if frame.index >= max(wanted):
                return


@dataclass(frozen=True)
class _OnePicture:
    path: Path
    plate: Path | None

    def __iter__(self) -> Iterator[Pair]:
        yield read_picture(self.path), _read(self.plate)


def _read(plate: Path | None) -> Picture | None:
    return None if plate is None else read_picture(plate)


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError:  # reading the image says why
        return ""


def _count_frames(path: Path) -> int:
    """Return the frames of a video, as it says itself if it does, which may be some too many."""
    from omz.video.info import probe
    from omz.video.reading import read

    return probe(path).frames or sum(1 for _ in read(path))


def _choose(total: int, count: int, seed: int) -> list[int]:
    """Return at most ``count`` numbers below ``total``, one from each of as many equal parts."""
    count = min(count, total)
    rng = np.random.default_rng(seed)
    ends = [number * total // count for number in range(count + 1)]
    return [int(rng.integers(low, high)) for low, high in pairwise(ends)]
