"""A cache of layers and plates: made once by several processes, and read by scenes."""

from __future__ import annotations

import multiprocessing
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from omz.atomic import whole_file
from omz.errors import ModelFileError, os_reason
from omz.images.arrays import Picture, Size
from omz.synthesis.foregrounds import foreground
from omz.synthesis.layer import Layer, layer_of, read_levels
from omz.synthesis.plates import plate

Kind = Literal["people", "objects", "plates"]
KINDS: tuple[Kind, ...] = ("people", "objects", "plates")
PLATE_SIZE: Size = (720, 1280)

_OBJECT_SIZE: Size = (600, 800)
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_THREADS = "LP_NUM_THREADS"  # of the software renderer, which would otherwise take all cores in each process


@dataclass(frozen=True)
class CachePlan:
    """What a cache has: numbers of each kind, and its ``series``.

    Series ("train", "test", ...) are independent of one another: other people, objects and plates. ``panoramas`` is a
    folder of images of 360 by 180 degrees (``.hdr``, ``.jpg``, ``.png``), ``assets`` one of MakeHuman's clothes
    (``.mhclo``); both may be None.
    """

    people: int
    objects: int
    plates: int
    series: str = "train"
    panoramas: Path | None = None
    assets: Path | None = None

    def count(self, kind: Kind) -> int:
        """Return how many there are of a kind."""
        return {"people": self.people, "objects": self.objects, "plates": self.plates}[kind]


def fill(folder: Path, plan: CachePlan, workers: int) -> Iterator[tuple[Kind, int]]:
    """Make what ``folder`` lacks of a plan, in ``workers`` processes, and yield kind and number of each as it is done.

    A run that was stopped continues where it was. Raises :class:`~omz.errors.ModelFileError` if the folder cannot be
    written, and :class:`~omz.errors.EngineError` where people cannot be rendered.
    """
    try:
        for kind in KINDS:
            (folder / kind).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFileError(f"{folder} cannot be created: {os_reason(error)}; choose another folder") from error
    missing = [
        (kind, number)
        for kind in KINDS
        for number in range(plan.count(kind))
        if not _files(folder, kind, number)[0].exists()
    ]
    make = partial(_make, folder, plan)
    context = multiprocessing.get_context("spawn")  # a forked process would share the state of OpenGL and OpenCV
    with ProcessPoolExecutor(max(1, workers), context, _alone) as pool:
        jobs = {pool.submit(make, kind, number): (kind, number) for kind, number in missing}
        try:
            for job in as_completed(jobs):
                job.result()
                yield jobs[job]
        finally:
            pool.shutdown(cancel_futures=True)


def make_layer(kind: Kind, number: int, plan: CachePlan) -> Layer:
    """Make a layer of a plan; a plate's alpha is 255 everywhere. The same arguments give the same pixels."""
    rng = np.random.default_rng([zlib.crc32(plan.series.encode()), KINDS.index(kind), number])
    if kind == "people":
        from omz.synthesis.people.person import person

        return person(rng, plan.assets)
    if kind == "objects":
        subject = foreground(rng, _OBJECT_SIZE)
        return layer_of(subject.colour * subject.alpha[..., None], subject.alpha)
    levels = cv2.convertScaleAbs(plate(rng, PLATE_SIZE, _panoramas(plan.panoramas)), alpha=255)
    return Layer(levels, np.full(PLATE_SIZE, 255, np.uint8))


def _panoramas(folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in (".hdr", ".jpg", ".png")))


def _make(folder: Path, plan: CachePlan, kind: Kind, number: int) -> None:
    layer = make_layer(kind, number, plan)
    colour, alpha = _files(folder, kind, number)
    if kind != "plates":  # colours come last: where they are, all is there
        _write(alpha, layer.alpha, [])
    _write(colour, layer.colour, _QUALITY)


def _write(path: Path, image: np.ndarray, options: list[int]) -> None:
    _, content = cv2.imencode(path.suffix, image, options)
    with whole_file(path) as temporary:
        temporary.write_bytes(content.tobytes())


def _alone() -> None:
    os.environ[_THREADS] = "0"
    cv2.setNumThreads(1)


def _files(folder: Path, kind: Kind, number: int) -> tuple[Path, Path]:
    """Return the files of colours and of alpha."""
    return folder / kind / f"{number:05}.jpg", folder / kind / f"{number:05}.png"


@dataclass(frozen=True)
class LayerCache:
    """A cache that was filled: ``counts`` are how many it has of each of :data:`KINDS`."""

    folder: Path
    counts: tuple[int, int, int]

    @classmethod
    def open(cls, folder: Path) -> LayerCache:
        """Count what a folder has. Raises :class:`~omz.errors.ModelFileError` where one kind is missing."""
        counts = []
        for kind in KINDS:
            number = 0
            while _files(folder, kind, number)[0].exists():
                number += 1
            if not number:
                how = f"make it with python -m omz.cli.render_layers -o {folder}"
                raise ModelFileError(f"{folder} has no {kind}, of which scenes are made; {how}")
            counts.append(number)
        return cls(folder, (counts[0], counts[1], counts[2]))

    def layer(self, kind: Kind, number: int) -> Layer:
        """Read a subject; numbers beyond the last begin again."""
        colour, alpha = _files(self.folder, kind, number % self.counts[KINDS.index(kind)])
        return Layer(read_levels(colour, cv2.IMREAD_COLOR), read_levels(alpha, cv2.IMREAD_GRAYSCALE))

    def plate(self, number: int) -> Picture:
        """Read a plate, (H, W, 3) uint8 BGR."""
        return read_levels(_files(self.folder, "plates", number % self.counts[2])[0], cv2.IMREAD_COLOR)
