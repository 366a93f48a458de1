from __future__ import annotations

import errno
import io
import os
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from omz.errors import ImageError
from omz.images.files import read_image, read_picture, read_pixels, read_size, write_picture


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


def test_png_round_trip_is_exact(tmp_path, picture):
    write_picture(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), picture)


def test_colours_are_blue_green_red(tmp_path):
    Image.new("RGB", (4, 4), (10, 20, 30)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[0, 0].tolist() == [30, 20, 10]


def test_grey_alpha_palette_and_cmyk_become_colour(tmp_path, picture):
    rgb = Image.fromarray(picture)
    for mode, name in (
        ("L", "a.png"),
        ("RGBA", "b.png"),
        ("P", "c.png"),
        ("CMYK", "d.jpg"),
        ("1", "e.png"),
        ("LA", "f.png"),
    ):
        rgb.convert(mode).save(tmp_path / name)
        read = read_picture(tmp_path / name)
        assert read.shape == (37, 53, 3)
        assert read.dtype == np.uint8


def test_alpha_comes_beside_the_colours(tmp_path, picture):
    alpha = np.random.default_rng(1).integers(0, 256, picture.shape[:2], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([picture, alpha]))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.picture, picture)
    np.testing.assert_array_equal(image.opacity, alpha)
    with pytest.raises(ImageError, match=r"a\.png is partly transparent, and has to be opaque"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_of_sixteen_bits_the_upper_eight_stay(tmp_path, channels):
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30, channels), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep.squeeze())
    expected = np.repeat(deep, 3, 2) if channels == 1 else deep[..., :3]
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.picture, expected // 256)
    if channels == 4:
        np.testing.assert_array_equal(image.opacity, deep[..., 3])


def test_a_dark_sixteen_bit_grey_stays_dark(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 300, np.uint16))
    assert read_picture(tmp_path / "a.png").max() == 1


def test_grey_of_twelve_bits_is_as_bright_as_it_is(tmp_path):
    levels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    first, second = levels.reshape(-1, 2).astype(int).T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(np.uint8).tobytes()
    tags = [(256, 64), (257, 64), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 64), (279, len(packed))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    header = struct.pack("<2sHI", b"II", 42, 8 + len(packed))  # TIFF 6.0, section 2
    (tmp_path / "a.tif").write_bytes(header + packed + directory + struct.pack("<I", 0))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif")[..., 1], levels >> 4)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.tif"), levels << 4 | levels >> 8)


def test_exif_orientation_is_obeyed(tmp_path, picture):
    image = Image.fromarray(picture[..., ::-1])
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees to see it upright
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), np.rot90(picture, -1))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
@pytest.mark.parametrize("orientation", [None, *range(1, 10)])
def test_the_header_tells_the_size_of_what_is_read(tmp_path, picture, suffix, orientation):
    image = Image.fromarray(picture[..., ::-1])
    exif = image.getexif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(tmp_path / f"a{suffix}", exif=exif)
    assert read_size(tmp_path / f"a{suffix}") == read_picture(tmp_path / f"a{suffix}").shape[:2]


def test_a_png_that_is_turned_behind_its_pixels_tells_no_size(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    plain = content.getvalue()
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(data)) + b"eXIf" + data + struct.pack(">I", zlib.crc32(b"eXIf" + data))
    end = plain.rindex(b"IEND") - 4
    (tmp_path / "late.png").write_bytes(plain[:end] + chunk + plain[end:])
    assert read_picture(tmp_path / "late.png").shape[:2] == picture.shape[1::-1]
    assert read_size(tmp_path / "late.png") is None


def test_the_header_is_read_and_no_pixel(tmp_path, recwarn):
    header = struct.pack(">IIBBBBB", 20000, 10000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I4s", 9, b"IDAT"))
    assert read_size(tmp_path / "huge.png") in ((10000, 20000), None)  # Pillow may refuse to open so large an image
    assert not recwarn.list


def test_the_header_of_no_picture_tells_no_size(tmp_path, picture):
    (tmp_path / "a.png").write_bytes(b"no picture")
    for path in (tmp_path / "a.png", tmp_path / "gone.png", tmp_path):
        assert read_size(path) is None
    for kind in ("ICO", "TIFF"):  # which keep several, and turn while they load
        Image.fromarray(picture).save(tmp_path / "other.png", kind)
        assert read_size(tmp_path / "other.png") is None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_truncated_files_are_refused(tmp_path, picture, suffix):
    write_picture(tmp_path / f"whole{suffix}", picture)
    whole = (tmp_path / f"whole{suffix}").read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9):
        broken = tmp_path / f"broken{suffix}"
        broken.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ImageError) as caught:
            read_picture(broken)
        assert str(broken) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_missing_empty_and_foreign_files_are_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    for name, reason in (
        ("none.png", "no image at"),
        ("empty.png", "is empty"),
        ("text.png", "not an image in a known format"),
    ):
        with pytest.raises(ImageError, match=reason):
            read_picture(tmp_path / name)
    with pytest.raises(ImageError, match="cannot be read"):
        read_picture(tmp_path)


