"""Small copies of pictures, and those of plates that are kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from omz.images.copies import Copies, PreparedPlates


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("size", "side", "small"), [((90, 160), 640, (90, 160)), ((720, 1280), 640, (360, 640))])
def test_a_grey_copy_is_the_mean_of_what_it_covers(size, side, small):
    picture = noise(*size)
    grey = Copies(picture).grey(side)
    blocks = picture.reshape(small[0], size[0] // small[0], small[1], size[1] // small[1], 3).mean(axis=(1, 3))
    assert grey.shape == small
    np.testing.assert_allclose(grey, blocks @ (0.114, 0.587, 0.299), atol=1.5)  # rounded twice


def test_copies_of_a_large_picture_come_of_its_largest_copy():
    picture = cv2.resize(noise(30, 40), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    copies = Copies(picture)
    assert (copies.grey(1280).shape, copies.small.shape) == ((960, 1280), (240, 320, 3))
    direct = cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(copies.small, direct, atol=2)  # rounded up to three times


def test_each_copy_is_made_once():
    copies = Copies(noise(90, 160))
    assert copies.corners(640, 50, 4) is copies.corners(640, 50, 4)
    assert copies.corners(640, 9, 4) is not copies.corners(640, 50, 4)
    assert len(copies.corners(640, 9, 4)) == 9
    assert copies.features[0].shape[0] == copies.features[1].shape[0]


def test_a_flat_picture_has_no_corners():
    assert Copies(np.full((90, 160, 3), 7, np.uint8)).corners(640, 50, 4).shape == (0, 2)


def test_a_plate_is_known_again_by_its_pixels():
    prepared, plate = PreparedPlates(), noise(40, 60)
    first = prepared(plate)
    assert prepared(plate.copy()) is first
    plate[0, 0] ^= 1
    assert prepared(plate) is not first
    np.testing.assert_array_equal(first.picture, noise(40, 60))
    assert prepared(noise(60, 40)) is not first


def test_the_plates_that_were_used_last_are_kept():
    prepared = PreparedPlates()
    first = prepared(noise(8, 8))
    second = prepared(noise(8, 8, 1))
    for seed in (2, 3):
        prepared(noise(8, 8, seed))
    assert prepared(noise(8, 8)) is first
    prepared(noise(8, 8, 4))
    assert prepared(noise(8, 8)) is first
    assert prepared(noise(8, 8, 1)) is not second


def test_plates_that_are_kept_take_a_bounded_space(monkeypatch):
    prepared = PreparedPlates()
    monkeypatch.setattr(PreparedPlates, "_BYTES", 3 * 8 * 8 * 2)
    first, second = prepared(noise(8, 8)), prepared(noise(8, 8, 1))
    assert (prepared(noise(8, 8)), prepared(noise(8, 8, 1))) == (first, second)
    prepared(noise(8, 8, 2))
    assert prepared(noise(8, 8, 1)) is second
    assert prepared(noise(8, 8)) is not first
    assert prepared(noise(12, 12)) is not prepared(noise(12, 12))


def test_any_number_of_threads_may_ask():
    prepared, plates = PreparedPlates(), [noise(40, 60, seed) for seed in range(6)]
    corners = [Copies(plate).corners(640, 50, 4) for plate in plates]

    def work(step: int) -> bool:
        index = step % len(plates)
        return np.array_equal(prepared(plates[index]).corners(640, 50, 4), corners[index])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(600)))
