"""Mattes that some other tool has made, in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from omz.accuracy.datasets.frames import find_frames
from omz.accuracy.datasets.layouts import Layout
from omz.accuracy.datasets.sample import Entry, Role, Sample
from omz.accuracy.metrics.differences import unit
from omz.accuracy.prediction import Prediction
from omz.errors import DataError, ImageError
from omz.images.files import Levels, read_levels
from omz.runtime.engine import EngineInfo

_PATHS: tuple[Mapping[Role, str], ...] = (
    {"alpha": "pha/{clip}/{frame}", "foreground": "fgr/{clip}/{frame}"},
    {"alpha": "{clip}/pha/{frame}", "foreground": "{clip}/fgr/{frame}"},
    {"alpha": "pha/{frame}", "foreground": "fgr/{frame}"},
    {"alpha": "pha/{day}/{clip}/{frame}", "foreground": "fgr/{day}/{clip}/{frame}"},
    {"alpha": "{day}/{clip}/{frame}"},
    {"alpha": "{clip}/{frame}"},
    {"alpha": "{frame}"},
)
_LAYOUTS = tuple(Layout("mattes", paths, needs=(("alpha",),)) for paths in _PATHS)


class StoredMattes:
    """Finished mattes of a folder, as a predictor: by frame as ``pha/CLIP/FRAME`` or one of the like, of any suffix.

    Alpha is grey, or the fourth channel of a cut-out; its levels are taken as they are. Foregrounds lie in ``fgr`` in
    the place of ``pha``. Raises :class:`DataError` where there is no matte.
    """

    info = EngineInfo("files", "-", "-")
    remembers = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Mapping[Role, Path]] = {}
        for layout in reversed(_LAYOUTS):
            found = find_frames(folder, layout)
            if found.ambiguous:
                raise found.ambiguous[0].as_error()
            whole = (each for each in (*found.entries, *found.incomplete) if "alpha" in each.files)
            self._files |= {entry.name: entry.files for entry in whole}
        if not self._files:
            raise DataError(f"{folder} has no mattes, such as pha/CLIP/FRAME.png or FRAME.png; name their folder")

    def check(self, entries: Sequence[Entry]) -> None:
        """Raise :class:`DataError` where there is a matte of none of the frames."""
        if not any(entry.name in self._files for entry in entries):
            names = f"{entries[0].name}, not {[*self._files][-1]}" if entries else "none"
            raise DataError(f"{self.folder} has a matte of none of the frames, whose names are such as {names}")

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Read the matte of a frame; raises :class:`DataError` where there is none, or it is of another size."""
        del begins
        files = self._files.get(sample.entry.name, {})
        if "alpha" not in files:
            raise DataError(f"{self.folder} has no matte of it; its name is to be {sample.entry.name}")
        alpha = _alpha(_read(files["alpha"], sample), files["alpha"])
        foreground = None
        if "foreground" in files:
            colours = _read(files["foreground"], sample)
            foreground = colours[..., :3] if colours.ndim == 3 else None
        return Prediction(alpha, foreground, {"matte": unit(alpha)[None, None]})


def _alpha(levels: Levels, path: Path) -> Levels:
    """Return the greys of a matte, or the fourth channel of a cut-out; raises :class:`DataError` for others."""
    if levels.ndim == 2:
        return levels
    is_grey = not (levels[..., :3] != levels[..., :1]).any()
    if levels.shape[2] == 3:
        if not is_grey:
            raise DataError(f"{path} is coloured; a matte is grey, or the fourth channel of a cut-out")
        return levels[..., 0]
    if not is_grey:
        return levels[..., 3]
    if levels[..., 3].min() < np.iinfo(levels.dtype).max:
        raise DataError(f"{path} has an alpha channel beside its greys; save one of the two, as grey")
    return levels[..., 0]


def _read(path: Path, sample: Sample) -> Levels:
    try:
        levels = read_levels(path)
    except ImageError as error:
        raise DataError(str(error)) from error
    (height, width), (right_height, right_width) = levels.shape[:2], sample.picture.shape[:2]
    if (height, width) != (right_height, right_width):
        raise DataError(
            f"{path} is {width}x{height}, the frame {right_width}x{right_height}; mattes are scored at its size"
        )
    return levels
