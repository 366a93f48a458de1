"""Plates moved by known homographies, and what alignment makes of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omz.errors import ImageError
from omz.images.alignment import align, find_movement, likeness
from omz.images.copies import Copies
from omz.synthesis import textures

SIZE = (540, 960)
MARGIN = 120
PLACES = ("room", "cluttered")


def background(kind: str, seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A scene larger than the picture by MARGIN on every side: (H, W, 3) float, 0 to 1."""
    rng = np.random.default_rng(seed)
    larger = (size[0] + 2 * MARGIN, size[1] + 2 * MARGIN)
    draw = {"room": textures.room, "cluttered": textures.cluttered, "cloudy": textures.cloudy}[kind]
    return np.clip(draw(rng, larger, textures.palette(rng, 4)), 0, 1)


def camera(size: tuple[int, int], degrees: float = 1.0, scale: float = 1.01, shift=(21.0, -13.5)) -> np.ndarray:
    """Where the plate's camera sees what is at a pixel of the picture: (3, 3)."""
    turn = cv2.getRotationMatrix2D((size[1] / 2, size[0] / 2), degrees, scale)
    turn[:, 2] += shift
    return np.vstack([turn, [0, 0, 1]])


def shot(
    scene: np.ndarray, seen: np.ndarray, size: tuple[int, int], gain: float, noise: float, seed: int
) -> np.ndarray:
    """Photograph ``scene`` through the homography ``seen``, from pixels of the picture to those of the shot."""
    move = seen @ np.array([[1, 0, -MARGIN], [0, 1, -MARGIN], [0, 0, 1.0]])
    light = gain * cv2.warpPerspective(scene, move, size[::-1], flags=cv2.INTER_CUBIC)
    if noise:
        light += np.random.default_rng(seed).normal(0, noise, light.shape)
    return np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8)


