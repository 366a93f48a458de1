from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.images.depth import opacity_as
from omz.images.placing import place
from omz.images.transparency import before_white, composite_before, keep_transparency, over, premultiplied

RNG = np.random.default_rng(3)
SIZE = (6, 7)


def colours() -> np.ndarray:
    return RNG.integers(0, 256, (*SIZE, 3), np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_network_sees_a_transparent_image_before_its_plate(dtype):
    picture, plate = colours(), colours()
    opacity = RNG.integers(0, np.iinfo(dtype).max, SIZE, dtype, endpoint=True)
    opacity[0], opacity[1] = 0, np.iinfo(dtype).max
    share = (opacity / np.iinfo(dtype).max)[..., None]
    np.testing.assert_allclose(over(picture, opacity, plate), share * picture + (1 - share) * plate, atol=0.51)
    np.testing.assert_array_equal(over(picture, opacity, plate)[0], plate[0])
    np.testing.assert_array_equal(over(picture, opacity, plate)[1], picture[1])
    np.testing.assert_allclose(over(picture, opacity), share * picture + (1 - share) * 128, atol=0.51)
    assert over(picture, None, plate) is picture


@settings(max_examples=60)
@given(st.sampled_from([np.uint8, np.uint16]), st.sampled_from([np.uint8, np.uint16, np.float32]), st.integers(0, 999))
def test_alpha_is_never_above_that_of_the_input(stored, wanted, seed):
    rng = np.random.default_rng(seed)
    opacity = rng.integers(0, np.iinfo(stored).max, SIZE, stored, endpoint=True)
    alpha, most = rng.random(SIZE).astype(np.float32), 1.0
    if wanted is not np.float32:
        most = float(np.iinfo(wanted).max)
        alpha = np.rint(alpha * most).astype(wanted)
    kept, _ = keep_transparency(alpha, colours(), opacity, colours())
    assert kept.dtype == wanted
    assert (kept / most <= opacity / np.iinfo(stored).max + 1e-7).all()
    assert (kept <= alpha).all()
    full = np.full(SIZE, np.iinfo(stored).max, stored)
    np.testing.assert_array_equal(keep_transparency(alpha, colours(), full, colours())[0], alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_colours_of_half_transparent_pixels_are_those_of_the_image(dtype):
    picture, seen = colours(), colours()
    foreground = seen if dtype is np.uint8 else seen / np.float32(255)
    opacity = np.full(SIZE, 100, np.uint8)
    opacity[0], opacity[1] = 0, 255
    alpha = np.full(SIZE, 200, np.uint8)
    alpha[2] = 50  # half of it is not the subject's
    _, kept = keep_transparency(alpha, foreground, opacity, picture)
    assert kept.dtype == dtype
    scale = 1 if dtype is np.uint8 else 255
    np.testing.assert_allclose(kept[:3] * scale, seen[:3], atol=1e-4)
    np.testing.assert_allclose(kept[3:] * scale, picture[3:], atol=1e-4)


def test_a_subject_before_a_transparent_target_is_their_union():
    """Porter and Duff's `over`, in floating point."""
    foreground, target = colours(), colours()
    alpha, behind = RNG.integers(0, 256, (2, *SIZE), np.uint8)
    alpha[0], behind[1], behind[2] = 0, 0, 255
    a, b = alpha[..., None] / 255, behind[..., None] / 255
    union = a + (1 - a) * b
    expected = (a * foreground + (1 - a) * b * target) / np.maximum(union, 1e-9)
    found = composite_before(alpha, foreground, premultiplied(target, behind))
    np.testing.assert_allclose(found[..., 3:], 255 * union, atol=0.51)
    np.testing.assert_allclose(found[..., :3] * union, expected * union, atol=1.1)
    np.testing.assert_array_equal(found[1][alpha[1] > 0][:, :3], foreground[1][alpha[1] > 0])
    np.testing.assert_allclose(before_white(found), union * expected + (1 - union) * 255, atol=2)


def test_a_target_that_is_resized_keeps_hidden_colours_hidden():
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, :20] = 255  # white that nobody sees, beside black that all see
    opacity = np.zeros((40, 40), np.uint8)
    opacity[:, 20:] = 255
    placed = place(premultiplied(picture, opacity), (10, 10), "cover")
    assert placed[..., :3].max() == 0
    bars = place(premultiplied(picture, opacity), (10, 20), "contain")
    np.testing.assert_array_equal(bars[:, :5], np.broadcast_to([0, 0, 0, 255], (10, 5, 4)))


def test_eight_bits_of_alpha_are_rounded_down():
    levels = np.arange(65536, dtype=np.uint16)
    assert (opacity_as(levels, np.uint8) / 255 <= levels / 65535).all()
    assert opacity_as(levels, np.uint8)[-1] == 255


def test_floats_keep_the_colours_that_eight_bits_keep():
    """An alpha less than half a level below the image's own takes all of it, as it does once it is rounded."""
    rng = np.random.default_rng(8)
    opacity = rng.integers(1, 255, (40, 50), np.uint8)
    picture, foreground = rng.integers(0, 256, (2, 40, 50, 3), np.uint8)
    alpha = np.clip(opacity + rng.uniform(-1.4, 1.4, opacity.shape), 0, 255).astype(np.float32) / 255
    wanted = keep_transparency(np.rint(255 * alpha).astype(np.uint8), foreground, opacity, picture)
    found = keep_transparency(alpha, foreground / np.float32(255), opacity, picture)
    np.testing.assert_array_equal(np.rint(255 * found[1]), wanted[1])
    np.testing.assert_array_equal(np.rint(255 * found[0]), wanted[0])
