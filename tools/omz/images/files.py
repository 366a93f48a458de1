"""Pictures in files."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from omz.atomic import whole_file
from omz.errors import ImageError
from omz.images.arrays import Picture

WITH_ALPHA = (".png", ".webp")
WITHOUT_ALPHA = (".png", ".webp", ".jpg", ".jpeg", ".bmp")


def read_picture(path: Path) -> Picture:
    """Read a picture of any common format and depth as (H, W, 3) uint8 BGR, turned as its EXIF orientation says.

    Grey becomes colour, of 16 bits the upper 8 stay, an alpha channel is left out. Raises :class:`ImageError` where the
    file is missing, empty, truncated, too large or no picture. (Pillow decodes, for it tells a truncated file from a
    whole one.)
    """
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"{path} is empty; use a picture")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return _as_bgr(ImageOps.exif_transpose(image), path)
    except FileNotFoundError:
        raise ImageError(f"no picture at {path}; check the path") from None
    except UnidentifiedImageError:
        raise ImageError(f"{path} is no picture in a format that can be read; convert it to PNG or JPEG") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise ImageError(f"{path} has more than {limit} million pixels; make it smaller") from None
    except (OSError, SyntaxError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageError(f"{path} cannot be read as a picture: {reason}; use an undamaged file") from error


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W), (H, W, 3) BGR or (H, W, 4) BGRA uint8 in the format of the suffix, whole or not at all.

    Raises :class:`ImageError` for a suffix that cannot hold the picture, or where the file cannot be written.
    """
    check_suffix(path, has_alpha=picture.ndim == 3 and picture.shape[2] == 4)
    try:
        done, encoded = cv2.imencode(path.suffix.lower(), picture)
    except cv2.error:
        done = False
    if not done:
        raise ImageError(f"{path}: the format cannot hold {picture.shape[1]}x{picture.shape[0]} pixels; write a PNG")
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror or error}; choose another place") from error


def check_suffix(path: Path, has_alpha: bool) -> None:
    """Raise :class:`ImageError` where the suffix of ``path`` cannot hold a picture (with alpha, if it has one)."""
    allowed = WITH_ALPHA if has_alpha else WITHOUT_ALPHA
    if path.suffix.lower() not in allowed:
        kind = "a picture with transparency" if has_alpha else "a picture"
        raise ImageError(f"{path}: {kind} needs one of the suffixes {', '.join(allowed)}")


def _as_bgr(image: Image.Image, path: Path) -> Picture:
    if image.mode == "F":
        raise ImageError(f"{path} has floating-point values, whose range is not known; convert it to 8 or 16 bits")
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip instead of scale
        return cv2.cvtColor(
            (np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR
        )
    return cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)