def with_subject(picture: np.ndarray, seed: int) -> np.ndarray:
    """Cover a third of the picture, by another texture."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (int(0.52 * width), int(0.6 * height)), (int(0.24 * width), int(0.5 * height)), 0, 0, 360, 1, -1)
    assert 0.3 < mask.mean() < 0.4
    subject = 255 * textures.background(np.random.default_rng(seed), (height, width))
    return np.where(mask[..., None] > 0, subject.astype(np.uint8), picture)


def mean_error(homography: np.ndarray, truth: np.ndarray, size: tuple[int, int]) -> float:
    """Mean distance over the frame of where two homographies take a pixel of the plate."""
    y, x = np.mgrid[: size[0] : 20, : size[1] : 20]
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    one, other = (moved[:2] / moved[2] for moved in (homography @ points, truth @ points))
    return float(np.hypot(*(one - other)).mean())


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("seed", range(4))
def test_a_moved_plate_comes_back_to_under_half_a_pixel(kind, seed):
    """Shifted, turned by 1 degree, scaled by 1 %; a subject on a third, noise, and 0.9 of the light."""
    scene, seen = background(kind, seed), camera(SIZE)
    plate = shot(scene, seen, SIZE, 0.9, 0.01, seed)
    picture = with_subject(shot(scene, np.eye(3), SIZE, 1, 0.01, seed + 100), seed)
    found = align(plate, picture)
    assert found.aligned, found.reason
    assert found.reason == ""
    assert mean_error(found.homography, np.linalg.inv(seen), SIZE) < 0.5
    assert 0.7 * found.matches <= found.inliers <= found.matches
    corners = np.array([[0, 0, 1], [959, 0, 1], [959, 539, 1], [0, 539, 1.0]]).T
    moved = np.linalg.inv(seen) @ corners
    movement = find_movement(Copies(plate), Copies(picture))
    assert movement.shift == pytest.approx(np.hypot(*(moved - corners)[:2]).mean(), abs=0.7)
    assert movement.residual < 1


@pytest.mark.parametrize("size", [(240, 320), (1080, 1920), (2160, 3840)])
def test_other_sizes_are_as_exact(size):
    rng = np.random.default_rng(7)
    scene = cv2.resize(background("cluttered", 7, (1080, 1920)), (size[1] + 2 * MARGIN, size[0] + 2 * MARGIN))
    seen = camera(size, shift=rng.uniform(-0.02, 0.02, 2) * size[1])
    plate, picture = shot(scene, seen, size, 1, 0, 1), shot(scene, np.eye(3), size, 1, 0, 2)
    found = align(plate, picture)
    assert mean_error(found.homography, np.linalg.inv(seen), size) < 0.5


def test_a_camera_that_was_put_elsewhere_is_found_by_features():
    seen = camera(SIZE, degrees=14, scale=1.15, shift=(80, 30))
    scene = background("cluttered", 2)
    found = align(shot(scene, seen, SIZE, 1, 0.005, 1), shot(scene, np.eye(3), SIZE, 1, 0.005, 2))
    assert found.aligned, found.reason
    assert mean_error(found.homography, np.linalg.inv(seen), SIZE) < 0.5


def test_what_the_plate_does_not_show_is_the_picture():
    scene = background("room", 3)
    seen = camera(SIZE, shift=(60, 0))
    plate, picture = shot(scene, seen, SIZE, 1, 0, 1), shot(scene, np.eye(3), SIZE, 0.7, 0, 2)
    found = align(plate, picture)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    there = (seen @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)]))[:2].reshape(2, *SIZE)
    outside = np.maximum.reduce([-there[0], there[0] - (SIZE[1] - 1), -there[1], there[1] - (SIZE[0] - 1)])
    assert not found.covered[outside > 1].any()
    assert found.covered[outside < -1].all()
    np.testing.assert_array_equal(found.plate[~found.covered], picture[~found.covered])
    sharp = shot(scene, np.eye(3), SIZE, 1, 0, 1)
    assert np.abs(found.plate.astype(int) - sharp)[found.covered].mean() < 1.5


def test_a_plate_that_fits_is_returned_itself():
    plate = shot(background("room", 1), np.eye(3), SIZE, 1, 0.005, 1)
    found = align(plate, with_subject(plate, 5))
    assert found.aligned
    assert found.plate is plate
    assert found.covered is None


def flat() -> np.ndarray:
    return np.full((*SIZE, 3), 90, np.uint8)


@pytest.mark.parametrize("which", ["plate", "picture", "both"])
def test_a_flat_picture_is_not_aligned_and_the_reason_is_told(which):
    scene = shot(background("room", 1), np.eye(3), SIZE, 1, 0.005, 1)
    plate, picture = (flat() if which in (role, "both") else scene for role in ("plate", "picture"))
    found = align(plate, picture)
    assert not found.aligned
    assert found.plate is plate
    assert found.homography is None
    assert found.covered is None
    assert "too few points" in found.reason


def test_noise_alone_is_not_aligned():
    noise = [np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8) for seed in range(2)]
    found = align(*noise)
    assert not found.aligned
    assert found.plate is noise[0]
    assert found.reason


@pytest.mark.parametrize("seed", range(6))
def test_another_scene_is_not_aligned(seed):
    plate = shot(background(PLACES[seed % 2], seed), np.eye(3), SIZE, 1, 0.005, 1)
    picture = shot(background(PLACES[seed // 3], seed + 50), np.eye(3), SIZE, 1, 0.005, 2)
    found = align(plate, picture)
    assert not found.aligned
    assert found.plate is plate
    assert found.reason
    assert "\n" not in found.reason


def folded(plate: np.ndarray) -> np.ndarray:
    """The picture of a plate so near the edge of sight that no person would hold a camera so."""
    fold = np.array([[1, 0, 0], [0, 1, 0], [0, -0.8 / SIZE[0], 1.0]])
    return cv2.warpPerspective(plate, fold, SIZE[::-1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda plate: np.ascontiguousarray(plate[:, ::-1]), ""),
        (lambda plate: cv2.resize(plate[200:300, 400:600], SIZE[::-1], interpolation=cv2.INTER_CUBIC), "crop|points"),
        (lambda plate: cv2.copyMakeBorder(plate[::3, ::3], 180, 180, 320, 320, cv2.BORDER_CONSTANT), "crop|points"),
        (folded, "crop|points|fold|movement"),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_what_no_camera_does_by_accident_is_refused(change, reason, seed):
    """Mirrored, five times nearer, three times farther, from an absurd angle."""
    plate = shot(background("cluttered", seed), np.eye(3), SIZE, 1, 0.003, 1)
    found = align(plate, change(plate))
    assert not found.aligned
    assert found.plate is plate
    assert found.reason
    assert any(word in found.reason for word in reason.split("|"))


def test_sizes_that_differ_are_refused():
    with pytest.raises(ImageError, match="plate 960x540 and image 960x539 differ in size"):
        align(flat(), flat()[:-1])


@pytest.mark.parametrize("size", [(1, 1), (2, 30), (16, 16)])
def test_tiny_pictures_are_not_aligned_and_no_error(size):
    noise = [np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8) for seed in range(2)]
    assert not align(*noise).aligned


def test_likeness_is_the_share_of_close_pixels():
    picture = shot(background("cluttered", 4), np.eye(3), SIZE, 1, 0, 1)
    other = picture.copy()
    other[:, :480] = picture[::-1, :480] // 2 + np.kron(np.eye(2), np.full((270, 240), 120))[..., None].astype(np.uint8)
    assert likeness(picture, picture) == 1
    assert likeness(other, picture) == pytest.approx(0.5, abs=0.01)
    right = np.arange(960)[None] * np.ones((540, 1)) >= 480
    assert likeness(other, picture, right) > 0.98
    assert likeness(other, picture, ~right) < 0.05
    assert likeness(np.rint(0.8 * picture).astype(np.uint8), picture) > 0.95
    assert likeness(picture, picture, np.zeros(SIZE, bool)) == 0


def test_a_subject_beyond_the_edge_of_the_plate_stays_one():
    scene, seen = background("room", 3), camera(SIZE, degrees=0, scale=1, shift=(40, 0))
    plate, picture = shot(scene, seen, SIZE, 0.8, 0, 1), shot(scene, np.eye(3), SIZE, 1, 0, 2)
    picture[200:400, 760:] = 255 - picture[200:400, 760:]
    found = align(plate, picture)
    assert not found.covered[:, 925:].any()
    beside = np.abs(found.plate.astype(int) - picture).max(axis=2)[:, 925:]
    assert np.median(beside[210:390]) > 24
    assert beside[:180].max() == beside[420:].max() == 0
