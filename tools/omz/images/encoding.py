"""Encoding of images, with the metadata of photographs."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import ExifTags, Image

from omz.errors import first_line

if TYPE_CHECKING:
    from omz.images.arrays import Pixels

KEEPS_METADATA = hasattr(cv2, "IMAGE_METADATA_ICCP")
"""Whether OpenCV is new enough to write EXIF data and colour profiles into PNG and WebP; JPEG always has them."""

_JPEG = (".jpg", ".jpeg")
_JPEG_QUALITY = 95
_MOST_EXIF = 65_527  # bytes: the size of a segment of JPEG
# Measured on a noisy cut-out of 1080p, one core. 8 bits: 75 ms and 4.2 MB, where zlib's own strategy takes 110 ms and
# 4.9 MB at level 1, 740 ms and 4.4 MB at level 6. 16 bits, the colours of which are 8 bits twice: 150 ms and 8.3 MB,
# where it takes 150 ms and 6.1 MB at level 1, 1100 ms and 5.2 MB at level 6.
_PNG_8 = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
_PNG_16 = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT)


@dataclass(frozen=True)
class Metadata:
    """Metadata of a photograph, to be written into the files made from it.

    ``exif`` is a TIFF structure with orientation 1, for pictures are read upright, and without the thumbnail, which
    would show the old background. ``icc`` is a colour profile for RGB. Both may be empty. ``problem`` says what could
    not be read.
    """

    exif: bytes = b""
    icc: bytes = b""
    problem: str = ""


def metadata_of(image: Image.Image) -> tuple[Metadata, int]:
    """Return the metadata of a loaded image, and its EXIF orientation, 1 where there is none."""
    icc = image.info.get("icc_profile") or b""
    if icc[16:20] != b"RGB ":  # a profile for CMYK or grey does not fit the results
        icc = b""
    orientation = 1
    try:
        exif = image.getexif()
        if not exif:
            return Metadata(b"", icc), 1
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        exif[ExifTags.Base.Orientation] = 1
        return Metadata(exif.tobytes().removeprefix(b"Exif\0\0"), icc), orientation
    except Exception as error:  # damaged data raise errors of any kind; the pixels are whole
        problem = f"its EXIF data are damaged and left out: {first_line(error)}"
        return Metadata(b"", icc, problem), orientation


def encode(suffix: str, picture: Pixels, quality: int | None, metadata: Metadata) -> bytes | None:
    """Return the content of a file in the format of ``suffix``, in lower case; None if it cannot hold the picture.

    See :func:`omz.images.files.encode_picture`.
    """
    exif, icc = metadata.exif, metadata.icc
    if picture.ndim == 2:
        icc = b""
    elif picture.shape[2] == 4:
        quality = None
    if suffix in _JPEG and (exif or icc):
        return _jpeg_with_metadata(picture, quality or _JPEG_QUALITY, exif, icc)
    parameters = _parameters(suffix, picture, quality)
    kinds, chunks = [], []
    if KEEPS_METADATA and suffix in (".png", ".webp"):
        for kind, content in ((cv2.IMAGE_METADATA_EXIF, exif), (cv2.IMAGE_METADATA_ICCP, icc)):
            if content:
                kinds.append(kind)
                chunks.append(np.frombuffer(content, np.uint8))
    try:
        if kinds:
            done, encoded = cv2.imencodeWithMetadata(suffix, picture, kinds, chunks, parameters)
        else:
            done, encoded = cv2.imencode(suffix, picture, parameters)
    except cv2.error:
        return None
    return encoded.tobytes() if done else None


def _parameters(suffix: str, picture: Pixels, quality: int | None) -> tuple[int, ...]:
    """Return the encoding parameters of OpenCV: flags, each followed by its value."""
    if suffix == ".png":
        return _PNG_16 if picture.dtype == np.uint16 and picture.ndim == 3 else _PNG_8
    if suffix in _JPEG:
        return cv2.IMWRITE_JPEG_QUALITY, quality or _JPEG_QUALITY
    if suffix == ".webp" and quality:
        return cv2.IMWRITE_WEBP_QUALITY, quality
    return ()


def _jpeg_with_metadata(picture: Pixels, quality: int, exif: bytes, icc: bytes) -> bytes | None:
    """Encode with Pillow, for OpenCV refuses a profile that does not fit into one segment of the file."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    file = io.BytesIO()
    kept = b"Exif\0\0" + exif if exif and len(exif) <= _MOST_EXIF else b""
    try:
        Image.fromarray(picture).save(file, "JPEG", quality=quality, exif=kept, icc_profile=icc or None)
    except (OSError, ValueError):
        return None
    return file.getvalue()
