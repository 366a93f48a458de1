from __future__ import annotations

import numpy as np
import pytest

from omz.cutout.rendering import on_screen, render
from omz.errors import UsageError
from omz.matting.frames import Frame, MattedFrame


@pytest.mark.parametrize(("dtype", "most"), [(np.uint8, 255), (np.uint16, 65535)])
def test_each_kind_of_result(dtype, most):
    random = np.random.default_rng(0)
    picture, foreground, target = random.integers(0, 256, (3, 20, 30, 3), np.uint8)
    alpha = random.integers(0, most, (20, 30), dtype, endpoint=True)
    matted = MattedFrame(Frame(0, picture, target=target), alpha, foreground)
    assert render(matted, "alpha") is alpha
    assert render(matted, "foreground") is foreground
    cutout = render(matted, "cutout")
    assert cutout.dtype == dtype
    np.testing.assert_array_equal(cutout[..., 3], alpha)
    np.testing.assert_array_equal(cutout[..., :3] / most, foreground / 255)
    share = alpha[..., None] / most
    exact = share * foreground + (1 - share) * target
    composite = render(matted, "composite")
    assert composite.dtype == np.uint8
    assert np.abs(composite - exact).max() <= 1


def test_a_composite_needs_a_target():
    picture = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(UsageError, match="add --target"):
        render(MattedFrame(Frame(0, picture), picture[..., 0], picture), "composite")


def test_the_pair_has_twice_the_width_and_every_pixel():
    original, result = np.random.default_rng(0).integers(0, 256, (2, 30, 50, 3), np.uint8)
    alpha = np.zeros((30, 50), np.uint8)
    pair = on_screen(MattedFrame(Frame(0, original), alpha, original), {"composite": result}, True, None)
    assert pair.shape == (30, 100, 3)
    np.testing.assert_array_equal(pair[:, :50], original)
    np.testing.assert_array_equal(pair[:, 50:], result)
