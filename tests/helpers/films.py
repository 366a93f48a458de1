"""Films with exact alpha for the demo: a bright disc moves before a plate, and the network sees the difference."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from click.testing import CliRunner, Result

from helpers.builders import save_difference_model
from helpers.clips import write_clip
from omz_demo.cli import main

SIZE = (48, 64)
LOSSLESS = {"codec": "libx264rgb", "pixel_format": "bgr24", "options": {"qp": "0", "preset": "ultrafast"}}


@dataclass(frozen=True)
class Film:
    """A video of ``pictures``; ``mattes`` says where its subject is, bool. ``flags`` name video, plate and model."""

    path: Path
    pictures: list[np.ndarray]
    mattes: list[np.ndarray]
    flags: tuple[str, ...]


def plate(size: tuple[int, int] = SIZE) -> np.ndarray:
    """A slope of dark colours."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.dstack([40 + columns % 50, 90 - rows % 50, 60 + (rows + columns) % 20]).astype(np.uint8)


def matte(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Where the subject of a frame is: a disc that goes round, and is nowhere twice within 40 frames."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    centre = height * (0.5 + 0.2 * np.sin(index / 7)), width * (0.5 + 0.3 * np.cos(index / 7))
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < (height / 4) ** 2


def shots(count: int, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """The pictures of a film: the colours of the subject are 100 levels above the plate's."""
    behind = plate(size)
    return [np.where(matte(index, size)[..., None], behind + np.uint8(100), behind) for index in range(count)]


def make_film(folder: Path, count: int, size: tuple[int, int] = SIZE, name: str = "clip.mp4", **how: object) -> Film:
    """Write a film without loss, its plate and its model below ``folder``; ``how`` goes to :func:`write_clip`."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = shots(count, size)
    path = write_clip(folder / name, pictures, **{**LOSSLESS, **how})  # type: ignore[arg-type]
    cv2.imwrite(str(folder / "plate.png"), plate(size))
    model = save_difference_model(folder / "difference.xml", "height", "width")
    flags = (str(path), "--plate", str(folder / "plate.png"), "-m", str(model))
    return Film(path, pictures, [matte(index, size) for index in range(count)], flags)


def demo(*arguments: object, data: bytes | None = None) -> Result:
    """Run the command in this process; ``data`` comes over standard input."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=data, catch_exceptions=False)


def command(*arguments: object) -> list[str]:
    """Return the command as one that a process of its own runs."""
    return [sys.executable, "-m", "omz_demo.cli", *(str(argument) for argument in arguments)]


def times(path: Path) -> list[Fraction]:
    """Return when each frame of a video is shown, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.pts * stream.time_base for frame in container.decode(stream)]


def sequence(folder: Path) -> list[np.ndarray]:
    """Return the pictures of a folder of PNG files, as they are."""
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.glob("*.png"))]


def alphas(path: Path) -> list[np.ndarray]:
    """Return the alpha of each frame as FFmpeg has it, 0 to 255, uint8 rounded."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
    return [_alpha(frame) for frame in frames]


def _alpha(frame: av.VideoFrame) -> np.ndarray:
    component = frame.format.components[-1]
    assert component.is_alpha
    depth, kind = component.bits, np.uint8 if component.bits == 8 else np.uint16
    plane = frame.planes[3]
    levels = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
    return np.rint(levels / (2**depth - 1) * 255).astype(np.uint8)


def composites(pictures: Sequence[np.ndarray], mattes: Sequence[np.ndarray], target: np.ndarray) -> np.ndarray:
    """Return the pictures where the subject is, ``target`` elsewhere."""
    return np.where(np.array(mattes)[..., None], np.array(pictures), target)
