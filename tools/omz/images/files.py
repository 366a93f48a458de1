"""Image files."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from omz.atomic import whole_file
from omz.errors import ImageError, os_reason, os_remedy
from omz.images.arrays import Picture, Pixels, Size
from omz.images.encoding import Metadata, encode, metadata_of, upright
from omz.images.sizes import picture_size
from omz.paths import what_else

WITH_ALPHA = (".png", ".webp")
WITHOUT_ALPHA = (".png", ".webp", ".jpg", ".jpeg", ".bmp")

_TOLD_BY_HEADER = ("BMP", "JPEG", "PNG", "WEBP")  # formats whose headers tell the size as it is stored
_LYING = (5, 6, 7, 8)  # EXIF orientations that swap height and width


def read_picture(path: Path) -> Picture:
    """Read a picture of any common format and depth as (H, W, 3) uint8 BGR, turned as its EXIF orientation says.

    Grey becomes colour, 16 bits are cut to the upper 8, an alpha channel is dropped. Raises :class:`ImageError` if the
    file is missing, empty, truncated, too large or not an image. (Pillow decodes, for it detects a truncated file.)
    """
    return read_picture_with_metadata(path)[0]


def read_picture_with_metadata(path: Path, content: bytes | None = None) -> tuple[Picture, Metadata]:
    """Read a picture as :func:`read_picture` does, with the metadata in its file.

    ``content`` replaces that of the file, and ``path`` is then its name only. Raises :class:`ImageError`, but not for
    damaged metadata.
    """
    with _opened(path, content) as image:
        bits = 12 if ";12" in str(image.tile) else 16  # as the file has them; the mode is that of 16
        image.load()
        turned, problem = upright(image)
        return _as_bgr(turned, path, bits), metadata_of(turned, problem)


def read_size(path: Path) -> Size | None:
    """Return the size (height, width) that :func:`read_picture` will find, as the header tells it; None if unknown."""
    try:
        if not path.is_file():  # a pipe is read once
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reader of the pixels warns
            with Image.open(path) as image:
                return _told_size(image, path)
    except Exception:  # damaged data raise errors of any kind; the reader of the pixels says what is wrong
        return None


def _told_size(image: ImageFile.ImageFile, path: Path) -> Size | None:
    if image.format not in _TOLD_BY_HEADER or (image.format == "PNG" and _has_late_text(path)):
        return None
    width, height = image.size
    exif = Image.Image.getexif(image)  # that of a PNG would decode the pixels to look behind them
    if exif.get(ExifTags.Base.Orientation) in _LYING:
        return width, height
    return height, width


def _has_late_text(path: Path) -> bool:
    """Tell whether a PNG has chunks behind its pixels that may turn them."""
    is_behind = False
    with path.open("rb") as file:
        file.seek(8)
        while header := file.read(8):
            length, kind = struct.unpack(">I4s", header)
            is_behind |= kind == b"IDAT"
            if is_behind and kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
                return True
            file.seek(length + 4, os.SEEK_CUR)
    return False


def read_pixels(path: Path) -> Pixels:
    """Read a picture in its own depth and channels: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16.

    Depths below 8 bits become 8 bits; palettes become colours. It is turned as its EXIF orientation says, unless it has
    colours of 16 bits. Raises :class:`ImageError` as :func:`read_picture` does, and for depths above 16 bits.
    """
    with _opened(path) as image:
        stored = str(image.tile)  # names the depth in the file, which the mode does not
        if image.mode == "F" or (image.mode == "I" and image.format != "PNG") or ";12" in stored:
            raise ImageError(f"{path} has neither 8 nor 16 bits a channel; convert it to 8 or 16 bits")
        if image.mode in ("RGB", "RGBA") and ";16" in stored:
            return _deep_colours(image, path)
        is_plain = not {"transparency", "exif"} & {*image.info}
        if image.format == "PNG" and image.mode in ("L", "RGB", "RGBA") and is_plain:
            return _plain_png(image, path)
        ImageOps.exif_transpose(image, in_place=True)
        return _levels(image)


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


@contextlib.contextmanager
def _opened(path: Path, content: bytes | None = None) -> Iterator[ImageFile.ImageFile]:
    """Open a picture; errors of its decoder, here or in the block, become an :class:`ImageError`."""
    other = what_else(path) if content is None else ""
    if other:
        raise ImageError(f"{path} is {other}, and no file; save the image, and name its file")
    try:
        size = path.stat().st_size if content is None else len(content)
        if not size:
            raise ImageError(f"{path} is empty; use an image")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # damage also ends in an exception
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path if content is None else io.BytesIO(content)) as image:
                yield image
    except FileNotFoundError:
        raise ImageError(f"no image at {path}; check the path") from None
    except UnidentifiedImageError:
        raise ImageError(f"{path} is not an image in a known format; convert it to PNG or JPEG") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise ImageError(f"{path} has more than {limit} million pixels; make it smaller") from None
    except (OSError, SyntaxError, ValueError) as error:
        remedy = os_remedy(error, "use an undamaged file")
        raise ImageError(f"{path} cannot be read as an image: {os_reason(error)}; {remedy}") from error


def _as_bgr(image: Image.Image, path: Path, bits: int) -> Picture:
    if image.mode == "F":
        raise ImageError(f"{path} has floating-point values, whose range is unknown; convert it to 8 or 16 bits")
    if image.mode.startswith("I"):  # grey of 12 or 16 bits, which Pillow would clip instead of scale
        upper = (np.asarray(image).astype(np.uint32) >> (bits - 8)).clip(0, 255)
        return cv2.cvtColor(upper.astype(np.uint8), cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)


def _levels(image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    if image.has_transparency_data:
        return cv2.cvtColor(np.asarray(image.convert("RGBA")), cv2.COLOR_RGBA2BGRA)
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"))
    return cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)


def _plain_png(image: ImageFile.ImageFile, path: Path) -> Pixels:
    """Decode with OpenCV, which makes fewer copies; Pillow checks the sums inside, and decodes what OpenCV refuses."""
    levels = None
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        levels = _decoded_by_opencv(image, path)
    if levels is None or levels.dtype != np.uint8 or levels.shape != (image.height, image.width, *_channels(image)):
        with Image.open(path) as again:
            return _levels(again)
    return levels


def _channels(image: Image.Image) -> tuple[int, ...]:
    bands = len(image.getbands())
    return (bands,) if bands > 1 else ()


def _deep_colours(image: ImageFile.ImageFile, path: Path) -> Pixels:
    """Decode with OpenCV, for Pillow cuts colours of 16 bits to 8; Pillow checks the sums inside a PNG."""
    levels = _decoded_by_opencv(image, path)
    if levels is None or levels.dtype != np.uint16:
        raise ImageError(f"{path} cannot be read as an image of 16 bits; use an undamaged file, or 8 bits")
    return levels


def _decoded_by_opencv(image: ImageFile.ImageFile, path: Path) -> Pixels | None:
    """Decode a picture as it is stored, once Pillow has checked it; None if OpenCV cannot."""
    image.verify()
    try:
        return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
