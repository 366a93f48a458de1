"""A small cache of layers, drawn without OpenGL: discs, rings and stripes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from omz.synthesis.layer_cache import PLAN, CachePlan, LayerCache

COUNT = 3


def small_cache(folder: Path) -> LayerCache:
    """Fill a folder with three people, three objects and three plates, and open it."""
    y, x = np.mgrid[:240, :200]
    for kind in ("people", "objects", "plates"):
        (folder / kind).mkdir(parents=True)
    for number in range(COUNT):
        colour = np.full((240, 200, 3), (60 * number, 120, 220 - 50 * number), np.uint8)
        head = np.clip(40 - np.hypot(x - 100, y - 70) + 0.5, 0, 1)
        body = np.clip(70 - np.abs(x - 100) + 0.5, 0, 1) * (y > 110)
        _save(folder / "people", number, colour, np.maximum(head, body))
        _save(folder / "objects", number, colour[..., ::-1], np.clip(60 - np.hypot(x - 100, y - 100) + 0.5, 0, 1))
        wall = np.zeros((360, 640, 3), np.uint8)
        wall[:] = (40 + 20 * number, 90, 60)
        wall[:, ::20] = 200
        cv2.imwrite(str(folder / "plates" / f"{number:05}.jpg"), wall)
    (folder / PLAN).write_text(json.dumps(CachePlan(COUNT, COUNT, COUNT, "small").identity()))
    return LayerCache.open(folder)


def _save(folder: Path, number: int, colour: np.ndarray, alpha: np.ndarray) -> None:
    cv2.imwrite(str(folder / f"{number:05}.png"), np.rint(255 * alpha).astype(np.uint8))
    cv2.imwrite(str(folder / f"{number:05}.jpg"), np.ascontiguousarray(colour))
