"""The demo's command, run in this process, and pictures whose mattes are known exactly.

Before a plate of one grey a block of bright noise is the subject; ``builders.save_difference_model`` finds it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from helpers.builders import save_difference_model
from omz.images.files import write_picture
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene
from omz_demo.cli import main

GREY = 100
"""The plate."""
SIZE = (24, 32)
BOX = (5, 7, 17, 25)

Box = tuple[int, int, int, int]
"""The first row and column of a block, and those after its last."""


def demo(*arguments: object, sent: bytes = b"") -> Result:
    """Run the command, with ``sent`` on its standard input."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=sent, catch_exceptions=False)


def done(*arguments: object, sent: bytes = b"") -> Result:
    """Run the command, which has to end well."""
    result = demo(*arguments, sent=sent)
    assert result.exit_code == 0, result.output
    return result


def empty(size: tuple[int, int]) -> np.ndarray:
    """The plate, (H, W, 3)."""
    return np.full((*size, 3), GREY, np.uint8)


def block(size: tuple[int, int], box: Box, seed: int = 0) -> np.ndarray:
    """The plate with the subject before it."""
    top, left, bottom, right = box
    picture = empty(size)
    shape = (bottom - top, right - left, 3)
    picture[top:bottom, left:right] = np.random.default_rng(seed).integers(160, 256, shape)
    return picture


def write_pair(folder: Path) -> Path:
    """Write photo.png and plate.png, of ``SIZE`` with a subject in ``BOX``, and model.xml; return the folder."""
    write_picture(folder / "photo.png", block(SIZE, BOX))
    return write_plate(folder)


def write_plate(folder: Path) -> Path:
    """Write plate.png, of ``SIZE``, and model.xml; return the folder."""
    save_difference_model(folder / "model.xml", "height", "width")
    write_picture(folder / "plate.png", empty(SIZE))
    return folder


def mask(size: tuple[int, int], box: Box) -> np.ndarray:
    """The alpha of :func:`block`: 0 or 255."""
    alpha = np.zeros(size, np.uint8)
    alpha[box[0] : box[2], box[1] : box[3]] = 255
    return alpha


def box_of(alpha: np.ndarray) -> Box:
    """Where alpha is more than half."""
    rows, columns = (np.flatnonzero((alpha > np.iinfo(alpha.dtype).max / 2).any(axis)) for axis in (1, 0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def write_blocks(folder: Path, count: int, size: tuple[int, int] = (24, 32)) -> None:
    """Write pictures of blocks that are somewhere else each, by their numbers from 0."""
    for number in range(count):
        top, left = number % (size[0] - 8), 3 * number % (size[1] - 10)
        write_picture(folder / f"{number}.png", block(size, (top, left, top + 8, left + 10), number))


def write_scene(folder: Path, drift: Drift, size: tuple[int, int] = (96, 160), number: int = 3) -> np.ndarray:
    """Write a scene as photo.png and plate.png, and return its alpha."""
    scene = make_scene(number, size, "demo", drift)
    write_picture(folder / "photo.png", scene.picture)
    write_picture(folder / "plate.png", scene.plate)
    return scene.alpha


def cutout(picture: np.ndarray) -> np.ndarray:
    """The cutout of a picture of :func:`block`."""
    return np.dstack([picture, np.where((picture == 100).all(2), 0, 255)]).astype(np.uint8)


def names(folder: Path) -> set[str]:
    """The files below a folder, but for manifests and their locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and "jsonl" not in path.name)
    return {path.relative_to(folder).as_posix() for path in files}


def content(folder: Path) -> dict[str, bytes]:
    """What these files have in them."""
    return {name: (folder / name).read_bytes() for name in names(folder)}
