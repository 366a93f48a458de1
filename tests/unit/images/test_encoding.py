"""Pictures as the content of files, and what the files of photographs say."""

from __future__ import annotations

import io
import struct
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from omz.errors import ImageError
from omz.images.encoding import KEEPS_METADATA, Metadata
from omz.images.files import encode_picture, read_image, read_pixels, write_picture

MAKER, ORIENTATION, EXPOSURE = 0x010F, 0x0112, 0x829A
keeps_metadata = pytest.mark.skipif(not KEEPS_METADATA, reason="this OpenCV writes no metadata")


@pytest.fixture
def picture() -> np.ndarray:
    smooth = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    return cv2.resize(smooth, (53, 37), interpolation=cv2.INTER_CUBIC)


@cache
def profile(size: int = 0) -> bytes:
    """Return a real profile of sRGB, at least of this size; it has the time at which it was made."""
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content += np.random.default_rng(0).bytes(max(0, size - len(content)))
    return struct.pack(">I", len(content)) + content[4:]


def photograph(path: Path, picture: np.ndarray, icc: bytes = b"") -> Path:
    """Write a photograph by a camera that was turned, with a thumbnail of the whole scene."""
    exif = Image.Exif()
    exif[MAKER], exif[ORIENTATION] = "Maker", 6
    exif.get_ifd(0x8769)[EXPOSURE] = 0.25
    thumbnail = io.BytesIO()
    Image.fromarray(picture[..., ::-1]).resize((16, 12)).save(thumbnail, "JPEG")
    exif.get_ifd(1).update({0x0103: 6, 0x0201: 0, 0x0202: len(thumbnail.getvalue())})
    Image.fromarray(picture[..., ::-1]).save(path, exif=exif, icc_profile=icc or None, quality=95)
    return path


def shapes(picture: np.ndarray) -> dict[str, np.ndarray]:
    deep = picture.astype(np.uint16) * 257
    return {
        "alpha": picture[..., 0], "deep alpha": deep[..., 0] + 1, "colours": picture,
        "cutout": np.dstack([picture, picture[..., 0]]), "deep cutout": np.dstack([deep, deep[..., 0] // 2]),
    }  # fmt: skip


@keeps_metadata
@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".png", kind) for kind in ("alpha", "deep alpha", "colours", "cutout", "deep cutout")]
    + [(".webp", kind) for kind in ("alpha", "colours", "cutout")]
    + [(".jpg", kind) for kind in ("alpha", "colours")],
)
def test_metadata_go_into_every_format_that_holds_the_picture(tmp_path, picture, suffix, kind):
    written = shapes(picture)[kind]
    source = photograph(tmp_path / "in.jpg", picture, profile())
    image = read_image(source)
    upright, metadata = image.picture, image.metadata
    assert upright.shape == (53, 37, 3)
    path = tmp_path / f"out{suffix}"
    write_picture(path, written, metadata=metadata)
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[MAKER] == "Maker"
        assert exif[ORIENTATION] == 1
        assert exif.get_ifd(0x8769)[EXPOSURE] == 0.25
        assert not exif.get_ifd(1)  # the thumbnail shows the old background
        assert image.info.get("icc_profile", b"") == (profile() if written.ndim == 3 else b"")
    if suffix == ".png":
        np.testing.assert_array_equal(read_pixels(path), written)


@keeps_metadata
@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg"])
def test_a_large_profile_is_kept_whole(picture, suffix):
    large = profile(200_000)
    encoded = encode_picture(Path(f"a{suffix}"), picture, metadata=Metadata(b"", large))
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.info["icc_profile"] == large


def test_metadata_change_no_pixel(picture):
    metadata = Metadata(b"", profile())
    for suffix in (".png", ".webp", ".jpg", ".bmp"):
        plain, told = (encode_picture(Path(f"a{suffix}"), picture, metadata=each) for each in (None, metadata))
        with Image.open(io.BytesIO(plain)) as one, Image.open(io.BytesIO(told)) as other:
            difference = np.abs(np.asarray(one).astype(int) - np.asarray(other))
        assert difference.max() <= (1 if suffix == ".jpg" else 0), suffix


def test_a_profile_for_other_colours_is_left_out(tmp_path, picture):
    other = profile()
    for space in (b"CMYK", b"GRAY"):
        Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=other[:16] + space + other[20:])
        assert read_image(tmp_path / "a.png").metadata == Metadata()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage, more of it", b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12", b"Exif\0\0"]
)
def test_damaged_metadata_do_not_keep_a_picture_from_being_read(tmp_path, picture, suffix, exif):
    Image.fromarray(picture[..., ::-1]).save(tmp_path / f"a{suffix}", exif=exif, lossless=True, quality=100)
    image = read_image(tmp_path / f"a{suffix}")
    read, metadata = image.picture, image.metadata
    assert image.notes == tuple(filter(None, [metadata.problem]))
    np.testing.assert_allclose(read.astype(int), picture, atol=40 if suffix == ".jpg" else 0)
    assert metadata.exif == b""
    assert "\n" not in metadata.problem
    if suffix == ".png" and b"garbage" in exif:
        assert "EXIF data are damaged and left out: not a TIFF file" in metadata.problem


def test_what_is_sent_is_read_as_a_file_is(tmp_path, picture):
    path = photograph(tmp_path / "a.png", picture, profile())
    sent, kept = read_image(Path("-"), path.read_bytes()), read_image(path)
    np.testing.assert_array_equal(sent.picture, kept.picture)
    assert sent.metadata == kept.metadata
    for content, said in (
        (b"", "- is empty"),
        (b"text", "- is not an"),
        (path.read_bytes()[:999], "- cannot be"),
    ):
        with pytest.raises(ImageError, match=said):
            read_image(Path("-"), content)


@pytest.mark.parametrize("kind", ["deep alpha", "deep cutout"])
def test_sixteen_bits_come_back_from_a_png_and_go_nowhere_else(tmp_path, picture, kind):
    deep = shapes(picture)[kind]
    write_picture(tmp_path / "a.png", deep)
    found = read_pixels(tmp_path / "a.png")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, deep)
    with pytest.raises(ImageError, match="only a PNG holds 16 bits"):
        write_picture(tmp_path / "a.webp", deep)


def test_quality_is_for_what_has_no_alpha(picture):
    """With alpha, WebP has no loss where something is seen."""
    for suffix in (".jpg", ".webp"):
        sizes = [len(encode_picture(Path(f"a{suffix}"), picture, quality)) for quality in (20, 95)]
        assert sizes[0] < sizes[1]
    assert encode_picture(Path("a.jpg"), picture) == encode_picture(Path("a.jpg"), picture, 95)
    seen = np.dstack([picture, np.maximum(picture[..., 0], 1)])
    for quality in (None, 20):
        decoded = cv2.imdecode(np.frombuffer(encode_picture(Path("a.webp"), seen, quality), np.uint8), -1)
        np.testing.assert_array_equal(decoded, seen)
