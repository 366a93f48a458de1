"""A cache of layers and plates: made once by several processes, and read by scenes."""

from __future__ import annotations

import json
import multiprocessing
import os
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from omz.atomic import whole_file
from omz.checksum import file_digest
from omz.errors import EngineError, ModelFileError, UsageError, os_reason
from omz.images.arrays import Picture, Size
from omz.synthesis.foregrounds import foreground
from omz.synthesis.layer import Layer, layer_of, read_levels
from omz.synthesis.plates import plate

Kind = Literal["people", "objects", "plates"]
KINDS: tuple[Kind, ...] = ("people", "objects", "plates")
PLATE_SIZE: Size = (720, 1280)
PLAN = "plan.json"
"""The file of a cache that says how its layers were made."""

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

    def identity(self) -> dict[str, Any]:
        """Return what layers depend on beside kind and number: the series, and names and digests of the files used.

        The keys are those of the command's options. Raises :class:`~omz.errors.UsageError` if a folder has no file of
        use, and :class:`~omz.errors.ModelFileError` if one cannot be read.
        """
        clothes: list[Path] = []
        if self.assets is not None:
            from omz.synthesis.people.assets import suits

            for path in suits(self.assets):
                clothes += [path, path.with_suffix(".obj")]
        panoramas = _panoramas(self.panoramas)
        return {"series": self.series, "panoramas": _digests(panoramas), "makehuman": _digests(clothes)}


def fill(folder: Path, plan: CachePlan, workers: int) -> Iterator[tuple[Kind, int]]:
    """Make what ``folder`` lacks of a plan, in ``workers`` processes, and yield kind and number of each as it is done.

    A run that was stopped continues where it was, and a plan may have larger numbers than before. Raises
    :class:`~omz.errors.ModelFileError` if the folder cannot be written or has layers of another plan,
    :class:`~omz.errors.UsageError` if a folder of the plan has no file of use, and :class:`~omz.errors.EngineError`
    where people cannot be rendered, or a process ended.
    """
    _prepare(folder, plan.identity())
    missing = [
        (kind, number)
        for kind in KINDS
        for number in range(plan.count(kind))
        if not _files(folder, kind, number)[0].exists()
    ]
    make = partial(_make, folder, plan)
    context = multiprocessing.get_context("spawn")  # a forked process would share the state of OpenGL and OpenCV
    with ProcessPoolExecutor(max(1, workers), context, _alone) as pool:
        try:
            jobs = {pool.submit(make, kind, number): (kind, number) for kind, number in missing}
            for job in as_completed(jobs):
                job.result()
                yield jobs[job]
        except BrokenProcessPool as error:
            how = "try fewer --workers, for memory may be short; what is made stays"
            raise EngineError(f"{folder}: a process that makes layers ended; {how}") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare(folder: Path, identity: dict[str, Any]) -> None:
    """Make the folders of a cache and note its plan; refuse layers of another plan."""
    filled = any(next((folder / kind).glob("*.*"), None) for kind in KINDS)
    if filled or (folder / PLAN).exists():
        noted = _read_plan(folder)
        others = [f"--{name}" for name in identity if noted.get(name) != identity[name]]
        if others:
            how = "give the same as before, or choose another folder"
            raise ModelFileError(f"{folder} has layers made with other {', '.join(others)}; {how}")
    try:
        for kind in KINDS:
            (folder / kind).mkdir(parents=True, exist_ok=True)
        if not (folder / PLAN).exists():
            with whole_file(folder / PLAN) as temporary:
                temporary.write_text(json.dumps(identity, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelFileError(f"{folder} cannot be created: {os_reason(error)}; choose another folder") from error


def _read_plan(folder: Path) -> dict[str, Any]:
    how = "choose another folder, or remove this one"
    try:
        noted = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelFileError(f"{folder} has layers, but no {PLAN} that says how they were made; {how}") from error
    except OSError as error:
        raise ModelFileError(f"{folder / PLAN} cannot be read: {os_reason(error)}; {how}") from error
    except ValueError:
        noted = None
    if not isinstance(noted, dict):
        raise ModelFileError(f"{folder / PLAN} is damaged; {how}")
    return noted


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
    found = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in (".hdr", ".jpg", ".png")))
    if not found:
        raise UsageError(f"{folder} has no panoramas (.hdr, .jpg, .png); choose another folder for --panoramas")
    return found


def _digests(paths: Iterable[Path]) -> list[list[str]]:
    """Return names and digests of files."""
    found = []
    for path in paths:
        try:
            found.append([path.name, file_digest(path, "sha256")])
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read: {os_reason(error)}; get it again, or remove it") from error
    return found


def _make(folder: Path, plan: CachePlan, kind: Kind, number: int) -> None:
    layer = make_layer(kind, number, plan)
    colour, alpha = _files(folder, kind, number)
    if kind != "plates":  # colours come last: where they are, all is there
        _write(alpha, layer.alpha, [])
    _write(colour, layer.colour, _QUALITY)


def _write(path: Path, image: np.ndarray, options: list[int]) -> None:
    _, content = cv2.imencode(path.suffix, image, options)
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(content.tobytes())
    except OSError as error:
        raise ModelFileError(f"{path} cannot be written: {os_reason(error)}") from error


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

    @property
    def identity(self) -> str:
        """Its plan and numbers, as a text that no cache of other layers has.

        Raises :class:`~omz.errors.ModelFileError` where the folder does not say how its layers were made.
        """
        return json.dumps({"plan": _read_plan(self.folder), "counts": self.counts}, sort_keys=True)

    def layer(self, kind: Kind, number: int) -> Layer:
        """Read a subject; numbers beyond the last begin again."""
        colour, alpha = _files(self.folder, kind, number % self.counts[KINDS.index(kind)])
        return Layer(read_levels(colour, cv2.IMREAD_COLOR), read_levels(alpha, cv2.IMREAD_GRAYSCALE))

    def plate(self, number: int) -> Picture:
        """Read a plate, (H, W, 3) uint8 BGR."""
        return read_levels(_files(self.folder, "plates", number % self.counts[2])[0], cv2.IMREAD_COLOR)
