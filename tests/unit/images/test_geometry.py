from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omz.images.geometry import fit_inside, fit_padded, fit_stretched, resize

SIDE = st.integers(1, 300)


@given(SIDE, SIDE, st.sampled_from([1, 4, 16]))
def test_padding_keeps_every_pixel_and_comes_off_again(height, width, multiple):
    fit = fit_padded((height, width), multiple, 10**6)
    image = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)
    padded = fit.apply(image)
    assert padded.shape[:2] == fit.padded
    assert all(side % multiple == 0 for side in fit.padded)
    assert all(0 <= padded - side < multiple for padded, side in zip(fit.padded, (height, width), strict=True))
    assert not fit.is_resized
    np.testing.assert_array_equal(padded[:height, :width], image)
    np.testing.assert_array_equal(fit.undo(padded), image)
    np.testing.assert_array_equal(padded[-1, -1], image[-1, -1])


@given(SIDE, SIDE, st.sampled_from([1.0, 3.0]))
def test_pictures_are_brought_to_a_side(height, width, growth):
    fit = fit_padded((height, width), 16, 10**6, 200, growth)
    assert max(fit.inner) == min(200, round(growth * max(height, width)))
    scale = max(fit.inner) / max(height, width)
    assert all(abs(seen - scale * side) <= 1 for seen, side in zip(fit.inner, (height, width), strict=True))
    assert all(0 <= padded - seen < 16 for padded, seen in zip(fit.padded, fit.inner, strict=True))
    assert fit.undo(fit.apply(np.zeros((height, width), np.float32))).shape == (height, width)


@given(SIDE, SIDE)
def test_a_size_asked_for_is_padded_to_a_multiple(height, width):
    plain, padded = (fit_inside((height, width), (90, 160), multiple) for multiple in (1, 16))
    assert padded.inner == plain.inner
    assert padded.padded == (96, 160)


@given(SIDE, SIDE)
def test_fitting_inside_keeps_proportions(height, width):
    fit = fit_inside((height, width), (90, 160))
    assert fit.padded == (90, 160)
    assert fit.inner[0] <= 90
    assert fit.inner[1] <= 160
    assert fit.inner[0] == 90 or fit.inner[1] == 160
    scale = min(90 / height, 160 / width)
    assert abs(fit.inner[0] - height * scale) <= 1
    assert abs(fit.inner[1] - width * scale) <= 1
    assert fit.undo(fit.apply(np.zeros((height, width, 3), np.uint8))).shape == (height, width, 3)


def test_a_box_comes_back_where_it_was():
    image = np.zeros((640, 360), np.float32)
    image[200:400, 150:210] = 1
    fit = fit_inside((640, 360), (720, 1280))
    back = fit.undo(fit.apply(image)) > 0.5
    rows, columns = np.nonzero(back)
    assert (abs(rows.min() - 200), abs(rows.max() - 399)) <= (1, 1)
    assert (abs(columns.min() - 150), abs(columns.max() - 209)) <= (1, 1)


def test_shrinking_averages():
    checks = np.indices((8, 8)).sum(0).astype(np.float32) % 2
    np.testing.assert_allclose(resize(checks, (4, 4)), 0.5)


@given(SIDE, SIDE)
def test_stretching_is_cubic_there_and_back(height, width):
    image = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)
    result = np.random.default_rng(0).normal(size=(40, 70)).astype(np.float32)
    fit = fit_stretched((height, width), (40, 70))
    assert (fit.inner, fit.padded) == ((40, 70), (40, 70))
    np.testing.assert_array_equal(fit.apply(image), cv2.resize(image, (70, 40), interpolation=cv2.INTER_CUBIC))
    np.testing.assert_array_equal(fit.undo(result), cv2.resize(result, (width, height), interpolation=cv2.INTER_CUBIC))


def test_stretching_fills_the_input_with_the_whole_picture():
    image = np.zeros((60, 20), np.uint8)
    image[:30, 10:] = 200  # the upper right quarter
    small = fit_stretched((60, 20), (32, 64)).apply(image) > 100
    expected = np.zeros((32, 64), bool)
    expected[:16, 32:] = True
    np.testing.assert_array_equal(small, expected)
