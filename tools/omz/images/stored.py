"""Pixels of decoded images, in the depth and channels of their files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omz.errors import ImageError
from omz.images.arrays import Pixels

if TYPE_CHECKING:
    from PIL import ImageCms

_STRIP = 1 << 18  # pixels that are converted at a time, within the cache of a processor
_DEEP = ("RGB", "RGBA", "LA")  # modes of which Pillow keeps 8 bits
_WITH_UNUSED_ALPHA = ("BMP", "TGA")  # formats whose writers often leave alpha at 0
_FULL = 65535


def is_deep(image: Image.Image, stored: str) -> bool:
    """Tell whether an image has 16 bits that Pillow cuts to 8; ``stored`` is its list of tiles, as text."""
    return image.format in ("PNG", "TIFF") and image.mode in _DEEP and ";16" in stored


def levels_of(image: Image.Image, name: object) -> Pixels:
    """Return the pixels of a loaded image: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA, straight alpha, uint8 or uint16.

    Depths below 8 bits become 8 bits, palettes, CMYK and Lab become colours. Raises :class:`ImageError` for values
    whose range is unknown.
    """
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        kind = "floating-point values" if image.mode == "F" else "values of 32 bits"
        raise ImageError(f"{name} has {kind}, and neither 8 nor 16 bits a channel; convert it to 8 or 16 bits")
    if image.mode.startswith("I"):
        return with_key(np.asarray(image).astype(np.uint16), image)
    if image.has_transparency_data:
        levels: Any = _converted(image, "RGBA", cv2.COLOR_RGBA2BGRA)
        if image.format in _WITH_UNUSED_ALPHA and not levels[..., 3].any():
            return np.ascontiguousarray(levels[..., :3])
        return levels
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"))
    return _converted(image, "RGB", cv2.COLOR_RGB2BGR)


def deep_levels(content: bytes, image: Image.Image, is_premultiplied: bool) -> Pixels | None:
    """Decode colours of 16 bits with OpenCV, for Pillow cuts them to 8; None where it cannot.

    ``image`` is what Pillow made of them; it has found them whole.
    """
    try:
        levels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if levels is None or levels.dtype != np.uint16 or levels.ndim != 3:
        return None
    if image.mode == "RGB":
        return with_key(np.ascontiguousarray(levels[..., :3]), image)
    if levels.shape[2] != 4:
        return None
    return _straight(levels) if is_premultiplied else levels


def with_key(levels: Pixels, image: Image.Image) -> Pixels:
    """Return pixels of 16 bits with an alpha of 0 for the one colour of a PNG that stands for transparency, if any."""
    key = image.info.get("transparency")
    if key is None:
        return levels
    colours = levels if levels.ndim == 3 else cv2.merge([levels] * 3)
    is_key = (colours == np.atleast_1d(np.array(key, np.uint16))[::-1]).all(axis=2)
    return cv2.merge([colours, np.where(is_key, 0, _FULL).astype(np.uint16)])


def _straight(levels: Any) -> Pixels:
    """Return (H, W, 4) of 16 bits with straight alpha instead of premultiplied."""
    alpha = levels[..., 3:].astype(np.float32)
    colours = levels[..., :3] * (_FULL / np.maximum(alpha, 1))
    return np.dstack([np.rint(colours).clip(0, _FULL).astype(np.uint16), levels[..., 3]])


def _converted(image: Image.Image, mode: str, code: int) -> NDArray[np.uint8]:
    """Convert a few rows at a time: that is faster, and needs no more copies of the whole."""
    width, height = image.size
    levels = np.empty((height, width, len(mode)), np.uint8)
    transform = _transform(image)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        if transform is not None:
            strip = transform.apply(strip)
        cv2.cvtColor(np.asarray(strip.convert(mode)), code, dst=levels[top : top + rows])
    return levels


def _transform(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """Return what brings Lab, or CMYK with a profile, to sRGB; without a profile, CMYK is turned round."""
    if image.mode not in ("LAB", "CMYK"):
        return None
    from PIL import ImageCms

    srgb = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        return ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), ImageCms.ImageCmsProfile(srgb), "LAB", "RGB"
        )
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        return ImageCms.ImageCmsTransform(profile, ImageCms.ImageCmsProfile(srgb), "CMYK", "RGB")
    except (KeyError, OSError, TypeError, ValueError):
        return None
