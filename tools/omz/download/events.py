"""Events of a download; names and members are those of Open Model Zoo's JSON events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from omz.events import Event

State = Literal["downloaded", "cached", "present"]
"""Origin of a file: fetched, taken from the cache, or right from the start."""


@dataclass(frozen=True)
class DownloadNeeded(Event):
    """A model is used whose files are not there, and ``num_files`` of them are about to be downloaded.

    ``size`` is that of all in bytes, None if the card does not give it. ``license`` is the address of the licence, and
    ``source`` that of the first file, or its place in words.
    """

    TYPE = "model_download_needed"
    model: str
    num_files: int
    size: int | None
    license: str
    source: str

    @property
    def line(self) -> str:
        """Return it in a line."""
        files = "1 file" if self.num_files == 1 else f"{self.num_files} files"
        if self.size is not None:
            files += f", {self.size / 1e6:.1f} MB"
        return f"first use of {self.model}: downloading {files}, from {self.source} (licence: {self.license})"


@dataclass(frozen=True)
class ModelBegin(Event):
    """Work on the ``num_files`` files of a model begins."""

    TYPE = "model_download_begin"
    model: str
    num_files: int


@dataclass(frozen=True)
class FileSkipped(Event):
    """A file of the model is not needed."""

    TYPE = "model_file_skipped"
    model: str
    model_file: str
    reason: str


@dataclass(frozen=True)
class FileBegin(Event):
    """Work on a file begins; ``size`` is in bytes, None if the card does not give it."""

    TYPE = "model_file_download_begin"
    model: str
    model_file: str
    size: int | None


@dataclass(frozen=True)
class FileProgress(Event):
    """``size`` bytes of the file have arrived; it shrinks if a transfer starts over."""

    TYPE = "model_file_download_progress"
    model: str
    model_file: str
    size: int


@dataclass(frozen=True)
class FileRetry(Event):
    """A transfer from ``url`` failed, and continues in ``wait`` seconds, or from the next address."""

    TYPE = "model_file_download_retry"
    model: str
    model_file: str
    url: str
    reason: str
    wait: float


@dataclass(frozen=True)
class FileEnd(Event):
    """The file is in place, with its origin; or it failed, with the reason."""

    TYPE = "model_file_download_end"
    model: str
    model_file: str
    successful: bool
    state: State | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ModelEnd(Event):
    """All files of the model are in place, or some failed."""

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
    """The model's files are as its card says, or this failed for ``reason``."""

    TYPE = "model_postprocessing_end"
    model: str
    successful: bool
    reason: str | None = None


@dataclass(frozen=True)
class Warned(Event):
    """A problem that does not harm the model."""

    TYPE = "warning"
    model: str
    reason: str


@dataclass(frozen=True)
class FileChecked(Event):
    """Result of a check of the file at ``path``; ``problem`` is None if it is right.

    ``postprocessed`` tells that it was unpacked or changed as the card says, and the results are unharmed.
    """

    TYPE = "model_file_checked"
    model: str
    path: str
    problem: str | None
    postprocessed: bool = False
