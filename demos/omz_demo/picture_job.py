"""One picture: read, matte, write."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from omz.atomic import whole_file
from omz.errors import ImageError
from omz.images.arrays import Picture
from omz.images.compositing import composite, cutout, to_uint8
from omz.images.files import check_suffix, read_picture, write_picture
from omz.images.geometry import resize
from omz_demo.models import LoadedMatter
from omz_demo.subject import take_out
from omz_demo.targets import fill, load_target, target_file


@dataclass(frozen=True)
class PictureJob:
    """Everything a job needs, read and checked; without ``target`` the result is a cut-out with transparency.

    ``plate`` is None for a model that takes none; ``trimap`` is where that goes, if anywhere.
    """

    name: str
    picture: Picture
    plate: Picture | None
    target: Picture | None
    output: Path
    trimap: Path | None
    warnings: tuple[str, ...]
    read_ms: float


def plan(
    picture: Path, plate: Path | None, output: Path | None, target: str | None, trimap: Path | None = None
) -> PictureJob:
    """Read the pictures and check where results go, before a model is loaded.

    Without ``output`` the result lies beside the picture. A plate of another size is resized, with a warning. Raises
    :class:`omz.errors.ImageError`.
    """
    started = time.perf_counter()
    shot = read_picture(picture)
    empty = None if plate is None else read_picture(plate)
    behind = None if target is None else load_target(target)
    if output is None:
        output = picture.with_name(f"{picture.stem}_{'cutout' if target is None else 'composite'}.png")
    inputs = [path for path in (picture, plate, target_file(target)) if path]
    check_suffix(output, has_alpha=target is None)
    _check_place(output, inputs)
    if trimap is not None:
        check_suffix(trimap, has_alpha=False)
        _check_place(trimap, inputs)
        if trimap.resolve() == output.resolve():
            raise ImageError(f"{trimap} is where the result goes; choose another name for the trimap")
    warnings = []
    if plate is not None and empty is not None and shot.shape != empty.shape:
        warnings.append(f"plate {plate.name} is {_size(empty)}, resized to the picture's {_size(shot)}")
        empty = resize(empty, (shot.shape[0], shot.shape[1]))
    read_ms = 1e3 * (time.perf_counter() - started)
    return PictureJob(picture.name, shot, empty, behind, output, trimap, tuple(warnings), read_ms)


def _check_place(output: Path, inputs: Sequence[Path]) -> None:
    """Raise where the result would replace an input, or cannot be written."""
    if output.is_dir():
        raise ImageError(f"{output} is a folder; name a file")
    if any(output.resolve() == path.resolve() for path in inputs):
        raise ImageError(f"{output} is one of the pictures to read; choose another name for the result")
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ImageError(f"{output} cannot be written: {folder} is no folder that can be written to")


def run(job: PictureJob, loaded: LoadedMatter) -> str:
    """Matte the picture, write the result, and return one line that says what was done.

    The result and the trimap are both written, or neither.
    """
    subject = take_out(loaded.matter, job.picture, job.plate)
    started = time.perf_counter()
    if job.target is None:
        result = cutout(subject.alpha, subject.foreground)
    else:
        size = job.picture.shape[0], job.picture.shape[1]
        result = composite(subject.alpha, subject.foreground, fill(job.target, size))
    if job.trimap is None or subject.trimap is None:
        write_picture(job.output, result)
    else:
        with whole_file(job.trimap) as temporary:  # which gets its name once the result is there
            write_picture(temporary, cv2.cvtColor(to_uint8(subject.trimap), cv2.COLOR_RGB2BGR))
            write_picture(job.output, result)
    steps = {
        "read": job.read_ms,
        "load model": loaded.load_ms,
        **subject.timings,
        "write": 1e3 * (time.perf_counter() - started),
    }
    timings = ", ".join(f"{step} {milliseconds:.0f} ms" for step, milliseconds in steps.items())
    engine = loaded.engine.info
    return f"{job.name} {_size(job.picture)} -> {job.output}: {engine.device}, {engine.precision}, {timings}"


def _size(picture: Picture) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
