"""What a job on pictures is given and gives: tasks, how they are done, what is reported of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from omz.events import Event
from omz.images.arrays import Picture
from omz_demo.frames import Cut, Failure, Frame
from omz_demo.inputs.discovery import Input
from omz_demo.outputs.names import Outputs
from omz_demo.outputs.still_files import write_stills
from omz_demo.plates import Fitted

Ending: TypeAlias = Literal["done", "failed", "skipped"]


@dataclass(frozen=True)
class Task:
    """A picture and the files that come of it; ``content`` is what came over standard input, None for a file."""

    input: Input
    outputs: Outputs
    content: bytes | None = None


@dataclass(frozen=True)
class Settings:
    """How pictures are written, and which are done again.

    ``quality``: see :func:`omz.images.files.encode_picture`. ``strip`` leaves EXIF data and colour profile out.
    ``retry_failed`` tries those again that failed in the run that is resumed. ``threads`` read, and as many write.
    ``write`` puts the files of a picture into their places, all or none.
    """

    quality: int | None = None
    strip: bool = False
    retry_failed: bool = False
    threads: int = 2
    write: Callable[[Mapping[Path, bytes]], None] = write_stills


@dataclass(frozen=True)
class Totals:
    """How many pictures were done, failed (here, or before and not tried again), or were there already."""

    done: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class StillEnded(Event):
    """A picture has ended: ``number`` of ``total`` have now. ``error`` is one line; ``seconds`` is 0 if not tried."""

    TYPE: ClassVar[str] = "still_ended"
    input: str
    status: Ending
    number: int
    total: int
    outputs: tuple[str, ...]
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()


Stream: TypeAlias = Callable[[Iterable[Frame | Failure]], Iterator[Cut | Failure]]
"""Mattes frames: gives a cut or a failure for each, in order, and hands failures on."""
PlateFor: TypeAlias = Callable[[Task, Picture], Fitted | None]
"""Returns the plate of a picture, at its size; raises OmzError where that one cannot be had."""
TargetFor: TypeAlias = Callable[[Task, Picture], Picture | None]
"""Returns what is behind the subject of a picture, at its size; raises OmzError where that one cannot be had."""


def nothing(_task: Task, _picture: Picture) -> None:
    """Give no plate, or no target."""


def unseen(_cut: Cut) -> tuple[str, ...]:
    """Say nothing of a cut."""
    return ()
