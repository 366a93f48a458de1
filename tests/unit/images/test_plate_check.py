"""Plates that fit and plates that do not, over many seeds; the truth is how the scenes were made."""

from __future__ import annotations

import numpy as np
import pytest

from omz.images.compositing import to_uint8
from omz.images.plate_check import IN_BOTH, NOT_THE_SCENE, check_plate, swapped
from omz.synthesis.camera import Drift
from omz.synthesis.scene import Scene, make_scene

SIZE = (180, 320)
SEEDS = range(8)
CLEAN = Drift(shift=(1.5, -1.0), gain=(1.01, 1.0, 0.99), noise=0.01)


def scene(seed: int, drift: Drift = CLEAN) -> tuple[Scene, np.ndarray]:
    made = make_scene(seed, SIZE, "plates", drift)
    return made, to_uint8(made.alpha)


def has_subject(alpha: np.ndarray) -> bool:
    return bool(0.05 < alpha.mean() / 255 < 0.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_pair_is_no_reason_to_warn(seed):
    made, alpha = scene(seed)
    assert check_plate(made.plate, made.picture, alpha) == ()
    assert check_plate(made.plate, made.picture, alpha.astype(np.uint16) * 257) == ()
    assert check_plate(made.plate, made.picture) == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_another_scene_is_told(seed):
    made, alpha = scene(seed)
    other, _ = scene(seed + 1000)
    for given in (None, alpha):
        (warning,) = check_plate(other.plate, made.picture, given)
        assert warning == NOT_THE_SCENE
        assert warning.endswith("perhaps plate and target are swapped; --plate none does without a plate")


@pytest.mark.parametrize("seed", range(4))
def test_a_plate_and_a_target_that_were_swapped_are_told(seed):
    made, _ = scene(seed)
    other = make_scene(seed + 1000, (300, 200), "plates", CLEAN).plate
    fitted, _ = scene(seed + 1000)
    assert swapped(fitted.plate, made.plate, made.picture)
    assert not swapped(made.plate, fitted.plate, made.picture)
    assert not swapped(fitted.plate, other, made.picture)
    assert not swapped(fitted.plate, np.full((1, 1, 3), 90, np.uint8), made.picture)


@pytest.mark.parametrize(("gain", "word"), [(0.87, "brighter"), (1.15, "darker")])
def test_another_exposure_is_told_with_its_remedy(gain, word):
    for seed in SEEDS:
        made, alpha = scene(seed, Drift(gain=(gain,) * 3, noise=0.01))
        (warning,) = check_plate(made.plate, made.picture, alpha)
        assert word in warning
        assert "--match_exposure" in warning
        assert float(warning.split("%")[0].split()[-1]) == pytest.approx(100 * abs(1 / gain - 1), abs=2)


def test_another_white_balance_is_told():
    made, alpha = scene(3, Drift(gain=(1.1, 1.0, 0.92), noise=0.01))
    (warning,) = check_plate(made.plate, made.picture, alpha)
    assert "--match_exposure" in warning


def test_a_heavy_shadow_is_told_and_a_light_one_is_not():
    told, light, subjects = 0, 0, 0
    for seed in SEEDS:
        made, alpha = scene(seed, Drift(noise=0.01, shadow=0.6, shadow_offset=(30, 18)))
        if has_subject(alpha):
            subjects += 1
            told += any("shadow" in warning for warning in check_plate(made.plate, made.picture, alpha))
            made, alpha = scene(seed, Drift(noise=0.01, shadow=0.08, shadow_offset=(30, 18)))
            light += any("shadow" in warning for warning in check_plate(made.plate, made.picture, alpha))
    assert subjects > 5
    assert told >= subjects - 1
    assert light == 0


def test_without_an_alpha_nobody_speaks_of_shadows():
    made, _ = scene(4, Drift(noise=0.01, shadow=0.6, shadow_offset=(30, 18)))
    assert not any("shadow" in warning for warning in check_plate(made.plate, made.picture))


def test_warnings_are_single_lines_and_large_pictures_are_looked_at_in_small():
    made, alpha = scene(2, Drift(gain=(0.8,) * 3, noise=0.01, shadow=0.7, shadow_offset=(60, 30)))
    plate, picture, alpha = (
        np.kron(image, np.ones((4, 4) + (1,) * (image.ndim - 2), np.uint8))
        for image in (made.plate, made.picture, alpha)
    )
    warnings = check_plate(plate, picture, alpha)
    assert len(warnings) >= 1
    assert all(warning and "\n" not in warning for warning in warnings)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (40, 40)])
def test_tiny_pictures_and_ones_without_background_are_no_reason_to_warn(size):
    picture = np.full((*size, 3), 90, np.uint8)
    assert check_plate(picture, picture, np.zeros(size, np.uint8)) == ()
    assert check_plate(picture, picture, np.full(size, 255, np.uint8)) == ()


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5, 6, 7])
def test_a_subject_in_the_plate_too_is_told_alone(seed):
    made = make_scene(seed, (240, 400), "demo", CLEAN)
    foreground, alpha = np.roll(made.foreground, 90, axis=1), np.roll(made.alpha, 90, axis=1)[..., None]
    plate = (made.plate * (1 - alpha) + foreground * alpha).round().astype(np.uint8)
    assert check_plate(plate, made.picture, to_uint8(made.alpha)) == (IN_BOTH,)
    assert IN_BOTH not in check_plate(made.plate, made.picture, to_uint8(made.alpha))
