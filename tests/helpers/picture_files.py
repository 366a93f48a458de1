"""Small pictures in files, whose pixels tell which they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIZE = (6, 8)


def colours(level: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((*size, 3), (level, level + 1, level + 2), np.uint8)


def grey(level: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full(size, level, np.uint8)


def rgba(level: int, alpha: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.dstack([colours(level, size), grey(alpha, size)])


def write(path: Path, levels: np.ndarray | None = None) -> Path:
    """Write levels as they are; by default a picture that only has to be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), colours(0) if levels is None else levels)
    return path


def touch(folder: Path, *names: str) -> Path:
    """Make files that are listed, and not read."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder
