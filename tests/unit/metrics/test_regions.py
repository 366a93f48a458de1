"""Against independent implementations with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.alphas import pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from omz.metrics.regions import edge_band, uncertain_region, unknown_region


def trimap_of(*greys: int) -> np.ndarray:
    trimap = np.zeros((6, 8), np.uint8)
    trimap[:, 5:] = 255
    for place, grey in enumerate(greys):
        trimap[place, 3:5] = grey
    return trimap


def test_the_unknown_region_is_grey_128():
    region = unknown_region(trimap_of(128, 128))
    assert region.dtype == bool
    assert np.argwhere(region).tolist() == [[0, 3], [0, 4], [1, 3], [1, 4]]
    assert unknown_region(np.full((3, 3), 128, np.uint8)).all()


def test_another_grey_is_named():
    for greys in ((127,), (128, 127)):
        with pytest.raises(ValueError, match=r"grey 127;.*128"):
            unknown_region(trimap_of(*greys))
    with pytest.raises(ValueError, match=r"grey 1, 2, 3, 4, 5, \.\.\.;"):
        unknown_region(trimap_of(6, 5, 4, 3, 2, 1))


@pytest.mark.parametrize("trimap", [np.zeros((4, 4), np.uint8), trimap_of(), np.full((4, 4), 255, np.uint8)])
def test_without_an_unknown_pixel_there_is_nothing_to_measure(trimap):
    with pytest.raises(ValueError, match="no unknown pixel"):
        unknown_region(trimap)


def uncertain_by_scipy(truth: np.ndarray) -> np.ndarray:
    cross = ndimage.generate_binary_structure(2, 1)
    grown = ndimage.binary_dilation((truth > 0.06) & (truth < 0.96), cross, iterations=10)
    return ndimage.binary_erosion(grown, cross, iterations=10, border_value=1)


@settings(max_examples=30)
@given(pairs(), st.integers(0, 1000), st.sampled_from([0.002, 0.02, 1]))
def test_the_uncertain_region_against_scipy(pair, seed, share):
    truth = np.where(np.random.default_rng(seed).random(pair[1].shape) < share, pair[1], 0)
    expected = uncertain_by_scipy(truth)
    if expected.any():
        np.testing.assert_array_equal(uncertain_region(truth), expected)
    else:
        with pytest.raises(ValueError, match="no pixel is unknown"):
            uncertain_region(truth)


def test_the_limits_of_certainty():
    truth = np.zeros((60, 60), np.uint8)
    truth[10, 10], truth[10, 50], truth[50, 10], truth[50, 50] = 15, 16, 244, 245  # 0.06 is 15.3, 0.96 is 244.8
    assert np.argwhere(uncertain_region(truth)).tolist() == [[10, 50], [50, 10]]
    np.testing.assert_array_equal(uncertain_region(truth / 255), uncertain_region(truth))


def edges_by_loops(truth: np.ndarray) -> np.ndarray:
    edge = (truth > 0) & (truth < 1)
    for y, x in np.ndindex(truth.shape):
        around = truth[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        edge[y, x] |= (truth[y, x] == 1 and (around == 0).any()) or (truth[y, x] == 0 and (around == 1).any())
    return edge


@settings(max_examples=30)
@given(st.integers(9, 40), st.integers(9, 40), st.integers(0, 1000), st.integers(0, 6))
def test_the_edge_band_against_distances(height, width, seed, reach):
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).random((height, width)), 4)
    truth = np.clip((smooth - smooth.mean()) / (smooth.std() + 1e-9) * 4 + 0.5, 0, 1)
    edge = edges_by_loops(truth)
    expected = ndimage.distance_transform_cdt(~edge, "chessboard") <= reach if edge.any() else edge
    np.testing.assert_array_equal(edge_band(truth, reach), expected)


def test_the_edge_band_is_as_wide_inside_as_outside():
    line = np.array([[0] * 8 + [128] + [255] * 8], np.uint8)
    assert np.flatnonzero(edge_band(line, 3)[0]).tolist() == [5, 6, 7, 8, 9, 10, 11]
    hard = np.array([[0] * 8 + [255] * 8], np.uint8)
    assert np.flatnonzero(edge_band(hard, 2)[0]).tolist() == [5, 6, 7, 8, 9, 10]
    for level in (0, 255):
        assert not edge_band(np.full((9, 9), level, np.uint8), 3).any()
