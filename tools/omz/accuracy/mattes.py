"""Mattes that some other tool has made, in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from omz.accuracy.datasets.frames import find_frames
from omz.accuracy.datasets.layouts import Layout
from omz.accuracy.datasets.sample import Role, Sample
from omz.accuracy.metrics.differences import unit
from omz.accuracy.prediction import Prediction
from omz.errors import DataError, ImageError
from omz.images.files import Levels, read_levels
from omz.runtime.engine import EngineInfo

_PATHS: tuple[Mapping[Role, str], ...] = (
    {"alpha": "pha/{clip}/{frame}", "foreground": "fgr/{clip}/{frame}"},
    {"alpha": "{clip}/pha/{frame}", "foreground": "{clip}/fgr/{frame}"},
    {"alpha": "pha/{frame}", "foreground": "fgr/{frame}"},
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
        layout = next((each for each in _LAYOUTS if not each.lack(folder)), None)
        if layout is None:
            raise DataError(f"{folder} has no mattes, such as pha/CLIP/FRAME.png or FRAME.png; name their folder")
        found = find_frames(folder, layout)
        if found.ambiguous:
            raise found.ambiguous[0].as_error()
        self._files: Mapping[str, Mapping[Role, Path]] = {
            entry.name: entry.files for entry in (*found.entries, *found.incomplete)
        }

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Read the matte of a frame; raises :class:`DataError` where there is none, or it is of another size."""
        del begins
        files = self._files.get(sample.entry.name, {})
        if "alpha" not in files:
            raise DataError(f"{self.folder} has no matte of it; its name is to be {sample.entry.name}")
        levels = _read(files["alpha"], sample)
        if levels.ndim == 3 and levels.shape[2] == 3 and (levels != levels[..., :1]).any():
            raise DataError(f"{files['alpha']} is coloured; a matte is grey, or the fourth channel of a cut-out")
        alpha = levels if levels.ndim == 2 else levels[..., 3 if levels.shape[2] == 4 else 0]
        foreground = None
        if "foreground" in files:
            colours = _read(files["foreground"], sample)
            foreground = colours[..., :3] if colours.ndim == 3 else None
        return Prediction(alpha, foreground, {"alpha": unit(alpha)[None, None]})


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
