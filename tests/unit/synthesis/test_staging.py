from __future__ import annotations

import numpy as np
import pytest

from omz.synthesis.layer import Layer
from omz.synthesis.staging import Shadow, Subject, blurred, camouflaged, moved, placed, towards_skin

SIZE = (120, 160)


def disc(colour: tuple[float, float, float] = (0.2, 0.5, 0.9), radius: float = 30) -> Subject:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    alpha = np.clip(radius - np.hypot(x - 80, y - 60) + 0.5, 0, 1).astype(np.float32)
    return Subject(alpha, np.broadcast_to(np.float32(colour), (*SIZE, 3)).copy())


def before(subject: Subject, ground: np.ndarray) -> np.ndarray:
    return ground + subject.alpha[..., None] * (subject.colour - ground)


def test_two_subjects_look_as_one_set_before_the_other():
    rng = np.random.default_rng(0)
    front = Subject(rng.random(SIZE, np.float32), rng.random((*SIZE, 3), np.float32))
    back = Subject(rng.random(SIZE, np.float32), rng.random((*SIZE, 3), np.float32))
    ground = rng.random((*SIZE, 3), np.float32)
    np.testing.assert_allclose(before(front.over(back), ground), before(front, before(back, ground)), atol=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_cut_reaches_the_lower_edge_wherever_it_stands(seed):
    alpha = np.zeros((100, 60), np.uint8)
    alpha[20:, 10:50] = 255
    layer = Layer(np.full((100, 60, 3), 80, np.uint8), alpha)
    found = placed(layer, np.random.default_rng(seed), SIZE, 0.8)
    assert found.alpha.shape == SIZE
    assert found.alpha[-1].any() or not found.alpha.any()
    np.testing.assert_allclose(found.colour, 80 / 255, atol=1e-6)


def test_camouflage_takes_the_local_colour_and_keeps_detail():
    subject = disc()
    subject.colour[::4] += 0.05
    plate = np.broadcast_to(np.float32([0.7, 0.3, 0.1]), (*SIZE, 3)).copy()
    found = camouflaged(subject, plate, 1.0, np.ones(SIZE, np.float32))
    np.testing.assert_allclose(found.colour.mean(axis=(0, 1)), [0.7, 0.3, 0.1], atol=0.01)
    assert np.ptp(found.colour[40:60, 80, 0]) == pytest.approx(0.05, abs=0.005)
    untouched = camouflaged(subject, plate, 1.0, np.zeros(SIZE, np.float32))
    np.testing.assert_array_equal(untouched.colour, subject.colour)


def test_a_wall_like_skin_has_its_mean_colour():
    rng = np.random.default_rng(0)
    plate = (0.5 + 0.1 * rng.standard_normal((*SIZE, 3))).astype(np.float32)
    found = towards_skin(plate, disc(), rng)
    np.testing.assert_allclose(found.mean(axis=(0, 1)), [0.2, 0.5, 0.9], atol=0.02)


def test_a_plate_before_nobody_stays():
    plate = np.full((*SIZE, 3), 0.5, np.float32)
    nobody = Subject(np.zeros(SIZE, np.float32), plate)
    assert towards_skin(plate, nobody, np.random.default_rng(0)) is plate


def test_a_shadow_is_as_dark_as_its_strength_and_lies_beside_the_subject():
    factor = Shadow(strength=0.4, offset=(0.25, 0.0), blur=0.01).factor(disc().alpha)
    assert factor[60, 110] == pytest.approx(0.6, abs=0.02)
    assert factor[60, 20] == pytest.approx(1.0, abs=0.01)


def test_a_blur_keeps_the_mean():
    field = np.random.default_rng(0).random(SIZE).astype(np.float32)
    assert blurred(field, 5).mean() == pytest.approx(field.mean(), abs=0.01)


def test_motion_moves_alpha_and_light_together():
    subject, ground = disc(), np.zeros((*SIZE, 3), np.float32)
    found = moved(subject, 15, 0.3)
    assert found.alpha.sum() == pytest.approx(subject.alpha.sum(), rel=1e-3)
    light = before(found, ground).sum(axis=(0, 1))
    np.testing.assert_allclose(light, before(subject, ground).sum(axis=(0, 1)), rtol=2e-3)
    assert ((found.alpha > 0.05) & (found.alpha < 0.95)).sum() > 2 * (
        (subject.alpha > 0.05) & (subject.alpha < 0.95)
    ).sum()
