"""Opening of image files: the one place that calls Pillow, with the formats that are meant and no others.

Pillow knows formats whose decoders run other programs, such as Ghostscript for EPS.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

from PIL import Image, ImageFile, UnidentifiedImageError

from omz.errors import ImageError, os_reason, os_remedy
from omz.extras import EXTRAS, remedy
from omz.images.sizes import size_text
from omz.images.suffixes import FORMATS
from omz.paths import what_else

MAX_PIXELS = 89_478_485
"""Pixels of the largest image that is read, unless more are allowed: Pillow's own limit."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_COSTLY = (
    "AVIF",
    "HEIF",
    "JPEG2000",
    "WEBP",
)  # whose decoders need 11 to 19 bytes a pixel, of a file of 1 kB
_WITHOUT_SIGNATURE = "TGA"  # whose decoder takes much for its own


class TooManyPixelsError(ImageError):
    """An image is larger than is allowed."""


@contextmanager
def open_image(
    path: Path, content: bytes | None = None, max_pixels: int | None = None, formats: Sequence[str] = ()
) -> Iterator[ImageFile.ImageFile]:
    """Open an image; errors of its decoder, here or in the block, become an :class:`ImageError`.

    ``content`` replaces that of the file, and ``path`` is then its name only. ``formats`` are the only ones, by
    default all of :data:`omz.images.suffixes.FORMATS`. Raises :class:`ImageError` for more than ``max_pixels``, too, by
    default :data:`MAX_PIXELS`, or half of them where decoders need the memory.
    """
    most = max_pixels or MAX_PIXELS
    other = what_else(path) if content is None else ""
    if other:
        raise ImageError(f"{path} is {other}, and no file; save the image, and name its file")
    try:
        size = path.stat().st_size if content is None else len(content)
        if not size:
            raise ImageError(f"{path} is empty; use an image")
        with _quiet(), _opened(path, content, formats or _likely(path), most) as image:
            limit = most
            if max_pixels is None and image.format in _COSTLY:
                limit //= 2
            if image.width * image.height > limit:
                raise _too_large(path, image.width * image.height, limit, size_text(image.height, image.width))
            yield image
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"no image at {path}; check the path") from None
    except UnidentifiedImageError:
        raise ImageError(f"{path} is not an image in a known format; {_conversion(path, content)}") from None
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        raise _too_large(path, int(found[0]) if found else 2 * MAX_PIXELS, most) from None
    except Exception as error:  # damaged data raise errors of any kind
        advice = os_remedy(error, "use an undamaged file")
        raise ImageError(f"{path} cannot be read as an image: {os_reason(error)}; {advice}") from error


def _likely(path: Path) -> list[str]:
    """Return the formats that a file may have, that of its suffix first: Pillow loads the decoders as it comes to them.

    A format without a signature counts for files of its suffix alone.
    """
    of_suffix = [name for name, suffixes in FORMATS.items() if path.suffix.lower() in suffixes]
    others = [name for name in FORMATS if name not in (*of_suffix, _WITHOUT_SIGNATURE)]
    return of_suffix + others


@contextmanager
def _opened(
    path: Path, content: bytes | None, formats: Sequence[str], max_pixels: int
) -> Iterator[ImageFile.ImageFile]:
    if "HEIF" in formats and not _can_read_heif(path, content):
        formats = [name for name in formats if name != "HEIF"]
    source = path if content is None else io.BytesIO(content)
    with _limit(max_pixels):
        image = Image.open(source, formats=tuple(formats))
    with image:
        yield image


def _can_read_heif(path: Path, content: bytes | None) -> bool:
    """Load the decoder of HEIC where a file needs it, and there is one."""
    if not _is_heif(path, content):
        return False
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _is_heif(path: Path, content: bytes | None) -> bool:
    if content is None:
        with path.open("rb") as file:
            content = file.read(12)
    return content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS


def _conversion(path: Path, content: bytes | None) -> str:
    """Return what to do about a file of an unknown format."""
    if _is_heif(path, content) and not _can_read_heif(path, content):
        return f"HEIC needs {EXTRAS['pillow_heif'][1]}: {remedy('pillow_heif')}, or convert it to PNG or JPEG"
    return "convert it to PNG or JPEG"


def _too_large(path: Path, pixels: int, limit: int, size: str = "") -> TooManyPixelsError:
    shown = f"{size}, {pixels / 1e6:.0f}" if size else f"{pixels / 1e6:.0f}"
    return TooManyPixelsError(
        f"{path} has {shown} million pixels, more than {limit / 1e6:.0f} million; "
        f"allow them with --max_pixels {pixels}, or make it smaller"
    )


_LIMIT = Lock()


@contextmanager
def _limit(max_pixels: int) -> Iterator[None]:
    """Raise Pillow's own limit, which is global, while a header is read."""
    if max_pixels <= MAX_PIXELS:
        yield
        return
    with _LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


class _Quiet:
    """Silence for Pillow's warnings while any thread reads: filters of warnings are global.

    Damage also ends in an exception, and sizes are checked here.
    """

    def __init__(self) -> None:
        self._lock, self._readers, self._stack = Lock(), 0, ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                self._stack.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    self._stack.close()


_quiet = _Quiet()