def test_a_suffix_that_cannot_hold_the_picture_is_refused(tmp_path, picture):
    with pytest.raises(ImageError, match=r"transparency needs one of the suffixes \.png, \.webp"):
        write_picture(tmp_path / "a.jpg", np.dstack([picture, picture[..., 0]]))
    with pytest.raises(ImageError, match="suffixes"):
        write_picture(tmp_path / "a.xyz", picture)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, picture):
    """A full disk, made real with a file size limit on the process."""
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    script = (
        "import resource, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from omz.errors import ImageError\n"
        "from omz.images.files import write_picture\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "noise = np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8)\n"
        "try:\n    write_picture(Path(sys.argv[1]), noise)\n"
        "except ImageError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(target)], capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_floating_point_pictures_are_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(ImageError, match="floating-point"):
        read_picture(tmp_path / "a.tiff")


def test_a_picture_too_large_to_be_meant_is_one_line(tmp_path, picture):
    write_picture(tmp_path / "a.png", picture)
    with pytest.raises(ImageError, match=r"has 53x37, 0 million pixels.*--max_pixels 1961, or make it smaller"):
        read_picture(tmp_path / "a.png", max_pixels=1960)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", max_pixels=1961), picture)


@pytest.mark.parametrize(("suffix", "width"), [(".webp", 17000), (".jpg", 70000)])
def test_a_format_that_cannot_hold_the_size_is_one_line(tmp_path, suffix, width):
    with pytest.raises(ImageError, match=f"cannot hold {width}x8 pixels"):
        write_picture(tmp_path / f"a{suffix}", np.zeros((8, width, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_levels_are_all_that_the_file_holds(tmp_path, channels, dtype, suffix):
    levels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (20, 30, channels), dtype, endpoint=True)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), levels.squeeze())
    found = read_pixels(tmp_path / f"a{suffix}")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, levels.squeeze())


def test_levels_of_a_damaged_deep_file_are_refused(tmp_path):
    """One wrong byte; in OpenCV that has ended in half a picture."""
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30, 4), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png cannot be read"):
        read_pixels(tmp_path / "a.png")


def test_levels_are_turned_as_exif_says(tmp_path, picture):
    image = Image.fromarray(picture[..., 0])
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png"), np.rot90(picture[..., 0], -1))


@pytest.mark.parametrize(
    ("mode", "shape"), [("1", (37, 53)), ("P", (37, 53, 3)), ("LA", (37, 53, 4)), ("CMYK", (37, 53, 3))]
)
def test_levels_of_other_modes(tmp_path, picture, mode, shape):
    Image.fromarray(picture).convert(mode).save(tmp_path / "a.tiff")
    levels = read_pixels(tmp_path / "a.tiff")
    assert (levels.shape, levels.dtype) == (shape, np.uint8)
    np.testing.assert_array_equal(
        levels[..., :3] if levels.ndim == 3 else levels, _eight_bits(tmp_path / "a.tiff", shape)
    )


def _eight_bits(path, shape):
    colours = read_image(path).picture
    return colours if len(shape) == 3 else colours[..., 0]


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_levels_of_an_unknown_range_are_refused(tmp_path, dtype):
    Image.fromarray(np.zeros((4, 4), dtype)).save(tmp_path / "a.tiff")
    with pytest.raises(ImageError, match="neither 8 nor 16 bits"):
        read_pixels(tmp_path / "a.tiff")


def test_a_file_that_is_closed_to_the_user_is_not_called_damaged(tmp_path):
    path = tmp_path / "closed.png"
    write_picture(path, np.zeros((4, 4, 3), np.uint8))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    for read in (read_picture, read_pixels):
        with pytest.raises(ImageError) as caught:
            read(path)
        assert str(caught.value) == (
            f"{path} cannot be read as an image: {os.strerror(errno.EACCES)}; check its permissions"
        )
