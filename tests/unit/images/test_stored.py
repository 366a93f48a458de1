"""Depth, colours and turns of stored images, against what was written."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from omz.errors import ImageError
from omz.images.files import read_image, read_pixels

RNG = np.random.default_rng(5)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deep_png(path, levels: np.ndarray, *chunks: bytes) -> None:
    """Write (H, W) grey or (H, W, 3) RGB of 16 bits as PNG, with further chunks before the pixels."""
    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2 if levels.ndim == 3 else 0, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *chunks, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def tiff(path, levels: np.ndarray, *, orientation: int = 1, extra: int | None = None, most: int | None = None) -> None:
    """Write (H, W, C) RGB or RGBA of 8 or 16 bits as TIFF, after TIFF 6.0."""
    height, width, channels = levels.shape
    data, bits = levels.astype(f"<u{levels.itemsize}").tobytes(), 8 * levels.itemsize
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * channels), (259, 3, [1]), (262, 3, [2])]
    tags += [(273, 4, [8]), (274, 3, [orientation]), (277, 3, [channels]), (278, 4, [height]), (279, 4, [len(data)])]
    if most is not None:
        tags.append((281, 3, [most] * channels))
    if extra is not None:
        tags.append((338, 3, [extra]))
    at = 8 + len(data)
    later, entries = b"", b""
    for tag, kind, values in tags:
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            place = at + 2 + 12 * len(tags) + 4 + len(later)
            later += packed
            packed = struct.pack("<I", place)
        entries += struct.pack("<HHI4s", tag, kind, len(values), packed.ljust(4, b"\0"))
    directory = struct.pack("<H", len(tags)) + entries + b"\0" * 4
    path.write_bytes(b"II*\0" + struct.pack("<I", at) + data + directory + later)


@pytest.mark.parametrize("colours", [False, True])
def test_twelve_bits_that_a_png_tells_fill_the_range(tmp_path, colours):
    levels = RNG.integers(0, 4096, (8, 9, 3) if colours else (8, 9))
    said = chunk(b"sBIT", bytes([12] * (3 if colours else 1)))
    full = levels << 4 | levels >> 8  # as PNG, third edition, 12.4, asks of writers
    deep_png(tmp_path / "unscaled.png", levels, said)
    deep_png(tmp_path / "scaled.png", full, said)
    expected = full[..., ::-1] if colours else full
    for name in ("unscaled", "scaled"):
        np.testing.assert_array_equal(read_pixels(tmp_path / f"{name}.png"), expected)
        assert read_image(tmp_path / f"{name}.png").notes == ()


def test_dark_sixteen_bits_that_nothing_explains_are_told(tmp_path):
    deep_png(tmp_path / "a.png", RNG.integers(0, 4096, (8, 9, 3)))
    [note] = read_image(tmp_path / "a.png").notes
    assert note.startswith("its colours reach 40")


def test_the_largest_value_that_a_tiff_tells_is_that_of_its_bits(tmp_path):
    levels = RNG.integers(0, 4096, (8, 9, 3), np.uint16)
    tiff(tmp_path / "a.tif", levels, most=4095)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif"), (levels << 4 | levels >> 8)[..., ::-1])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_depth_is_turned_alike(tmp_path, dtype, orientation):
    levels = RNG.integers(0, np.iinfo(dtype).max, (5, 7, 3), dtype)
    tiff(tmp_path / "a.tif", levels, orientation=orientation)
    exif = Image.Exif()
    exif[274] = orientation
    data = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    deep_png(tmp_path / "a.png", levels.astype(np.uint16), data)
    ways = {
        1: lambda each: each,
        2: np.fliplr,
        3: lambda each: np.rot90(each, 2),
        4: np.flipud,
        5: lambda each: each.transpose(1, 0, 2),
        6: lambda each: np.rot90(each, -1),
        7: lambda each: np.rot90(each.transpose(1, 0, 2), 2),
        8: np.rot90,
    }
    expected = ways[orientation](levels)[..., ::-1]
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif"), expected)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra", [0, 1, 2])
def test_the_fourth_channel_of_a_tiff_is_what_its_tag_says(tmp_path, dtype, extra):
    """0 is anything but alpha, 1 alpha with which colours are multiplied, 2 alpha of its own (TIFF 6.0, section 18)."""
    most = np.iinfo(dtype).max
    alpha = RNG.integers(most // 2, most, (6, 7, 1), dtype)
    colours = RNG.integers(0, most, (6, 7, 3), dtype)
    stored = np.rint(colours * (alpha / most)).astype(dtype) if extra == 1 else colours
    tiff(tmp_path / "a.tif", np.concatenate([stored, alpha], axis=2), extra=extra)
    found = read_pixels(tmp_path / "a.tif")
    assert found.dtype == dtype
    assert found.shape[2] == (3 if extra == 0 else 4)
    np.testing.assert_allclose(found[..., :3].astype(int), colours[..., ::-1], atol=2)
    if extra:
        np.testing.assert_array_equal(found[..., 3:], alpha)


@pytest.mark.parametrize("colours", [False, True])
def test_the_transparent_colour_of_a_deep_png_is_transparent(tmp_path, colours):
    levels = RNG.integers(0, 65536, (6, 7, 3) if colours else (6, 7))
    key = (levels[2, 3] if colours else levels[2, 3:4]).astype(">u2")
    deep_png(tmp_path / "a.png", levels, chunk(b"tRNS", key.tobytes()))
    image = read_image(tmp_path / "a.png")
    assert image.opacity is not None
    assert image.opacity[2, 3] == 0
    assert (image.opacity == 65535).sum() == image.opacity.size - 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA", "1", "L"])
def test_transparency_of_shallow_images(tmp_path, mode):
    rgba = RNG.integers(0, 256, (6, 7, 4), np.uint8)
    image = Image.fromarray(rgba, "RGBA").convert(mode)
    options = {"transparency": 0} if mode in ("P", "1", "L") else {}
    if mode == "PA":
        image = Image.fromarray(rgba, "RGBA").quantize(16)
    image.save(tmp_path / "a.png", **options)
    expected = np.asarray(Image.open(tmp_path / "a.png").convert("RGBA"))
    found = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(found.picture, expected[..., 2::-1])
    if found.opacity is not None:
        np.testing.assert_array_equal(found.opacity, expected[..., 3])
    assert (found.opacity is None) == (expected[..., 3].min() == 255)


def test_lab_and_cmyk_with_a_profile_have_their_colours(tmp_path):
    rgb = Image.fromarray(RNG.integers(70, 190, (6, 7, 3), np.uint8))
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    ImageCms.applyTransform(rgb, to_lab).save(tmp_path / "lab.tif")
    np.testing.assert_allclose(
        read_image(tmp_path / "lab.tif").picture.astype(int), np.asarray(rgb)[..., ::-1], atol=12
    )
    cmyk = rgb.convert("CMYK")
    cmyk.save(tmp_path / "cmyk.tif", icc_profile=b"no profile at all")
    np.testing.assert_allclose(read_image(tmp_path / "cmyk.tif").picture, np.asarray(rgb)[..., ::-1], atol=1)


def test_grey_of_portable_maps_is_that_of_their_range(tmp_path):
    levels = RNG.integers(0, 1001, (4, 5))
    (tmp_path / "a.pgm").write_bytes(b"P5 5 4 1000 " + levels.astype(">u2").tobytes())
    expected = levels / 1000 * 255
    np.testing.assert_allclose(read_image(tmp_path / "a.pgm").picture[..., 0], expected, atol=1)


@pytest.mark.parametrize("suffix", [".bmp", ".tga"])
def test_alpha_that_a_writer_left_at_zero_is_none(tmp_path, suffix):
    rgba = RNG.integers(0, 256, (4, 5, 4), np.uint8)
    rgba[..., 3] = 0
    Image.fromarray(rgba, "RGBA").save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    assert image.opacity is None
    np.testing.assert_array_equal(image.picture, rgba[..., 2::-1])


def test_an_image_behind_the_first_is_told(tmp_path):
    pages = [Image.new("RGB", (4, 5), (shade, 0, 0)) for shade in (50, 90)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    image = read_image(tmp_path / "a.tif")
    assert image.picture[0, 0].tolist() == [0, 0, 50]
    assert image.notes == ("it has more than one image, of which the first is used",)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_values_of_unknown_range_are_refused(tmp_path, mode):
    Image.new(mode, (4, 5)).save(tmp_path / "a.tif")
    for read in (read_image, read_pixels):
        with pytest.raises(ImageError, match="neither 8 nor 16 bits"):
            read(tmp_path / "a.tif")


def test_pixels_are_those_of_the_image(tmp_path):
    """One reader: what datasets see is what the demo sees."""
    exif = Image.Exif()
    exif[274] = 6
    rgba = Image.fromarray(RNG.integers(0, 256, (6, 7, 4), np.uint8), "RGBA")
    for name, image in (("a.png", rgba), ("b.webp", rgba), ("c.jpg", rgba.convert("RGB")), ("d.png", rgba.quantize(8))):
        content = io.BytesIO()
        image.save(content, Image.registered_extensions()[f".{name[2:]}"], exif=exif, lossless=True)
        (tmp_path / name).write_bytes(content.getvalue())
        found, levels = read_image(tmp_path / name), read_pixels(tmp_path / name)
        assert levels.shape[:2] == (7, 6)
        np.testing.assert_array_equal(found.picture, levels[..., :3])
        if levels.shape[2] == 4:
            np.testing.assert_array_equal(found.opacity, levels[..., 3])


def test_a_thin_image_of_many_columns_is_whole(tmp_path):
    wide = RNG.integers(0, 256, (3, 1 << 19, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), wide)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").picture, wide)
