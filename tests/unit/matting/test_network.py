"""MattingNetwork on small models: one finds where picture and plate differ, one takes brightness for alpha."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.builders import save_brightness_model, save_difference_model, small_model
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from omz.errors import EngineError, ImageError
from omz.matting.network import MattingNetwork, View
from omz.runtime.openvino_engine import OpenVINOEngine


@pytest.fixture(scope="module")
def free_size(tmp_path_factory) -> MattingNetwork:
    return MattingNetwork(
        OpenVINOEngine(save_difference_model(tmp_path_factory.mktemp("free") / "m.xml", "height", "width"))
    )


@pytest.fixture(scope="module")
def fixed_size(tmp_path_factory) -> MattingNetwork:
    return MattingNetwork(OpenVINOEngine(save_difference_model(tmp_path_factory.mktemp("fixed") / "m.xml", 72, 128)))


def brightness(folder, height, width, stretch=False, **changes) -> MattingNetwork:
    return MattingNetwork(
        OpenVINOEngine(save_brightness_model(folder / "m.xml", height, width, **changes)), View(stretch)
    )


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def brightness_alpha(picture: np.ndarray) -> np.ndarray:
    """What the model computes, not clipped."""
    return ((picture.astype(np.float64).mean(2) - 10) / 230).astype(np.float32)


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
    with pytest.raises(ImageError, match="the image is"):
        free_size(bad, good)
    with pytest.raises(ImageError, match="the plate is"):
        free_size(good, bad)


def test_a_plate_of_another_size_is_refused(free_size):
    with pytest.raises(ImageError, match="image 9x8 and plate 8x9"):
        free_size(np.zeros((8, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8))


def test_a_model_of_another_kind_is_refused(tmp_path):
    with pytest.raises(EngineError, match=r"takes src \(f32 \[1,3,\?,\?\]\), bgr .* and gives sum \(f32"):
        MattingNetwork(OpenVINOEngine(small_model(tmp_path / "m.onnx")))


def test_a_model_without_a_plate_mattes_the_picture_alone(tmp_path):
    matter = brightness(tmp_path, "height", "width")
    picture = noise(37, 50)
    matte = matter(picture)
    assert not matter.takes_plate
    assert matter.gives_trimap
    assert matte.foreground is None
    np.testing.assert_allclose(matte.alpha, brightness_alpha(picture).clip(0, 1), atol=1e-6)
    np.testing.assert_allclose(matte.trimap, softmax(picture / 32, axis=2), atol=1e-6)
    assert matte.alpha.dtype == matte.trimap.dtype == np.float32


@pytest.mark.parametrize(("height", "width"), [(32, 48), (100, 157), (9, 5), (200, 20)])
def test_a_stretched_picture_is_resized_by_cubic_interpolation_both_ways(tmp_path, height, width):
    picture = noise(height, width)
    matte = brightness(tmp_path, 32, 48, stretch=True)(picture)
    small = cv2.resize(picture, (48, 32), interpolation=cv2.INTER_CUBIC)
    alpha = cv2.resize(brightness_alpha(small), (width, height), interpolation=cv2.INTER_CUBIC)
    logits = cv2.resize(small.astype(np.float32) / 32, (width, height), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(matte.alpha, alpha.clip(0, 1), atol=1e-5)
    np.testing.assert_allclose(matte.trimap, softmax(logits, axis=2), atol=1e-5)


def test_without_stretching_a_fixed_size_keeps_proportions(tmp_path):
    picture = noise(64, 24)  # fits 32x48 as 32x12
    matte = brightness(tmp_path, 32, 48)(picture)
    small = brightness_alpha(cv2.resize(picture, (12, 32), interpolation=cv2.INTER_AREA))
    expected = cv2.resize(small, (24, 64), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(matte.alpha, expected.clip(0, 1), atol=1e-5)


@pytest.mark.parametrize(
    ("size", "view", "seen"),
    [
        ((90, 160), View(side=320), (192, 320)),  # 180 rows, padded to a multiple of 16
        ((90, 160), View(side=320, enlarge=False), (96, 160)),
        ((20, 40), View(side=320), (64, 128)),  # three times as large, not more
        ((360, 640), View(side=320), (192, 320)),
        ((90, 160), View(size=(50, 100)), (64, 112)),
        ((90, 160), View(), (96, 160)),
    ],
)
def test_a_free_network_sees_images_at_the_size_of_its_view(tmp_path, size, view, seen):
    network = MattingNetwork(OpenVINOEngine(save_brightness_model(tmp_path / "m.xml", "height", "width")), view)
    picture = np.full((*size, 3), 130, np.uint8)
    fitted = network.fit(picture)
    [tensor] = fitted.tensors.values()
    assert tensor.shape[2:] == seen
    assert list(network.shapes(size).values()) == [tensor.shape]
    matte = network(picture)
    assert matte.alpha == pytest.approx(np.full(size, brightness_alpha(picture)[0, 0]), abs=1e-5)


def test_stretching_leaves_a_free_size_alone(tmp_path):
    picture = noise(30, 41)
    free, stretched = (brightness(tmp_path, "height", "width", stretch)(picture) for stretch in (False, True))
    np.testing.assert_array_equal(free.alpha, stretched.alpha)


def test_a_plate_is_fittedwhere_it_is_taken_and_nowhere_else(free_size, tmp_path):
    picture = noise(8, 8)
    assert free_size.takes_plate
    assert not free_size.gives_trimap
    assert free_size(picture, picture).trimap is None
    with pytest.raises(ImageError, match=r"^the model needs the plate; pass the same scene without the subject$"):
        free_size(picture)
    with pytest.raises(ImageError, match=r"^the model takes no plate; leave it out$"):
        brightness(tmp_path, "height", "width")(picture, picture)


def test_copies_are_seen_as_the_network_would_make_them(tmp_path):
    engine = OpenVINOEngine(save_difference_model(tmp_path / "m.xml", "height", "width"))
    network = MattingNetwork(engine, View(side=64))
    picture, plate = noise(72, 96), noise(72, 96)[::-1].copy()
    copies = [cv2.resize(each, (64, 48), interpolation=cv2.INTER_AREA) for each in (picture, plate)]
    assert network.seen_size((72, 96)) == (48, 64)
    whole, small = network.fit(picture, plate), network.fit(picture, copies[1], copies[0])
    for name, tensor in whole.tensors.items():
        np.testing.assert_array_equal(small.tensors[name], tensor)
    assert small.picture is picture
    with pytest.raises(ImageError, match=r"^image 64x48 and plate 96x72 differ in size; resize the plate$"):
        network.fit(picture, plate, copies[0])
    with pytest.raises(ImageError, match=r"^image 96x72 and plate 64x48 differ in size; resize the plate$"):
        network.fit(picture, copies[1])


def test_a_trimap_of_other_classes_is_refused(tmp_path):
    with pytest.raises(EngineError, match=r"^output trimap cannot be the trimap: it is not one image of 3 channels"):
        brightness(tmp_path, "height", "width", classes=2)


def test_the_ir_says_how_pictures_come_to_its_size(tmp_path):
    told = OpenVINOEngine(save_brightness_model(tmp_path / "told.xml", 8, 8, resize_type="standard"))
    untold = OpenVINOEngine(save_brightness_model(tmp_path / "untold.xml", 8, 8))
    assert (told.resize_type, untold.resize_type) == ("standard", None)
