"""What a request may set, and boxes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("fastapi")

from omz_demo.serve.routes import boxes, options_of_requests


def test_a_request_can_set_what_changes_pixels_and_nothing_that_names_a_file():
    """A new option that changes pixels becomes one of requests: look whether a stranger may set it."""
    assert {each.name for each in options_of_requests()} == {
        *("align", "match_exposure", "plain", "whats", "target", "fit", "format", "alpha_bits", "quality", "strip"),
        *("input_size", "refine", "fill_holes", "drop_specks", "keep_shadow", "low", "high", "shift", "feather"),
    }


def test_boxes_are_those_of_what_is_there():
    alpha = np.zeros((100, 200), np.uint8)
    alpha[10:60, 20:80] = 255
    alpha[30:40, 30:40] = 0
    alpha[5:25, 150:160] = 200
    alpha[90, 100] = 255  # less than a thousandth
    alpha[70:80, 0:50] = 127  # less than half
    assert boxes(alpha) == [
        {"left": 20, "top": 10, "right": 80, "bottom": 60, "pixels": 2900},
        {"left": 150, "top": 5, "right": 160, "bottom": 25, "pixels": 200},
    ]
    assert boxes(alpha.astype(np.uint16) * 257) == boxes(alpha)
    assert boxes(np.zeros((3, 4), np.uint8)) == []
