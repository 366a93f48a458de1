"""What happens during a download, as records; the names and members are those of Open Model Zoo's JSON events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from omz.events import Event

State = Literal["downloaded", "cached", "present"]
"""How a file came to be there: fetched, taken from the cache, or it was there already, and right."""


@dataclass(frozen=True)
class ModelBegin(Event):
    """The first of ``num_files`` files is about to be seen to."""

    TYPE = "model_download_begin"
    model: str
    num_files: int


@dataclass(frozen=True)
class FileSkipped(Event):
    """A file of the model is not wanted."""

    TYPE = "model_file_skipped"
    model: str
    model_file: str
    reason: str


@dataclass(frozen=True)
class FileBegin(Event):
    """A file is seen to; ``size`` is in bytes, None where the card does not tell it."""

    TYPE = "model_file_download_begin"
    model: str
    model_file: str
    size: int | None


@dataclass(frozen=True)
class FileProgress(Event):
    """``size`` bytes of the file are there; it shrinks where a transfer starts over."""

    TYPE = "model_file_download_progress"
    model: str
    model_file: str
    size: int


@dataclass(frozen=True)
class FileRetry(Event):
    """A transfer from ``url`` failed, and goes on in ``wait`` seconds, or from the next address."""

    TYPE = "model_file_download_retry"
    model: str
    model_file: str
    url: str
    reason: str
    wait: float


@dataclass(frozen=True)
class FileEnd(Event):
    """The file is there, and how; or it is not, and why."""

    TYPE = "model_file_download_end"
    model: str
    model_file: str
    successful: bool
    state: State | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ModelEnd(Event):
    """All files of the model are there; or not."""

    TYPE = "model_download_end"
    model: str
    successful: bool


@dataclass(frozen=True)
class PostprocessingBegin(Event):
    """The model's files are about to be unpacked or changed as its card says."""

    TYPE = "model_postprocessing_begin"
    model: str


@dataclass(frozen=True)
class PostprocessingEnd(Event):
    """The model's files are as its card says; or not, and why."""

    TYPE = "model_postprocessing_end"
    model: str
    successful: bool
    reason: str | None = None


@dataclass(frozen=True)
class Warned(Event):
    """Something went wrong that does not keep the model from being whole."""

    TYPE = "warning"
    model: str
    reason: str


@dataclass(frozen=True)
class FileChecked(Event):
    """What was found at ``path``, where the file belongs; ``problem`` is None where it is right.

    ``postprocessed`` where it was unpacked or changed as the card says, and what came of it is as it was.
    """

    TYPE = "model_file_checked"
    model: str
    path: str
    problem: str | None
    postprocessed: bool = False
