"""Suffixes of images and videos, and the natural order of names."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from omz.images.animated import is_animated

FORMATS: Mapping[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heics", ".heif", ".heifs", ".hif"),
    "PPM": (".pbm", ".pgm", ".pnm", ".ppm"),
    "JPEG2000": (".jp2", ".j2c", ".j2k", ".jpc", ".jpf", ".jpx"),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
}
"""Formats of images that are read, by Pillow's names, and their suffixes."""
IMAGE_SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts")
    + (".vob", ".webm", ".wmv", ".y4m")
)


@functools.cache
def _fold() -> Callable[[str], object]:
    from natsort import natsort_keygen, ns

    return natsort_keygen(alg=ns.IGNORECASE)


def natural(text: str) -> tuple[object, ...]:
    """Return a key that sorts numbers in a text by value, and ignores case: ``a2`` before ``A10``."""
    return (_fold()(text), text)


def is_video(path: Path) -> bool:
    """Tell whether a path has the suffix of a video, or is an image of several frames."""
    return path.suffix.lower() in VIDEO_SUFFIXES or is_animated(path)


def visible_images(paths: Iterable[Path]) -> list[Path]:
    """Return the images among ``paths``, by suffix, without hidden files, in natural order of their names."""
    images = (path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != ".")
    return sorted(images, key=lambda path: natural(path.name))


def count_suffixes(paths: Iterable[Path]) -> str:
    """Return how many files of which suffixes there are, the most frequent first: ``3 .psd, 1 .txt``."""
    counts = Counter(path.suffix.lower() or "without suffix" for path in paths)
    return ", ".join(
        f"{count} {suffix}" for suffix, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
