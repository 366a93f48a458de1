"""The foreground that is estimated, against the one that an image was made from, and against pymatting's."""

from __future__ import annotations

import doctest
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.pymatting_foreground import pymatting_foreground

from omz.errors import ImageError
from omz.images import foreground, foreground_pyramid
from omz.images.compositing import to_uint8
from omz.images.foreground import estimate_foreground, foreground_levels
from omz.synthesis import textures
from omz.synthesis.foregrounds import foreground as random_subject

LEMUR = Path(__file__).parents[4] / "shared" / "samples" / "lemur"  # a photograph, its alpha, its foreground
SUBJECT = np.array([30, 200, 90])
BEHIND = np.array([220, 40, 160])


def soft_disc(height: int, width: int, edge: float) -> np.ndarray:
    """Alpha that falls from 1 to 0 over ``edge`` pixels."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    return np.clip((min(height, width) / 3 - distance) / edge + 0.5, 0, 1).astype(np.float32)


def over(alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
    weight = alpha[..., None].astype(np.float64)
    return np.rint(weight * foreground + (1 - weight) * background).astype(np.uint8)


def texture(seed: int, size: tuple[int, int]) -> np.ndarray:
    return 255 * textures.background(np.random.default_rng(seed), size)


def synthetic(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    subject = random_subject(np.random.default_rng(seed), size)
    return subject.alpha, 255 * subject.colour, texture(seed, size)


def hairy(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A disc with hundreds of strands, most of them thinner than a pixel."""
    rng = np.random.default_rng(seed)
    middle, radius = np.array(size[::-1]), min(size) // 2
    drawn = cv2.circle(np.zeros((2 * size[0], 2 * size[1]), np.uint8), middle.tolist(), radius, 255, -1)
    for angle in rng.uniform(0, 2 * np.pi, 300):
        direction = angle + rng.normal(0, 0.5) + np.linspace(0, rng.normal(0, 0.6), 12)
        steps = rng.uniform(0.2, 0.6) * radius / 12 * np.stack([np.cos(direction), np.sin(direction)], axis=1)
        root = middle + radius * np.array([np.cos(angle), np.sin(angle)])
        cv2.polylines(drawn, [(root + np.cumsum(steps, axis=0)).astype(np.int32)], False, 255, 1, cv2.LINE_AA)
    alpha = cv2.resize(drawn, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return alpha, cv2.GaussianBlur(texture(seed + 1, size), (0, 0), 3), texture(seed, size)


def plain(edge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    alpha = soft_disc(201, 264, edge)
    waves = 20 * np.sin(np.mgrid[:201, :264][1] / 9)[..., None]
    return alpha, SUBJECT + waves, BEHIND - waves


def lemur() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not LEMUR.is_dir():
        pytest.skip("the sample pictures are not at hand")
    alpha = cv2.imread(str(LEMUR / "lemur_alpha.png"), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
    return alpha, cv2.imread(str(LEMUR / "lemur_foreground.png")).astype(np.float32), texture(50, alpha.shape)


SCENES = {
    "synthetic": lambda: synthetic(1001, (360, 480)),
    "another": lambda: synthetic(1002, (241, 333)),
    "large": lambda: synthetic(1001, (540, 960)),
    "hair": lambda: hairy(0, (360, 480)),
    "other hair": lambda: hairy(1, (480, 640)),
    "narrow edge": lambda: plain(6),
    "edge": lambda: plain(20),
    "wide edge": lambda: plain(60),
    "lemur": lemur,
}


def as_it_is(alpha: np.ndarray) -> np.ndarray:
    return alpha


def noisy(alpha: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, 0.03, alpha.shape) * ((alpha > 0) & (alpha < 1))
    return np.clip(alpha + noise, 0, 1).astype(np.float32)


def blurred(alpha: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(alpha, (0, 0), 1.5)


def predicted_small(alpha: np.ndarray) -> np.ndarray:
    """Return alpha as a network gives it at a quarter of the size, in 8 bits."""
    height, width = alpha.shape
    small = cv2.resize(alpha, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    return cv2.resize(np.rint(255 * small) / 255, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def never_sure(alpha: np.ndarray) -> np.ndarray:
    """Return alpha that is nowhere exactly 0 or 1, as that of a sigmoid."""
    noise = np.random.default_rng(6).normal(0, 0.002, alpha.shape)
    return np.clip(0.004 + 0.992 * cv2.GaussianBlur(alpha, (0, 0), 1) + noise, 0, 1).astype(np.float32)


@pytest.mark.parametrize("predicted", [as_it_is, noisy, blurred, predicted_small, never_sure])
@pytest.mark.parametrize("scene", SCENES)
def test_soft_pixels_are_estimated_as_well_as_by_pymatting(scene, predicted):
    alpha, truth, background = SCENES[scene]()
    picture, given = over(alpha, truth, background), predicted(alpha)
    band = (alpha > 0.02) & (alpha < 0.98)
    assert band.any()
    ours = np.abs(255 * estimate_foreground(picture, given) - truth)[band]
    theirs = np.abs(255 * pymatting_foreground(picture, given) - truth)[band]
    assert ours.mean() <= 1.15 * theirs.mean()
    assert np.sqrt((ours**2).mean()) <= 1.15 * np.sqrt((theirs**2).mean())


@pytest.mark.parametrize("scene", SCENES)
def test_an_enlarged_alpha_hardly_needs_fine_levels(scene):
    """1.24 times the error of pymatting, for strands thinner than a pixel of the copy; 1.15 elsewhere."""
    alpha, truth, background = SCENES[scene]()
    height, width = alpha.shape
    small = cv2.resize(alpha, (width * 2 // 3, height * 2 // 3), interpolation=cv2.INTER_AREA)
    given = np.rint(255 * cv2.resize(small, (width, height))).astype(np.uint8)
    picture, band = over(alpha, truth, background), (alpha > 0.02) & (alpha < 0.98)
    ours = np.abs(foreground_levels(picture, given, is_fine=False) - truth)[band]
    theirs = np.abs(255 * pymatting_foreground(picture, given.astype(np.float32) / 255) - truth)[band]
    assert ours.mean() <= 1.3 * theirs.mean()


@pytest.mark.parametrize(("height", "width"), [(120, 160), (97, 64)])
@pytest.mark.parametrize("edge", [6, 20])
def test_the_estimate_is_nearer_the_truth_than_the_picture(height, width, edge):
    alpha = soft_disc(height, width, edge)
    waves = 20 * np.sin(np.mgrid[:height, :width][1] / 9)[..., None]
    truth = SUBJECT + waves
    picture = over(alpha, truth, BEHIND - waves)
    estimate = estimate_foreground(picture, alpha)
    band = (alpha > 0.1) & (alpha < 0.9)
    error = np.abs(255 * estimate - truth)[band].mean()
    assert error < np.abs(picture - truth)[band].mean() / 5


@pytest.mark.parametrize("scene", ["synthetic", "hair", "edge"])
def test_the_subject_itself_is_left_as_it_is(scene):
    alpha, truth, background = SCENES[scene]()
    picture = over(alpha, truth, background)
    np.testing.assert_array_equal(to_uint8(estimate_foreground(picture, alpha))[alpha == 1], picture[alpha == 1])


def test_plain_colours_are_found_to_a_level():
    """Rounding moves a pixel by up to half a level, and its foreground by that much divided by alpha."""
    alpha = soft_disc(120, 160, 20)
    error = np.abs(255 * estimate_foreground(over(alpha, SUBJECT, BEHIND), alpha) - SUBJECT)
    assert error[alpha >= 0.5].max() <= 1 + 1e-4


def test_the_old_background_is_nowhere_in_the_foreground():
    """Where alpha is 0, too, which matters to those who resample the foreground, or save it."""
    alpha = soft_disc(301, 401, 9)
    estimate = 255 * estimate_foreground(over(alpha, SUBJECT, BEHIND), alpha)
    assert np.abs(estimate - SUBJECT)[alpha == 0].max() <= 5


def test_blue_stays_blue():
    alpha = soft_disc(40, 40, 4)
    estimate = estimate_foreground(over(alpha, np.array([250, 5, 5]), np.array([5, 5, 250])), alpha)
    np.testing.assert_allclose(255 * estimate[alpha > 0.5], np.tile([250, 5, 5], ((alpha > 0.5).sum(), 1)), atol=12)


def random_pair(shape: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (*shape, 3), dtype=np.uint8), rng.random(shape, dtype=np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (8, 8), (9, 8), (1, 300), (301, 1), (7, 3), (130, 129)])
@pytest.mark.parametrize("kind", ["random", "hard", 0, 0.5, 1, -1, 2, np.nan, np.inf])
def test_no_size_and_no_alpha_is_too_odd(shape, kind):
    picture, alpha = random_pair(shape)
    if kind == "hard":
        alpha = np.rint(alpha)
    elif kind != "random":
        alpha = np.full(shape, kind, np.float32)
    estimate = estimate_foreground(picture, alpha)
    assert estimate.shape == picture.shape
    assert estimate.dtype == np.float32
    assert estimate.min() >= 0  # and NaN is not
    assert estimate.max() <= 1
    np.testing.assert_array_equal(to_uint8(estimate)[alpha >= 1], picture[alpha >= 1])


def test_some_alpha_that_is_not_a_number_spoils_nothing():
    picture, alpha = random_pair((60, 70))
    holed = np.where(np.random.default_rng(1).random(alpha.shape) < 0.3, np.float32(np.nan), alpha)
    np.testing.assert_array_equal(
        estimate_foreground(picture, holed), estimate_foreground(picture, np.nan_to_num(holed))
    )


def test_a_picture_of_one_pixel_is_its_own_foreground():
    picture = np.array([[[10, 20, 30]]], np.uint8)
    np.testing.assert_array_equal(to_uint8(estimate_foreground(picture, np.full((1, 1), 0.5, np.float32))), picture)


@pytest.mark.parametrize("shape", [(8, 9), (9, 8), (0, 8), (8, 8, 3)])
def test_alpha_of_another_size_is_refused(shape):
    with pytest.raises(ImageError, match="differ in size"):
        estimate_foreground(np.zeros((8, 8, 3), np.uint8), np.zeros(shape, np.float32))


def test_an_empty_picture_is_refused():
    with pytest.raises(ImageError, match="differ in size"):
        estimate_foreground(np.zeros((0, 8, 3), np.uint8), np.zeros((0, 8), np.float32))


def test_threads_at_once_get_what_one_gets():
    pairs = [random_pair((200 + 10 * seed, 300), seed) for seed in range(4)] * 3
    alone = [estimate_foreground(*pair) for pair in pairs]
    with ThreadPoolExecutor(6) as pool:
        for one, other in zip(alone, pool.map(lambda pair: estimate_foreground(*pair), pairs), strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_number_of_threads_of_opencv_changes_nothing():
    alpha, truth, background = SCENES["hair"]()
    picture, before, estimates = over(alpha, truth, background), cv2.getNumThreads(), []
    try:
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            estimates.append(estimate_foreground(picture, alpha))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(*estimates)


@pytest.mark.parametrize("pixels", [1, 1000, 30000])
def test_strips_are_solved_as_the_whole(pixels, monkeypatch):
    picture, alpha = random_pair((173, 211))
    monkeypatch.setattr(foreground_pyramid, "_STRIP", 1 << 30)
    whole = estimate_foreground(picture, alpha)
    monkeypatch.setattr(foreground_pyramid, "_STRIP", pixels)
    np.testing.assert_array_equal(estimate_foreground(picture, alpha), whole)


@pytest.mark.parametrize("turned", [np.fliplr, np.flipud, lambda array: np.swapaxes(array, 0, 1)])
def test_turned_pictures_give_as_good_estimates(turned):
    """Not the same: of four pixels, the first stands for all on the next level."""
    alpha, truth, background = SCENES["edge"]()
    picture, band = over(alpha, truth, background), (alpha > 0.02) & (alpha < 0.98)
    straight = 255 * estimate_foreground(picture, alpha)
    other = turned(255 * estimate_foreground(turned(picture), turned(alpha)))
    error, other_error = np.abs(straight - truth)[band].mean(), np.abs(other - truth)[band].mean()
    assert other_error <= 1.1 * error
    assert error <= 1.1 * other_error
    assert np.abs(straight - other)[band].mean() <= error


def test_memory_is_bounded_by_the_number_of_pixels():
    picture, alpha = random_pair((1500, 2000))
    tracemalloc.start()
    try:
        estimate_foreground(picture, alpha)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 30 * alpha.size + 50e6


def test_rows_that_are_enlarged_apart_do_not_show(monkeypatch):
    picture, alpha = random_pair((150, 700))
    alpha = cv2.threshold(alpha, 0.6, 1, cv2.THRESH_TOZERO)[1]
    whole = estimate_foreground(picture, alpha)
    monkeypatch.setattr(foreground, "_ROWS", 1000)
    np.testing.assert_array_equal(estimate_foreground(picture, alpha), whole)


def test_the_example_of_its_docstring_holds():
    assert doctest.testmod(foreground).failed == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_levels_are_the_rounded_estimate(dtype):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (120, 90, 3), np.uint8)
    before = picture.copy()
    share = cv2.GaussianBlur(rng.uniform(-0.5, 1.5, (120, 90)).astype(np.float32), (0, 0), 3).clip(0, 1)
    alpha = np.rint(share * np.iinfo(dtype).max).astype(dtype)
    estimate = estimate_foreground(picture, alpha.astype(np.float32) / np.iinfo(dtype).max)
    found = foreground_levels(picture, alpha)
    assert np.abs(found - 255 * estimate).max() <= 0.501
    assert np.array_equal(picture, before)
    found[:] = 0
    assert np.array_equal(picture, before)
