"""Images that callers of the Python API give."""

from __future__ import annotations

import os
from dataclasses import replace
from io import TextIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omz.errors import ImageError, os_reason
from omz.images.arrays import Pixels
from omz.images.compositing import to_uint8
from omz.images.encoding import metadata_of
from omz.images.files import read_image
from omz.images.source import SourceImage, image_of, turned
from omz.images.stored import levels_of

_LEAST_OF_BYTES, _BYTES = 16, 255  # brightest values of images of 8 bits; a little above 1 are floats that overshoot


def load_image(given: object, max_pixels: int | None = None) -> SourceImage:  # noqa: PLR0911
    """Return the image that a caller of the Python API gave.

    It is a path, the bytes of a file, a file opened in binary, a PIL image, a frame of a video, or an array: (H, W)
    grey, (H, W, 3) BGR or (H, W, 4) BGRA, of uint8, uint16, or floats from 0 to 1. Raises :class:`ImageError`, which
    names the type of what is none of these.
    """
    if isinstance(given, SourceImage):
        return given
    if isinstance(given, (str, os.PathLike)):
        return read_image(Path(os.fsdecode(given)), None, max_pixels)
    if isinstance(given, (bytes, bytearray, memoryview)):
        return read_image(Path("the image"), bytes(given), max_pixels)
    if isinstance(given, Image.Image):
        return _of_pillow(given)
    if isinstance(given, np.ndarray):
        return image_of(_checked(given))
    if hasattr(given, "read"):
        return _of_file(given, max_pixels)
    return _of_frame(given)


def _of_frame(frame: Any) -> SourceImage:
    """Return a frame of ``omz.video.read``, which lies on a floor above. Raises :class:`ImageError` for others."""
    picture = getattr(frame, "picture", None)
    if not isinstance(picture, np.ndarray):
        kinds = "a path, bytes, a file opened in binary, a PIL image or an array"
        raise ImageError(f"an image cannot be of type {type(frame).__name__}; give {kinds}")
    return SourceImage(picture, getattr(frame, "opacity", None))


def _of_pillow(image: Image.Image) -> SourceImage:
    """Return a PIL image, turned as its own EXIF data say. Raises :class:`ImageError` for values of unknown range."""
    try:
        image.load()
        levels = levels_of(image, "the PIL image")
    except ImageError:
        raise
    except Exception as error:  # damaged data raise errors of any kind
        raise ImageError(f"the PIL image cannot be decoded: {os_reason(error)}; use an undamaged one") from error
    metadata, orientation = metadata_of(image)
    return replace(image_of(turned(levels, orientation)), metadata=metadata)


def _of_file(file: Any, max_pixels: int | None) -> SourceImage:
    content = None if isinstance(file, TextIOBase) else file.read()
    if not isinstance(content, bytes):
        raise ImageError(f"a file of type {type(file).__name__} gives no bytes; open images with mode 'rb'")
    name = getattr(file, "name", None)  # of temporary files a number, or None
    return read_image(Path(name if isinstance(name, str) else "the image"), content, max_pixels)


def _checked(array: NDArray[Any]) -> Pixels:
    """Return an array as pixels; floats from 0 to 1 become 8 bits. Raises :class:`ImageError` for any other."""
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not is_image or not array.size:
        shape = f"an array of shape {list(array.shape)}"
        raise ImageError(f"{shape} is no image; give (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA")
    if array.dtype in (np.uint8, np.uint16):
        return array
    named = f"an array of {array.dtype}"
    if np.issubdtype(array.dtype, np.floating) and array.min() >= 0:
        most = array.max()
        if most <= 1:
            return to_uint8(array.astype(np.float32))
        if _LEAST_OF_BYTES <= most <= _BYTES:
            named = f"{named} with values up to {most:g}"
            raise ImageError(f"{named} is no image; floats go from 0 to 1: divide it by {_BYTES}")
    raise ImageError(f"{named} is no image; give uint8, uint16, or floats from 0 to 1")
