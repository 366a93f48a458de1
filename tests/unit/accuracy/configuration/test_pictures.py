from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from omz.accuracy.configuration.pictures import prepared
from omz.accuracy.configuration.problems import Place, validated
from omz.accuracy.configuration.schema import DatasetEntry, Step

BGR = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)
RGB = BGR[..., ::-1]


def steps(*given: dict) -> tuple[Step, ...]:
    entry = {"name": "x", "preprocessing": list(given), "metrics": [{"type": "mad"}]}
    return validated(DatasetEntry, entry, Place(path=None)).preprocessing


@pytest.mark.parametrize(
    ("is_rgb", "given", "expected"),
    [
        (True, [], RGB),
        (False, [], BGR),
        (True, [{"type": "rgb_to_bgr"}], BGR),
        (False, [{"type": "bgr_to_rgb"}], RGB),
    ],
)
def test_readers_and_the_order_of_colours(is_rgb, given, expected):
    np.testing.assert_array_equal(prepared(BGR, is_rgb, steps(*given)), expected)


def test_pillow_smooths_what_it_shrinks_and_opencv_does_not():
    size = {"type": "resize", "dst_width": 5, "dst_height": 4}
    pillow = np.asarray(Image.fromarray(BGR).resize((5, 4), Image.BILINEAR))
    opencv = cv2.resize(BGR, (5, 4), interpolation=cv2.INTER_LINEAR)
    assert (pillow != opencv).any()
    np.testing.assert_array_equal(prepared(BGR, False, steps({**size, "use_pillow": True})), pillow)
    np.testing.assert_array_equal(prepared(BGR, False, steps(size)), opencv)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"interpolation": "cubic"}, cv2.resize(BGR, (30, 30), interpolation=cv2.INTER_CUBIC)),
        ({"interpolation": "NEAREST"}, cv2.resize(BGR, (30, 30), interpolation=cv2.INTER_NEAREST)),
        (
            {"interpolation": "BICUBIC", "use_pillow": True},
            np.asarray(Image.fromarray(BGR).resize((30, 30), Image.BICUBIC)),
        ),
    ],
)
def test_interpolations(step, expected):
    np.testing.assert_array_equal(prepared(BGR, False, steps({"type": "resize", "size": 30, **step})), expected)


def test_a_picture_of_the_size_stays_as_it_is():
    step = {"type": "resize", "dst_width": 20, "dst_height": 12, "interpolation": "cubic"}
    assert prepared(BGR, False, steps(step)) is BGR


@pytest.mark.parametrize(
    ("step", "mean", "std"),
    [
        ({"mean": [1, 2, 3], "std": [4, 5, 6]}, (1, 2, 3), (4, 5, 6)),
        ({"mean": "(104, 117.5, 123)"}, (104, 117.5, 123), 1),
        ({"std": 255}, 0, 255),
    ],
)
def test_normalization_subtracts_and_then_divides(step, mean, std):
    found = prepared(BGR, True, steps({"type": "rgb_to_bgr"}, {"type": "normalization", **step}))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (BGR - np.array(mean, np.float64)) / np.array(std), rtol=1e-6)


def test_steps_are_done_in_their_order():
    mean = {"type": "normalization", "mean": [1, 2, 3]}
    before = prepared(BGR, False, steps({"type": "bgr_to_rgb"}, mean))
    after = prepared(BGR, False, steps(mean, {"type": "bgr_to_rgb"}))
    np.testing.assert_allclose(before, RGB - np.array([1.0, 2, 3]))
    np.testing.assert_allclose(after, RGB - np.array([3.0, 2, 1]))
