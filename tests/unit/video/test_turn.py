from __future__ import annotations

import numpy as np
import pytest
from helpers.clips import SIZE, make_pictures, set_matrix, write_clip

from omz.video.info import probe
from omz.video.reading import read

UPRIGHT = {
    (1, 0, 0, 1): (lambda picture: picture, 0),
    (0, 1, -1, 0): (lambda picture: np.rot90(picture, -1), 90),  # clockwise, as a phone held upright notes it
    (-1, 0, 0, -1): (lambda picture: np.rot90(picture, 2), 180),
    (0, -1, 1, 0): (lambda picture: np.rot90(picture, 1), 270),
    (-1, 0, 0, 1): (lambda picture: picture[:, ::-1], 0),
    (1, 0, 0, -1): (lambda picture: picture[::-1], 180),
    (0, 1, 1, 0): (lambda picture: picture.transpose(1, 0, 2), 90),
}


@pytest.mark.parametrize("matrix", UPRIGHT)
def test_frames_come_upright(tmp_path, matrix):
    path = write_clip(tmp_path / "clip.mp4", make_pictures(2))
    before = next(read(path)).picture
    set_matrix(path, *matrix)
    turn, degrees = UPRIGHT[matrix]
    after = next(read(path)).picture
    np.testing.assert_array_equal(after, turn(before))
    info = probe(path)
    assert info.size == after.shape[:2] == (SIZE if matrix[0] else SIZE[::-1])
    assert info.turn.degrees == degrees


def test_a_tilt_comes_to_the_nearest_quarter(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", make_pictures(1))
    before = next(read(path)).picture
    set_matrix(path, 1, 5, -5, 1)
    np.testing.assert_array_equal(next(read(path)).picture, np.rot90(before, -1))
