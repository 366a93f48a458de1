from __future__ import annotations

import numpy as np
import pytest
from accuracy.report.evaluations import sample

from omz.accuracy.prediction import Prediction
from omz.accuracy.report.view import LONGEST_SIDE, heat_colours, make_view


def test_pictures_are_small_and_of_one_size():
    shown = sample(size=(400, 1000))
    view = make_view(shown, {"a": Prediction(shown.alpha), "b": Prediction(shown.alpha)})
    assert {
        each.shape[:2] for each in (view.picture, view.truth, *view.alphas.values(), view.heat, view.composite)
    } == {(192, LONGEST_SIDE)}
    small = sample(size=(20, 30))
    assert make_view(small, {"a": Prediction(small.alpha)}).picture.shape == (20, 30, 3)


def test_alphas_and_truth_are_what_they_were():
    shown = sample(size=(90, 160))
    levels = np.rint(255 * shown.alpha).astype(np.uint8)
    view = make_view(shown, {"a": Prediction(levels), "b": Prediction(1.5 - shown.alpha)})
    np.testing.assert_array_equal(view.truth, levels)
    np.testing.assert_array_equal(view.alphas["a"], levels)
    np.testing.assert_allclose(view.alphas["b"], 255 * np.clip(1.5 - shown.alpha, 0, 1), atol=0.51)


def test_heat_tells_where_and_how_much_even_of_what_is_thin():
    shown = sample(size=(960, 960))
    changed = shown.alpha.copy()
    changed[101, 301] += 0.11  # one pixel of four that become one
    view = make_view(shown, {"a": Prediction(shown.alpha), "b": Prediction(changed)})
    assert view.top == 0.12
    hottest = heat_colours(np.full((1, 1), 0.11 / 0.12, np.float32))[0, 0]
    hot = (view.heat != heat_colours(np.zeros((1, 1), np.float32))[0, 0]).any(2)
    np.testing.assert_array_equal(view.heat[50, 150], hottest)
    assert hot.sum() <= 4


def test_one_model_is_compared_with_the_truth():
    shown = sample(size=(90, 160))
    assert make_view(shown, {"a": Prediction(shown.alpha - 0.2)}).top == pytest.approx(0.2, rel=0.3)
    assert make_view(shown, {"a": Prediction(shown.alpha)}).top == 0
    without = sample(size=(90, 160), truth=False)
    view = make_view(without, {"a": Prediction(shown.alpha)})
    assert (view.truth, view.top) == (None, 0)


def test_the_composite_is_the_last_models_subject_on_green():
    shown = sample(size=(90, 160))
    colours = np.full((90, 160, 3), 0.5, np.float32)
    matte = np.zeros((90, 160))
    matte[:, 80:] = 1
    view = make_view(shown, {"a": Prediction(1 - matte), "b": Prediction(matte, colours)})
    assert (view.composite[:, 80:] == 128).all()
    blue, green, red = view.composite[10, 10].tolist()
    assert green > 2 * max(blue, red)
    own = make_view(shown, {"b": Prediction(matte)}).composite  # the model gives no colours
    np.testing.assert_allclose(own[:, 82:].astype(int), shown.picture[:, 82:], atol=3)


def test_what_is_no_number_is_far_from_all_that_is_one():
    shown = sample(size=(90, 160))
    broken = shown.alpha.copy()
    broken[10, 20] = np.nan
    view = make_view(shown, {"a": Prediction(shown.alpha), "b": Prediction(broken)})
    assert view.top >= 1
    assert view.alphas["b"][10, 20] == 0
