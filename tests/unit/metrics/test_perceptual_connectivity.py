"""Against an independent implementation: SciPy's labels, and loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.alphas import pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from omz.metrics.perceptual import connectivity_error

CUT_OFFS = (26, 51, 77, 102, 128, 153, 179, 204, 230, 255)
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])


def largest_area(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask, CROSS)
    best: set[int] = set()
    for label in range(1, count + 1):
        pixels = set(np.flatnonzero(labels == label).tolist())
        if len(pixels) > len(best) or (len(pixels) == len(best) and min(pixels) < min(best)):
            best = pixels
    area = np.zeros(mask.shape, bool)
    area.flat[list(best)] = True
    return area


def level_by_definition(reaches) -> np.ndarray:
    """``reaches(k)`` is where both alphas reach k tenths."""
    level = np.full(reaches(1).shape, -1.0)
    for k in range(1, 11):
        level[(level == -1) & ~largest_area(reaches(k))] = (k - 1) / 10
    level[level == -1] = 1
    return level


def connectivity(alpha: np.ndarray, level: np.ndarray) -> list[float]:
    above = alpha.astype(np.float32) - level.astype(np.float32)
    return [1 - float(one) * bool(one >= np.float32(0.15)) for one in above.flat]


def expected_error(predicted, truth, region=None) -> float:
    single = predicted.astype(np.float32), truth.astype(np.float32)
    level = level_by_definition(lambda k: (single[0] >= np.float32(k / 10)) & (single[1] >= np.float32(k / 10)))
    changes = zip(connectivity(predicted, level), connectivity(truth, level), strict=True)
    counts = np.ones(truth.shape, bool) if region is None else region
    return math.fsum(abs(a - b) for (a, b), counted in zip(changes, counts.flat, strict=True) if counted)


@settings(max_examples=40)
@given(pairs(), st.integers(0, 1000), st.floats(0, 1))
def test_against_loops(pair, seed, share):
    region = np.random.default_rng(seed).random(pair[0].shape) < share
    for mask in (None, region):
        expected = expected_error(*pair, mask)
        assert connectivity_error(*pair, mask) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=30)
@given(st.integers(9, 40), st.integers(9, 40), st.integers(0, 1000), st.booleans())
def test_the_cut_offs_of_8_bits(height, width, seed, tenths_only):
    rng = np.random.default_rng(seed)
    around = [cut + off for cut in CUT_OFFS for off in ((0,) if tenths_only else (-1, 0))]
    predicted, truth = rng.choice([0, *around], (2, height, width))
    level = level_by_definition(lambda k: np.minimum(predicted, truth) >= CUT_OFFS[k - 1])
    loose = [np.where(each / 255 - level > 0.15, each / 255 - level, 0) for each in (predicted, truth)]
    expected = np.abs(loose[0] - loose[1]).sum()
    for kind in (np.float32, np.float64):
        found = connectivity_error((predicted / 255).astype(kind), (truth / 255).astype(kind))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert connectivity_error(predicted.astype(np.uint8), truth.astype(np.uint8)) == found


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("tenth", range(1, 11))
def test_a_level_reaches_its_tenth(tenth, kind):
    """As 153/255 reaches 0.6, which 6 * 0.1 in double precision is above."""
    truth = np.ones((5, 5), kind)
    reaching, short = (np.full((5, 5), (CUT_OFFS[tenth - 1] - less) / 255, kind) for less in (0, 1))
    # All hangs together up to the tenth that is reached: of the truth, what lies above is loose.
    assert connectivity_error(reaching, truth) == pytest.approx(25 * loose(1 - tenth / 10), abs=1e-5)
    below = (tenth - 1) / 10
    assert connectivity_error(short, truth) == pytest.approx(25 * loose(1 - below), abs=1e-5)


def loose(above: float) -> float:
    return above if above >= 0.15 else 0


def test_153_of_255_reaches_six_tenths():
    assert connectivity_error(np.full((3, 3), 153 / 255), np.ones((3, 3))) == pytest.approx(9 * 0.4, rel=1e-6)
    assert connectivity_error(np.full((3, 3), 152 / 255), np.ones((3, 3))) == pytest.approx(9 * 0.5, rel=1e-6)


def test_of_equal_areas_the_first_row_by_row_counts():
    areas = [np.zeros((9, 9), bool) for _ in range(3)]
    areas[0][0:3, 5:7] = areas[1][1:4, 0:2] = areas[2][6:9, 2:4] = True  # the second begins farther left, but lower
    truth, predicted = 0.2 * sum(areas), 0.1 * sum(areas)
    # What is held together up to 0.1 has nothing above it that counts; elsewhere, 0.2 is loose and 0.1 is too little.
    found = [connectivity_error(predicted, truth, area) for area in areas]
    assert found == pytest.approx([0, 6 * 0.2, 6 * 0.2], rel=1e-6, abs=1e-9)


def test_areas_touch_at_edges_only():
    truth = np.zeros((6, 6))
    truth[:3, :3] = truth[3:5, 3:5] = 1  # corner to corner
    predicted = np.where(truth > 0, 0.9, 0)
    small = np.zeros((6, 6), bool)
    small[3:5, 3:5] = True
    assert connectivity_error(predicted, truth, small) == pytest.approx(4 * 0.1, rel=1e-6)  # not held: 0.9 and 1 loose
    assert connectivity_error(predicted, truth, ~small) == 0  # held up to 0.9: a loose 0.1 is too little
    truth[2, 3] = predicted[2, 3] = 1
    assert connectivity_error(predicted, truth, small) == 0


def test_what_lets_go_once_is_never_held_again():
    truth = np.full((1, 30), 0.45)
    truth[:, :10] = 1  # the largest from 0.5 up, but cut off from what is largest at 0.1 to 0.4
    truth[:, 10] = 0
    predicted = truth * 0.99
    cut_off = np.zeros((1, 30), bool)
    cut_off[:, :10] = True
    assert connectivity_error(predicted, truth, cut_off) == pytest.approx(10 * 0.01, rel=1e-5)  # level 0: 0.99 and 1


@pytest.mark.parametrize("level", [0, 0.05, 0.5, 1])
def test_empty_intersections_do_not_raise(level):
    black, other = np.zeros((8, 8)), np.full((8, 8), float(level))
    assert connectivity_error(black, other) == connectivity_error(other, black) == pytest.approx(64 * loose(level))
    assert connectivity_error(other, other) == 0
    nothing_in_common = np.zeros((8, 8)), np.ones((8, 8))
    nothing_in_common[0][:, :4] = 1
    nothing_in_common[1][:, :4] = 0
    assert connectivity_error(*nothing_in_common) == 64


def test_areas_are_those_of_the_whole_picture():
    predicted, truth = np.zeros((2, 10, 20))
    truth[:, :9] = truth[:3, 12:15] = 1
    predicted[:, :9] = predicted[:3, 12:15] = 0.8
    region = np.zeros((10, 20), bool)
    region[:3, 12:15] = True  # alone it would be the largest, and held up to 0.8
    assert connectivity_error(predicted, truth, region) == pytest.approx(9 * 0.2, rel=1e-6)
    assert connectivity_error(predicted * region, truth * region) == pytest.approx(9 * 0.2, rel=1e-6)
    truth[:3, 12:15] = 0.9
    assert connectivity_error(predicted, truth, region) == pytest.approx(9 * 0.1, rel=1e-6)
    assert connectivity_error(predicted * region, truth * region) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_told(value):
    truth = np.random.default_rng(0).random((20, 30))
    predicted = truth.copy()
    predicted[4, 4] = value
    assert not math.isfinite(connectivity_error(predicted, truth))
    assert math.isnan(connectivity_error(truth, np.where(truth > 0.5, truth, math.nan)))
    region = np.ones(truth.shape, bool)
    region[4, 4] = False
    if math.isnan(value):
        assert math.isnan(connectivity_error(predicted, truth, region))


def test_memory_layouts_agree_and_inputs_stay_as_they_were():
    predicted, truth = np.random.default_rng(0).random((2, 40, 60), np.float32)
    kept = predicted.copy(), truth.copy()
    expected = connectivity_error(predicted, truth)
    assert connectivity_error(predicted.T, truth.T) == pytest.approx(expected, rel=1e-6)
    assert connectivity_error(np.asfortranarray(predicted), truth) == pytest.approx(expected, rel=1e-6)
    assert connectivity_error(predicted[::-1, ::-1], truth[::-1, ::-1]) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal((predicted, truth), kept)


def test_very_many_areas():
    predicted, truth = np.random.default_rng(0).random((2, 300, 400), np.float32)
    single = np.minimum(predicted, truth)
    level, held = np.zeros(single.shape, np.float32), np.ones(single.shape, bool)
    for k in range(1, 11):
        labels, _ = ndimage.label(single >= np.float32(k / 10), CROSS)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        held &= (labels == sizes.argmax()) & (sizes.max() > 0)  # SciPy counts row by row
        level[held] = k / 10
    parts = [np.where(each - level >= np.float32(0.15), each - level, 0.0) for each in (predicted, truth)]
    expected = np.abs(parts[0] - parts[1]).sum()
    assert connectivity_error(predicted, truth) == pytest.approx(expected, rel=1e-9)


def test_shapes_that_numpy_would_stretch_are_refused():
    alpha = np.zeros((12, 15))
    for other in (np.zeros((15, 12)), np.zeros((1, 15)), np.zeros((12, 1))):
        with pytest.raises(ValueError, match="shapes differ"):
            connectivity_error(other, alpha)
        with pytest.raises(ValueError, match="shapes differ"):
            connectivity_error(alpha, alpha, other.astype(bool))
