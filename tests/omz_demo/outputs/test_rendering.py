from __future__ import annotations

import numpy as np
import pytest

from omz.errors import UsageError
from omz_demo.frames import Cut, Frame
from omz_demo.outputs.rendering import render


@pytest.mark.parametrize(("dtype", "most"), [(np.uint8, 255), (np.uint16, 65535)])
def test_each_kind_of_result(dtype, most):
    random = np.random.default_rng(0)
    picture, foreground, target = random.integers(0, 256, (3, 20, 30, 3), np.uint8)
    alpha = random.integers(0, most, (20, 30), dtype, endpoint=True)
    cut = Cut(Frame(0, picture, target=target), alpha, foreground)
    assert render(cut, "alpha") is alpha
    assert render(cut, "foreground") is foreground
    cutout = render(cut, "cutout")
    assert cutout.dtype == dtype
    np.testing.assert_array_equal(cutout[..., 3], alpha)
    np.testing.assert_array_equal(cutout[..., :3] / most, foreground / 255)
    share = alpha[..., None] / most
    exact = share * foreground + (1 - share) * target
    composite = render(cut, "composite")
    assert composite.dtype == np.uint8
    assert np.abs(composite - exact).max() <= 1


def test_a_composite_needs_a_target():
    picture = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(UsageError, match="add --target"):
        render(Cut(Frame(0, picture), picture[..., 0], picture), "composite")
