from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from omz.errors import UsageError
from omz.images.refinement import Refinement, Smoother, refine

SIZE = (120, 160)
DEPTHS = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])


def levels(alpha: np.ndarray, dtype: type) -> np.ndarray:
    return np.rint(alpha * np.iinfo(dtype).max).astype(dtype)


def disc(radius: float, edge: float = 1.0, centre: tuple[float, float] = (60, 80)) -> np.ndarray:
    """Alpha of a disc, 0.5 at ``radius``, that falls from 1 to 0 over ``edge`` pixels."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.clip((radius - np.hypot(y - centre[0], x - centre[1])) / edge + 0.5, 0, 1)


def radius(alpha: np.ndarray) -> float:
    """Of the disc that covers as much."""
    return float(np.sqrt(alpha.astype(np.float64).sum() / np.iinfo(alpha.dtype).max / np.pi))


@DEPTHS
def test_defaults_change_nothing(dtype):
    alpha = levels(disc(40, 7), dtype)
    assert refine(alpha, Refinement()) is alpha


@DEPTHS
@pytest.mark.parametrize("shift", [-6, -2.5, -1, -0.3, 0.5, 1, 3.2, 7])
def test_shift_moves_the_edge_by_so_many_pixels(dtype, shift):
    alpha = levels(disc(40, 3), dtype)
    moved = refine(alpha, Refinement(shift=shift))
    assert moved.dtype == dtype
    assert radius(moved) - radius(alpha) == pytest.approx(shift, abs=0.35)


def test_half_a_pixel_of_a_straight_hard_edge_is_half_an_alpha():
    alpha = np.zeros((9, 20), np.uint8)
    alpha[:, 10:] = 200
    assert refine(alpha, Refinement(shift=0.5))[4].tolist() == [0] * 9 + [100] + [200] * 10
    assert refine(alpha, Refinement(shift=-0.5))[4].tolist() == [0] * 10 + [100] + [200] * 9


@DEPTHS
@pytest.mark.parametrize("feather", [0.8, 2, 6])
def test_feather_is_a_gaussian_blur(dtype, feather):
    alpha = levels(disc(30), dtype)
    full = np.iinfo(dtype).max
    expected = ndimage.gaussian_filter(alpha.astype(np.float64), feather, mode="nearest", truncate=6)
    assert np.abs(refine(alpha, Refinement(feather=feather)) - expected).max() < 0.012 * full


@DEPTHS
def test_levels_become_black_and_white_with_a_line_between(dtype):
    alpha = np.linspace(0, 1, 500)[None]
    full = np.iinfo(dtype).max
    found = refine(levels(alpha, dtype), Refinement(low=0.2, high=0.7)) / full
    np.testing.assert_allclose(found, np.clip((alpha - 0.2) / 0.5, 0, 1), atol=1.6 / full)


@DEPTHS
@pytest.mark.parametrize("limit", [200, 200 / (SIZE[0] * SIZE[1])])
def test_holes_up_to_the_area_are_filled(dtype, limit):
    """Two holes: of radius 5 and 10, some 79 and 314 pixels and their soft edges."""
    subject = disc(50)
    small, large = disc(5, 1, (60, 60)), disc(10, 1, (60, 100))
    alpha = subject - small - large
    filled = refine(levels(alpha, dtype), Refinement(fill_holes=limit))
    np.testing.assert_array_equal(filled, levels(subject - large, dtype))


def test_what_is_open_to_the_outside_or_the_border_is_no_hole():
    alpha = np.full(SIZE, 255, np.uint8)
    alpha[50:55, :30] = 0  # reaches the border
    alpha[80:90, 80:90] = 0  # a hole with a channel to the border
    alpha[85, 80:] = 0
    np.testing.assert_array_equal(refine(alpha, Refinement(fill_holes=10_000)), alpha)


@DEPTHS
def test_specks_up_to_the_area_are_dropped(dtype):
    subject, speck, island = disc(25, 3), disc(4, 3, (20, 20)), disc(9, 3, (100, 140))
    alpha = levels(subject + speck + island, dtype)
    found = refine(alpha, Refinement(drop_specks=150))
    kept = levels(subject + island, dtype)
    assert np.abs(found.astype(int) - kept).max() <= np.iinfo(dtype).max / 16
    assert (found[10:30, 10:30] > np.iinfo(dtype).max / 16).sum() == 0


def test_an_empty_and_a_full_alpha_stay_so():
    everything = Refinement(fill_holes=0.5, drop_specks=100, low=0.1, high=0.9, shift=2.5, feather=3)
    for level in (0, 255):
        alpha = np.full(SIZE, level, np.uint8)
        np.testing.assert_array_equal(refine(alpha, everything), alpha)


def test_the_given_alpha_is_left_alone():
    alpha = levels(disc(40, 9) - disc(5), np.uint8)
    before = alpha.copy()
    refine(alpha, Refinement(fill_holes=500, drop_specks=100, low=0.1, high=0.9, shift=1, feather=1))
    np.testing.assert_array_equal(alpha, before)


@pytest.mark.parametrize(
    "controls",
    [{"low": 0.6, "high": 0.6}, {"low": -0.1}, {"high": 1.1}, {"feather": -1}, {"fill_holes": -1}, {"drop_specks": -2}]
    + [{"shift": float("nan")}, {"feather": float("inf")}],
)
def test_controls_that_make_no_sense_are_one_line(controls):
    with pytest.raises(UsageError) as caught:
        Refinement(**controls)
    assert "\n" not in str(caught.value)


def flickering(dtype: type, frames: int = 30) -> list[np.ndarray]:
    """A still disc with a soft edge, whose alpha trembles by 2 %."""
    rng = np.random.default_rng(0)
    return [levels(np.clip(disc(40, 20) + rng.normal(0, 0.02, SIZE), 0, 1), dtype) for _ in range(frames)]


@DEPTHS
def test_flicker_is_calmed(dtype):
    frames = flickering(dtype)
    smoother = Smoother(0.9)
    smooth = [smoother(frame) for frame in frames]
    assert all(frame.dtype == dtype for frame in smooth)

    def unrest(clip):
        return np.abs(np.diff(np.array(clip[5:], np.float64), axis=0)).mean()

    assert unrest(smooth) < 0.35 * unrest(frames)


@DEPTHS
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_nothing_is_left_behind_by_what_moves(dtype, strength):
    smoother = Smoother(strength)
    full = np.iinfo(dtype).max
    for step in range(20):
        alpha = levels(disc(25, 4, (60, 30 + 5 * step)), dtype)
        assert np.abs(smoother(alpha).astype(np.int64) - alpha).max() <= strength / 20 * full


@DEPTHS
def test_what_stays_is_reached_exactly(dtype):
    smoother = Smoother(0.99)
    smoother(np.full((1, 1), np.iinfo(dtype).max // 20, dtype))
    still = np.zeros((1, 1), dtype)
    for _ in range(2000):
        found = smoother(still)
    assert found == 0


def test_no_strength_is_no_change():
    smoother = Smoother(0)
    for frame in flickering(np.uint8, 3):
        assert smoother(frame) is frame


@DEPTHS
def test_a_job_goes_on_from_the_state_as_if_it_had_not_stopped(dtype):
    frames = flickering(dtype)
    whole, first, second = Smoother(0.8), Smoother(0.8), Smoother(0.8)
    expected = [whole(frame) for frame in frames]
    found = [first(frame) for frame in frames[:13]]
    assert first.state is not None
    second.state = np.frombuffer(first.state.tobytes(), dtype).reshape(SIZE)  # as from a file
    found += [second(frame) for frame in frames[13:]]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(first.state, expected[12])


def test_the_frames_given_are_left_alone():
    frames = flickering(np.uint8, 4)
    before = [frame.copy() for frame in frames]
    smoother = Smoother(0.8)
    for frame in frames:
        smoother(frame)
    np.testing.assert_array_equal(frames, before)


def test_another_size_or_depth_begins_anew():
    smoother = Smoother(1)
    smoother(np.full((4, 4), 100, np.uint8))
    for alpha in (np.full((4, 5), 110, np.uint8), np.full((4, 5), 110, np.uint16)):
        assert smoother(alpha) is alpha
    assert Smoother(1).state is None


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_that_is_none_is_refused(strength):
    with pytest.raises(UsageError, match=r"0 \(none\) to 1"):
        Smoother(strength)
