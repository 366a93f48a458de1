"""Whether the disk has room for what a job is about to write."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from omz.errors import UsageError
from omz.images.arrays import Size
from omz_demo.outputs.names import What
from omz_demo.video.formats import Format

_SAMPLE = 32  # pictures that are looked at
# Bytes a pixel that even smooth pictures take; noisy ones take four times as much (measured on synthetic 1080p scenes).
_LEAST = {"alpha": 0.01, "cutout": 0.5, "foreground": 0.4, "composite": 0.4}
_LEAST_LOSSY = 0.05
# The same of videos in which nothing moves; until segments are joined, both they and the result are there.
_LEAST_VIDEO = {"prores_ks": 0.2, "libx264": 0.0005, "libvpx-vp9": 0.0005}


def least_bytes(pixels: int, whats: Iterable[What], suffix: str, deep: bool = False) -> int:
    """Return what ``pixels`` take at least as results of each kind in the format of ``suffix``, in bytes.

    ``deep``: with 16 bits of alpha.
    """
    lossy = suffix.lower() in (".jpg", ".jpeg")
    share = sum(min(_LEAST_LOSSY, _LEAST[what]) if lossy else _LEAST[what] for what in whats)
    return int(pixels * share * (1.4 if deep else 1))


def least_video_bytes(frames: int, size: Size, formats: Mapping[What, Format]) -> int:
    """Return what ``frames`` of ``size`` (height, width) take at least in these formats, segments and all, in bytes."""
    pixels = frames * size[0] * size[1]
    videos = [form.codec for form in formats.values() if form.container is not None]
    sequences = [what for what, form in formats.items() if form.container is None]
    return int(sum(2 * _LEAST_VIDEO[codec] * pixels for codec in videos)) + least_bytes(pixels, sequences, ".png")


def estimate_pixels(pictures: Sequence[Path]) -> int:
    """Return about how many pixels pictures have together, from a sample of them; what is no picture has none."""
    sample = pictures[:: max(1, -(-len(pictures) // _SAMPLE))]
    return sum(map(_pixels, sample)) * len(pictures) // max(len(sample), 1)


def check_space(folder: Path, needed: int, free: int | None = None) -> None:
    """Raise :class:`UsageError` where ``needed`` bytes have no room on the disk of ``folder``, which may not be there.

    ``free`` is what it has, in bytes; None: look.
    """
    if free is None:
        there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
        free = shutil.disk_usage(there).free
    if free < needed:
        raise UsageError(
            f"{folder} has {free / 1e6:.0f} MB free, and the results need {needed / 1e6:.0f} MB at least; free the "
            "disk, or choose another place"
        )


def _pixels(path: Path) -> int:
    """Return how many pixels a picture has, from the beginning of its file; 0 where that does not tell."""
    try:
        with Image.open(path) as image:
            return image.width * image.height
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0
