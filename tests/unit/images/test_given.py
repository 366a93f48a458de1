"""What callers of the Python API give as an image."""

from __future__ import annotations

import io
import tempfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from omz.errors import ImageError
from omz.images.given import load_image

BGRA = np.random.default_rng(8).integers(0, 256, (6, 7, 4), np.uint8)
BGR = np.ascontiguousarray(BGRA[..., :3])


def png(levels: np.ndarray) -> bytes:
    return cv2.imencode(".png", levels)[1].tobytes()


def test_one_image_in_every_form_is_the_same(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(BGRA))
    pillow = Image.fromarray(cv2.cvtColor(BGRA, cv2.COLOR_BGRA2RGBA))
    with path.open("rb") as file:
        forms = [path, str(path), png(BGRA), bytearray(png(BGRA)), io.BytesIO(png(BGRA)), file, pillow, BGRA]
        forms += [BGRA.astype(np.uint16) * 257, BGRA / 255, (BGRA / 255).astype(np.float32)]
        forms += [SimpleNamespace(picture=BGR, opacity=BGRA[..., 3]), load_image(path)]
        for form in forms:
            image = load_image(form)
            np.testing.assert_array_equal(image.picture, BGR)
            scale = 257 if image.opacity.dtype == np.uint16 else 1
            np.testing.assert_array_equal(image.opacity // scale, BGRA[..., 3])


def test_a_temporary_file_has_no_name_in_messages():
    with tempfile.TemporaryFile() as file, pytest.raises(ImageError, match="the image is empty"):
        load_image(file)
    with tempfile.SpooledTemporaryFile() as file, pytest.raises(ImageError, match="the image is empty"):
        load_image(file)


def test_a_file_of_text_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(BGRA))
    with path.open(encoding="utf-8") as file, pytest.raises(ImageError, match="of type TextIOWrapper gives no bytes"):
        load_image(file)


def test_grey_is_colour_and_opaque_has_no_opacity():
    for form in (BGR[..., 0], Image.fromarray(BGR[..., 0]), png(BGR[..., 0]), BGR[..., 0] / 255):
        image = load_image(form)
        np.testing.assert_array_equal(image.picture, np.dstack([BGR[..., 0]] * 3))
        assert image.opacity is None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (3.5, "an image cannot be of type float; give a path"),
        (None, "an image cannot be of type NoneType"),
        ([[1, 2]], "an image cannot be of type list"),
        (io.StringIO("text"), "a file of type StringIO gives no bytes"),
        (b"text", "the image is not an image in a known format"),
        (b"", "the image is empty"),
        (BGR.astype(np.int64), "an array of int64 is no image; give uint8, uint16, or floats from 0 to 1"),
        (
            np.full((4, 4), 254.5),
            "an array of float64 with values up to 254.5 is no image; floats go from 0 to 1: divide it by 255",
        ),
        (
            np.full((4, 4), 1.01, np.float32),
            "an array of float32 is no image; give uint8, uint16, or floats from 0 to 1",
        ),
        (np.full((4, 4), 256.0), "an array of float64 is no image; give uint8, uint16, or floats from 0 to 1"),
        (np.full((4, 4), -1.0), "an array of float64 is no image"),
        (np.full((4, 4), np.nan), "an array of float64 is no image"),
        (np.zeros((4, 4), bool), "an array of bool is no image"),
        (np.zeros((2, 3, 4, 3), np.uint8), r"an array of shape \[2, 3, 4, 3\] is no image"),
        (np.zeros((3, 40, 50), np.uint8), r"an array of shape \[3, 40, 50\] is no image"),
        (np.zeros((0, 4, 3), np.uint8), r"an array of shape \[0, 4, 3\] is no image"),
        (Image.new("F", (4, 5)), "the PIL image has floating-point values"),
    ],
)
def test_what_is_no_image_is_named(form, said):
    with pytest.raises(ImageError, match=said):
        load_image(form)


def test_larger_images_than_are_allowed_are_refused():
    with pytest.raises(ImageError, match="--max_pixels 42"):
        load_image(png(BGR), max_pixels=41)
