"""Image files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile

from omz.atomic import whole_file
from omz.errors import ImageError, UsageError, os_reason
from omz.images.arrays import Picture, Pixels, Size
from omz.images.depth import full_range, is_unscaled
from omz.images.encoding import Metadata, encode, metadata_of
from omz.images.opening import open_image
from omz.images.sizes import picture_size
from omz.images.source import SourceImage, image_of, turned
from omz.images.stored import deep_levels, is_deep, levels_of

WITH_ALPHA = (".png", ".webp")
WITHOUT_ALPHA = (".png", ".webp", ".jpg", ".jpeg", ".bmp")

_TOLD_BY_HEADER = ("BMP", "JPEG", "PNG", "WEBP")  # formats whose headers tell the size as it is stored
_LYING = (5, 6, 7, 8)  # EXIF orientations that swap height and width
_MAX_SAMPLE_VALUE = 281  # a tag of TIFF
_MAY_TURN = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")  # chunks of a PNG that hold an orientation
_DARK = 1 << 14  # 16-bit colours below this may be those of fewer bits


@dataclass(frozen=True)
class _Decoded:
    """Pixels of a file, upright, in its own depth and channels."""

    levels: Pixels
    metadata: Metadata
    notes: tuple[str, ...]


def read_image(path: Path, content: bytes | None = None, max_pixels: int | None = None) -> SourceImage:
    """Read an image of any common format and depth, turned as its EXIF orientation says.

    Grey becomes colour, and of 16 bits the upper 8 stay. ``content`` replaces that of the file, and ``path`` is then
    its name only. Raises :class:`ImageError` if the file is missing, empty, truncated, not an image, or has more than
    ``max_pixels``; but not for damaged metadata. (Pillow decodes, for it detects a truncated file.)
    """
    decoded = _decode(path, content, max_pixels)
    return replace(image_of(decoded.levels), metadata=decoded.metadata, notes=decoded.notes)


def read_picture(path: Path, max_pixels: int | None = None) -> Picture:
    """Read an image that has to be opaque, such as a plate, as (H, W, 3) uint8 BGR. Raises :class:`ImageError`."""
    image = read_image(path, None, max_pixels)
    if image.opacity is not None:
        raise ImageError(f"{path} is partly transparent, and has to be opaque; fill what is transparent")
    return image.picture


def read_pixels(path: Path, max_pixels: int | None = None) -> Pixels:
    """Read an image in its own depth and channels: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16.

    The pixels are those of :func:`read_image`, which has 8 bits of them. Raises :class:`ImageError` as that does.
    """
    return _decode(path, None, max_pixels).levels


def has_transparency(path: Path, max_pixels: int | None = None) -> bool:
    """Tell whether an image is partly transparent; its pixels are read only where its header says that it may be."""
    with open_image(path, None, max_pixels) as image:
        may_be = image.has_transparency_data
    return may_be and read_image(path, None, max_pixels).opacity is not None


def read_size(path: Path) -> Size | None:
    """Return the size (height, width) that :func:`read_image` will find, as the header tells it; None if unknown."""
    with suppress(ImageError, OSError, ValueError):  # the reader of the pixels says what is wrong
        if path.is_file():  # a pipe is read once
            with open_image(path) as image:
                return _told_size(image, path)
    return None


def write_picture(path: Path, picture: Pixels, metadata: Metadata | None = None) -> None:
    """Write a picture in the format of the suffix, whole or not at all; see :func:`encode_picture`.

    Raises :class:`ImageError` if the format cannot hold the picture, or the file cannot be written.
    """
    content = encode_picture(path, picture, metadata=metadata)
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {os_reason(error)}; choose another place") from error


def encode_picture(path: Path, picture: Pixels, quality: int | None = None, metadata: Metadata | None = None) -> bytes:
    """Return (H, W), (H, W, 3) BGR or (H, W, 4) BGRA as a file in the format of the suffix of ``path``.

    It is uint8, or uint16 for a PNG. ``quality`` (1 to 100) is for JPEG, 95 by default, and WebP without alpha; all
    else is lossless, except colours of WebP where alpha is 0. ``metadata`` goes into PNG, WebP and JPEG; a colour
    profile only into files with colours. Raises :class:`ImageError` if the format cannot hold the picture.
    """
    check_suffix(path, has_alpha=picture.ndim == 3 and picture.shape[2] == 4)
    if picture.dtype == np.uint16 and path.suffix.lower() != ".png":
        raise ImageError(f"{path}: only a PNG holds 16 bits; name it .png, or write 8 bits")
    content = encode(path.suffix.lower(), picture, quality, metadata or Metadata())
    if content is None:
        raise ImageError(f"{path}: the format cannot hold {picture_size(picture)} pixels; write a PNG")
    return content


def check_suffix(path: Path, has_alpha: bool) -> None:
    """Raise :class:`ImageError` if the format of ``path``, by its suffix, cannot hold a picture (with alpha)."""
    kind, allowed = ("an image with transparency", WITH_ALPHA) if has_alpha else ("an image", WITHOUT_ALPHA)
    if path.suffix.lower() not in allowed:
        raise ImageError(f"{path}: {kind} needs one of the suffixes {', '.join(allowed)}")


def check_result(suffix: str, what: str) -> None:
    """Raise :class:`UsageError` if a format cannot hold a result: a ``cutout`` needs transparency."""
    allowed = WITH_ALPHA if what == "cutout" else WITHOUT_ALPHA
    if suffix.lower() not in allowed:
        raise UsageError(f"{suffix or 'no suffix'} cannot hold a result of {what}; use {', '.join(allowed)}")


def _told_size(image: ImageFile.ImageFile, path: Path) -> Size | None:
    width, height = image.size
    if image.format not in _TOLD_BY_HEADER:
        return None
    if image.format == "PNG":
        with path.open("rb") as file:
            if any(is_late and kind in _MAY_TURN for kind, is_late, _ in _chunks(file)):
                return None
    exif = Image.Image.getexif(image)  # that of a PNG would decode the pixels to look behind them
    if exif.get(ExifTags.Base.Orientation) in _LYING:
        return width, height
    return height, width


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bool, int]]:
    """Yield the kinds of a PNG's chunks, whether they come behind pixels, and their lengths; the file is at each."""
    is_behind = False
    file.seek(8)
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        after = file.tell() + length + 4
        yield kind, is_behind, length
        is_behind |= kind == b"IDAT"
        file.seek(after)


