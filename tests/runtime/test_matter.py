"""Matter on a model made from OpenVINO operations: alpha is 1 where picture and plate differ by more than 20 levels."""

from __future__ import annotations

import numpy as np
import pytest
from builders import save_difference_model, small_model
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.errors import EngineError, ImageError
from omz.runtime.matter import Matter
from omz.runtime.openvino_engine import OpenVINOEngine


@pytest.fixture(scope="module")
def free_size(tmp_path_factory) -> Matter:
    return Matter(OpenVINOEngine(save_difference_model(tmp_path_factory.mktemp("free") / "m.xml", "height", "width")))


@pytest.fixture(scope="module")
def fixed_size(tmp_path_factory) -> Matter:
    return Matter(OpenVINOEngine(save_difference_model(tmp_path_factory.mktemp("fixed") / "m.xml", 72, 128)))


def with_box(height: int, width: int, box: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    plate = np.random.default_rng(0).integers(0, 120, (height, width, 3), np.uint8)
    picture = plate.copy()
    picture[box] += 100
    return picture, plate


@settings(max_examples=30)
@given(st.integers(1, 150), st.integers(1, 150))
def test_any_size_is_matted_pixel_by_pixel(free_size, height, width):
    box = slice(height // 4, height // 2 + 1), slice(width // 3, width)
    picture, plate = with_box(height, width, box)
    matte = free_size(picture, plate)
    expected = np.zeros((height, width), np.float32)
    expected[box] = 1
    np.testing.assert_array_equal(matte.alpha, expected)
    np.testing.assert_allclose(matte.foreground * 255, picture, atol=1e-4)
    assert matte.alpha.dtype == matte.foreground.dtype == np.float32


@pytest.mark.parametrize(("height", "width"), [(72, 128), (144, 256), (160, 90), (36, 200), (359, 641)])
def test_a_fixed_size_keeps_proportions_and_places(fixed_size, height, width):
    box = slice(height // 4, 3 * height // 4), slice(width // 4, 3 * width // 4)
    plate = np.full((height, width, 3), 60, np.uint8)
    picture = plate.copy()
    picture[box] = 200
    matte = fixed_size(picture, plate)
    assert matte.alpha.shape == (height, width)
    rows, columns = np.nonzero(matte.alpha > 0.5)
    pixel = max(1, np.ceil(max(height / 72, width / 128)))
    assert abs(rows.min() - height // 4) <= pixel
    assert abs(rows.max() + 1 - 3 * height // 4) <= pixel
    assert abs(columns.min() - width // 4) <= pixel
    assert abs(columns.max() + 1 - 3 * width // 4) <= pixel


def test_the_foreground_keeps_the_detail_of_a_larger_picture(fixed_size):
    picture = np.random.default_rng(0).integers(0, 256, (288, 512, 3), np.uint8)
    matte = fixed_size(picture, np.zeros_like(picture))
    np.testing.assert_allclose(matte.foreground * 255, picture, atol=0.01)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(free_size, bad):
    good = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ImageError, match="the picture is"):
        free_size(bad, good)
    with pytest.raises(ImageError, match="the plate is"):
        free_size(good, bad)


def test_a_plate_of_another_size_is_refused(free_size):
    with pytest.raises(ImageError, match="picture 9x8 and plate 8x9"):
        free_size(np.zeros((8, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8))


def test_a_model_of_another_kind_is_refused(tmp_path):
    with pytest.raises(EngineError, match="takes src, bgr and gives sum, double, inner"):
        Matter(OpenVINOEngine(small_model(tmp_path / "m.onnx")))
