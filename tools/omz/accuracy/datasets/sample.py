"""Frames of a dataset, whatever its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from omz.errors import DataError
from omz.images.arrays import Picture

Role = Literal["picture", "plate", "alpha", "cutout", "foreground", "background", "trimap"]
"""Content of a file.

A foreground may hold alpha, too. A cut-out holds alpha in its fourth channel; its colours are not the foreground's. A
background is what a foreground is placed before.
"""


@dataclass(frozen=True)
class Entry:
    """A frame that a dataset has, before it is read.

    ``name`` is unique in the dataset, such as ``clip/0001``; ``clip`` is empty for a picture that belongs to none.
    ``index`` counts the frames of a clip from 0, those too that are left out because a file is missing, so that a gap
    shows; without a clip it is 0. ``files`` are by what they hold.
    """

    name: str
    clip: str
    index: int
    files: Mapping[Role, Path]


@dataclass(frozen=True)
class Remark:
    """What one should know of a file of a dataset, in the results of a run; ``message`` is that of a problem."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path} {self.message}"


@dataclass(frozen=True)
class Problem:
    """Something about a file of a dataset: an error, or what one should know.

    ``message`` follows the path in a sentence: what is wrong, and what to do.
    """

    severity: Literal["error", "remark"]
    path: Path
    message: str

    def __str__(self) -> str:
        return f"{self.path} {self.message}"

    def as_remark(self) -> Remark:
        """Return the problem for the results of a run."""
        return Remark(str(self.path), self.message)

    def as_error(self) -> DataError:
        """Return the error to raise where the problem stops the work."""
        return DataError(str(self))


@dataclass(frozen=True)
class Sample:
    """A frame: what models see, and what is true of it, None where the dataset does not tell it.

    ``picture`` and ``plate`` (H, W, 3) uint8 BGR, of one size; ``alpha`` (H, W) float64, 0 to 1; ``foreground``
    (H, W, 3) uint8 BGR; ``trimap`` (H, W) uint8 of 0, 128 and 255. ``sha256`` is a digest of all that it was made of;
    ``remarks`` are on its files.
    """

    entry: Entry
    picture: Picture
    plate: Picture | None = None
    alpha: NDArray[np.float64] | None = None
    foreground: Picture | None = None
    trimap: NDArray[np.uint8] | None = None
    sha256: str = ""
    remarks: tuple[Remark, ...] = ()


class Dataset(Protocol):
    """Frames in order; reading one does not depend on another."""

    @property
    def title(self) -> str:
        """Its layout and place, for people."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All frames, clip by clip."""

    @property
    def remarks(self) -> Sequence[Remark]:
        """What one should know before any frame is read, such as frames left out."""

    def read(self, entry: Entry) -> Sample:
        """Read a frame; raises :class:`omz.errors.DataError` naming the file that cannot be used."""