def _decode(path: Path, content: bytes | None, max_pixels: int | None) -> _Decoded:
    """Decode an image, upright. Raises :class:`ImageError`."""
    with open_image(path, content, max_pixels) as image:
        stored, bits = str(image.tile), _bits(image, path, content)  # the mode does not tell them
        image.load()
        metadata, orientation = metadata_of(image)
        if is_deep(image, stored):
            data = path.read_bytes() if content is None else content
            levels = deep_levels(data, image, "RGBa" in stored)
            if levels is None:
                raise ImageError(f"{path} cannot be read as an image of 16 bits; use an undamaged file, or 8 bits")
        else:
            levels = levels_of(image, path)
        notes = [metadata.problem, _further_images(image)]
    if levels.dtype == np.uint16:
        levels = _scaled(levels, bits, ";12" in stored)
        notes.append(_darkness(levels))
    return _Decoded(turned(levels, orientation), metadata, tuple(filter(None, notes)))


def _bits(image: ImageFile.ImageFile, path: Path, content: bytes | None) -> int:
    """Return how many bits of each channel an image says to use, of 16."""
    if ";12" in str(image.tile):
        return 12
    if image.format == "TIFF":
        return _bits_of_tiff(getattr(image, "tag_v2", {}).get(_MAX_SAMPLE_VALUE))
    if image.format != "PNG" or ";16" not in str(image.tile):
        return 16
    with path.open("rb") if content is None else BytesIO(content) as file:
        for kind, is_behind, length in _chunks(file):
            if kind == b"sBIT" and not is_behind and 1 <= length <= 4:
                return max(file.read(length))
    return 16


def _bits_of_tiff(most: object) -> int:
    """Return how many bits the largest value of a TIFF tells that are used: those of 4095, but not of any value."""
    largest = most[0] if isinstance(most, tuple) and most else most
    if isinstance(largest, int) and largest & (largest + 1) == 0:
        return largest.bit_length()
    return 16


def _scaled(levels: Any, bits: int, is_packed: bool) -> Pixels:
    """Return levels of 16 bits of which only ``bits`` are used, at the full range of 16."""
    if not 8 < bits < 16:
        return levels
    if is_packed:
        return full_range(levels, bits)
    colours = levels if levels.ndim == 2 else levels[..., :3]
    if not is_unscaled(colours, bits):
        return levels
    if levels.ndim == 2 or levels.shape[2] == 3 or not levels[..., 3].max() >> bits:
        return full_range(levels, bits)
    return np.dstack([full_range(colours, bits), levels[..., 3]])


def _darkness(levels: Pixels) -> str:
    """Return a note on 16 bits that may be fewer, which no tag tells."""
    most = int(levels.max() if levels.ndim == 2 else levels[..., :3].max())
    if 0 < most < _DARK:
        return f"its colours reach {most} of 65535, which is dark; if they have fewer than 16 bits, scale them to 16"
    return ""


def _further_images(image: ImageFile.ImageFile) -> str:
    """Return a note on images of a file behind the first, other than the previews of cameras."""
    if image.format in ("JPEG", "MPO"):
        return ""
    with suppress(Exception):  # there is no second, or it is damaged
        image.seek(1)
        return "it has more than one image, of which the first is used"
    return ""
