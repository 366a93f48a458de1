"""One picture: read, matte, write."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from omz.errors import ImageError
from omz.images.arrays import Picture
from omz.images.compositing import composite, cutout
from omz.images.files import check_suffix, read_picture, write_picture
from omz.images.geometry import resize
from omz_demo.models import LoadedMatter
from omz_demo.targets import fill, load_target


@dataclass(frozen=True)
class PictureJob:
    """Everything a job needs, read and checked; without ``target`` the result is a cut-out with transparency."""

    name: str
    picture: Picture
    plate: Picture
    target: Picture | None
    output: Path
    warnings: tuple[str, ...]
    read_ms: float


def plan(picture: Path, plate: Path, output: Path | None, target: str | None) -> PictureJob:
    """Read the pictures and check where the result goes, before a model is loaded.

    Without ``output`` the result lies beside the picture. A plate of another size is resized, with a warning. Raises
    :class:`omz.errors.ImageError`.
    """
    started = time.perf_counter()
    shot, empty = read_picture(picture), read_picture(plate)
    behind = None if target is None else load_target(target)
    if output is None:
        output = picture.with_name(f"{picture.stem}_{'cutout' if target is None else 'composite'}.png")
    check_suffix(output, has_alpha=target is None)
    _check_place(output, (picture, plate))
    warnings = []
    if shot.shape != empty.shape:
        warnings.append(f"plate {plate.name} is {_size(empty)}, resized to the picture's {_size(shot)}")
        empty = resize(empty, (shot.shape[0], shot.shape[1]))
    return PictureJob(picture.name, shot, empty, behind, output, tuple(warnings), 1e3 * (time.perf_counter() - started))


def _check_place(output: Path, inputs: tuple[Path, ...]) -> None:
    """Raise where the result would replace an input, or cannot be written."""
    if output.is_dir():
        raise ImageError(f"{output} is a folder; name a file")
    if any(output.resolve() == path.resolve() for path in inputs):
        raise ImageError(f"{output} is one of the pictures to read; choose another name for the result")
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ImageError(f"{output} cannot be written: {folder} is no folder that can be written to")


def run(job: PictureJob, loaded: LoadedMatter) -> str:
    """Matte the picture, write the result, and return one line that says what was done."""
    started = time.perf_counter()
    matte = loaded.matter(job.picture, job.plate)
    matted = time.perf_counter()
    if job.target is None:
        result = cutout(matte.alpha, matte.foreground)
    else:
        size = job.picture.shape[0], job.picture.shape[1]
        result = composite(matte.alpha, matte.foreground, fill(job.target, size))
    write_picture(job.output, result)
    written = time.perf_counter()
    engine = loaded.engine.info
    return (
        f"{job.name} {_size(job.picture)} -> {job.output}: {engine.device}, {engine.precision}, "
        f"read {job.read_ms:.0f} ms, load model {loaded.load_ms:.0f} ms, matte {1e3 * (matted - started):.0f} ms, "
        f"write {1e3 * (written - matted):.0f} ms"
    )


def _size(picture: Picture) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
