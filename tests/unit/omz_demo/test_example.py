from __future__ import annotations

import numpy as np
import pytest

from omz_demo.example import best_difference_key, difference_key


def test_any_channel_counts_and_the_threshold_is_strict():
    plate = np.full((1, 4, 3), 100, np.uint8)
    picture = plate.copy()
    picture[0, 1, 2], picture[0, 2, 0], picture[0, 3, 1] = 110, 111, 80
    assert difference_key(picture, plate, 10).tolist() == [[0, 0, 1, 1]]


def test_the_best_threshold_serves_all_frames():
    """The subject differs from the plate by 22 levels, a shadow by 13: thresholds 15 and 20 alone are right."""
    frames = []
    for shade in (13, 22):
        plate = np.full((2, 4, 3), 100, np.uint8)
        picture = plate.copy()
        picture[:, :2] += np.uint8(shade)
        frames.append((picture, plate, np.float32(shade == 22) * np.repeat([[1, 1, 0, 0]], 2, 0).astype(np.float32)))
    threshold, error = best_difference_key(frames)
    assert threshold in (15, 20)
    assert error == 0
    wrong_picture, plate, _ = frames[0]
    assert best_difference_key([*frames, (wrong_picture, plate, frames[1][2])])[1] == pytest.approx(1000 / 2 / 3)
