"""Opening of images: which formats, and what hostile files do."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from omz.errors import ImageError
from omz.images import opening
from omz.images.files import has_transparency, read_image, read_pixels, read_size
from omz.images.opening import open_image
from omz.images.source import SourceImage
from omz.images.suffixes import FORMATS, IMAGE_SUFFIXES

SOURCES = [
    path for folder in ("omz", "omz_demo") for path in Path(sys.modules["omz"].__file__).parents[1].rglob("*.py")
]
ONE_PLACE = Path(opening.__file__)
OPENERS = ("imread", "imreadmulti", "imreadanimation", "register_heif_opener")
KINDS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "TGA", "AVIF")


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]


def test_one_place_opens_images_and_names_their_formats():
    opened = []
    for path in SOURCES:
        for call in calls(path):
            text = ast.unparse(call.func)
            if text == "Image.open" or text.rpartition(".")[2] in OPENERS:
                opened.append((path, text, {keyword.arg for keyword in call.keywords}))
    assert {path for path, *_ in opened} == {ONE_PLACE}
    assert all("formats" in keywords for _, text, keywords in opened if text == "Image.open")


def test_the_list_of_suffixes_is_what_the_decoders_read():
    known = Image.registered_extensions()
    refused = {".pfm"}  # floats
    for name in FORMATS:
        if name not in Image.OPEN:
            assert name == "HEIF"  # an extra
            continue
        theirs = {suffix for suffix, kind in known.items() if kind == name or (name, kind) == ("JPEG", "MPO")}
        assert set(FORMATS[name]) == theirs - refused, name
    assert not IMAGE_SUFFIXES & {".eps", ".ps", ".wmf", ".emf", ".pdf", ".psd", ".fits"}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tga", ".eps", ""])
def test_no_file_has_another_program_run(tmp_path, monkeypatch, suffix):
    mark = tmp_path / "mark"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / f"a{suffix}"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n%%EndComments\nshowpage\n%%EOF\n")
    for read in (read_image, read_pixels, has_transparency):
        with pytest.raises(ImageError, match=r"not an image in a known format|cannot be read as an image"):
            read(path)
    with pytest.raises(ImageError):
        read_image(path, path.read_bytes())
    assert read_size(path) is None
    assert not mark.exists()


def test_heic_without_its_decoder_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99)
    with pytest.raises(ImageError, match=r"HEIC needs pillow-heif: pip install '\.\[heif\]'"):
        read_image(tmp_path / "a.heic")


def test_heic_is_read_where_its_decoder_is(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    picture = np.full((64, 48, 3), (200, 90, 30), np.uint8)
    pillow_heif.from_bytes("RGB", (48, 64), picture.tobytes()).save(tmp_path / "a.heic", quality=-1)
    found = read_image(tmp_path / "a.heic").picture
    np.testing.assert_allclose(found.astype(int), picture[..., ::-1], atol=4)


def encoded(kind: str) -> bytes:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("no AVIF here")
    content = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


def outcome(path: Path, content: bytes) -> tuple[SourceImage | None, str]:
    try:
        return read_image(path, content, max_pixels=1 << 20), ""
    except ImageError as error:
        return None, str(error)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_images_or_one_line(kind, data):
    content = bytearray(encoded(kind))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, min(len(content), 200) - 1))  # where headers are
        content[at] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    path = Path(f"a{FORMATS[kind][0]}")
    image, problem = outcome(path, bytes(content))
    assert "\n" not in problem
    if image is None:
        assert problem.startswith(str(path))
    else:
        assert image.picture.dtype == np.uint8
        assert image.picture.shape[2] == 3
        assert image.opacity is None or image.opacity.shape == image.picture.shape[:2]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(IMAGE_SUFFIXES)), st.binary(min_size=1, max_size=300))
def test_noise_is_refused_in_one_line(suffix, content):
    image, problem = outcome(Path(f"a{suffix}"), content)
    assert "\n" not in problem
    assert image is None or image.picture.ndim == 3  # a portable map, or a TGA, can be a few bytes


def test_larger_images_are_allowed_for_one_reader_alone(tmp_path):
    Image.new("1", (20_000, 10_000)).save(tmp_path / "a.png")
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match=r"200 million pixels, more than 89 million; .* --max_pixels 200000000"):
        read_image(tmp_path / "a.png")
    with open_image(tmp_path / "a.png", max_pixels=200_000_000) as image:
        assert image.size == (20_000, 10_000)
    assert before == Image.MAX_IMAGE_PIXELS


def test_readers_in_threads_leave_warnings_as_they_were(tmp_path):
    """Filters of warnings are global, and Pillow warns of damaged EXIF data."""
    Image.new("RGB", (300, 300)).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12")
    problems = []

    def read() -> None:
        try:
            for _ in range(20):
                read_image(tmp_path / "a.jpg")
        except Exception as error:  # to be shown in the thread of the test
            problems.append(error)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert warnings.filters == filters
        warnings.warn("still seen", stacklevel=1)
    assert problems == []
    assert [str(each.message) for each in seen] == ["still seen"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "jp2", "tga", "avif"])
def test_the_largest_image_takes_less_than_a_gigabyte(tmp_path, suffix):
    """Some kilobytes that unpack to as many pixels as are allowed, or a few more than that."""
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("no AVIF here")
    mode = "RGBA" if suffix in ("png", "webp", "tif") else "RGB"
    options = {"tif": {"compression": "tiff_lzw"}, "jpg": {"progressive": True}, "webp": {"lossless": True}}
    for index, height in enumerate((9500, 4750)):
        path = tmp_path / f"{index}.{suffix}"
        Image.new(mode, (9400, height)).save(path, **options.get(suffix, {}))
        script = (
            "import re, sys\nfrom pathlib import Path\nfrom omz.errors import ImageError\n"
            "from omz.images.files import read_image\n"
            "try:\n    read_image(Path(sys.argv[1]))\n"
            "except ImageError as error:\n    assert sys.argv[2] == '0', error\n"
            "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
        )
        command = [sys.executable, "-c", script, str(path), str(index)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(done.stdout) < 1_000_000  # KiB


def test_files_that_break_off_are_refused(tmp_path):
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM", "TGA"):
        content = encoded(kind)
        with pytest.raises(ImageError):
            read_image(Path(f"a{FORMATS[kind][0]}"), content[: len(content) * 2 // 3])
