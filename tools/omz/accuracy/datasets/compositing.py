"""Pictures composited from foregrounds and backgrounds, reproducibly."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.datasets.content import Content, read_content
from omz.accuracy.datasets.paths import SUFFIXES, natural_key
from omz.errors import DataError
from omz.images.arrays import Picture, Size
from omz.images.compositing import cover


@dataclass(frozen=True)
class Backgrounds:
    """Pictures of a folder, and of those in it, to place foregrounds before.

    The one of a clip depends on ``seed``, on the names of the clip and of the files, and on nothing else.
    """

    folder: Path
    seed: int = 0
    _last: dict[tuple[Path, Size], Content] = field(default_factory=dict, init=False, repr=False, compare=False)

    def files(self) -> Sequence[Path]:
        """Return them in natural order; raises :class:`DataError` for an empty folder."""
        files = {}
        for path in self.folder.rglob("*"):
            parts = path.relative_to(self.folder).parts
            is_hidden = any(part.startswith(".") for part in parts)
            if path.suffix.lower() in SUFFIXES and not is_hidden and path.is_file():
                files[parts] = path
        if not files:
            raise DataError(f"{self.folder} has no backgrounds; name a folder of images to place foregrounds before")
        return [files[parts] for parts in sorted(files, key=natural_key)]

    def choose(self, clip: str, files: Sequence[Path]) -> Path:
        """Return the background of a clip: the file that draws the highest number.

        So that a file more or less changes only those clips that get or lose it.
        """
        return max(files, key=lambda path: _draw(self.seed, clip, path.relative_to(self.folder).as_posix()))

    def read(self, path: Path, size: Size) -> Content:
        """Return a background of ``size`` (height, width), which it covers; raises :class:`DataError`.

        The last one stays in memory, for the next frame of its clip.
        """
        covering = self._last.get((path, size))
        if covering is None:
            content = read_content("background", path)
            assert content.colours is not None
            covering = replace(content, size=size, colours=cover(content.colours, size))
            self._last.clear()
            self._last[path, size] = covering
        assert covering.colours is not None
        return replace(covering, colours=covering.colours.copy())


def composite(alpha: NDArray[np.float64], foreground: Picture, background: Picture) -> Picture:
    """Return ``alpha * foreground + (1 - alpha) * background``, (H, W, 3) uint8, rounded to the nearest level.

    ``alpha`` (H, W), 0 to 1. With that of 8 or 16 bits none lies in the middle between two levels, as 255 and 65535 are
    odd; so the result is the same on every machine.
    """
    mixed = np.subtract(foreground, background, dtype=np.float64)
    mixed *= alpha[..., None]
    mixed += background
    return np.rint(mixed, out=mixed).astype(np.uint8)


def fingerprint(picture: Picture) -> str:
    """Return the SHA-256 of a picture's size and pixels, in hexadecimal."""
    digest = hashlib.sha256(str(picture.shape).encode())
    digest.update(picture.tobytes())
    return digest.hexdigest()


def _draw(seed: int, clip: str, name: str) -> bytes:
    return hashlib.sha256("\0".join((str(seed), clip, name)).encode(errors="surrogateescape")).digest()
