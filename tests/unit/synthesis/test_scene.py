from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene

SIZE = (96, 128)
STILL = Drift()


@settings(max_examples=30)
@given(index=st.integers(0, 10_000), height=st.integers(17, 150), width=st.integers(17, 150))
def test_every_scene_is_whole(index, height, width):
    scene = make_scene(index, (height, width))
    for image in (scene.picture, scene.plate, scene.foreground):
        assert image.shape == (height, width, 3)
        assert image.dtype == np.uint8
    assert scene.alpha.shape == (height, width)
    assert scene.alpha.dtype == np.float32
    assert scene.alpha.min() >= 0
    assert scene.alpha.max() <= 1


def test_same_arguments_same_pixels_and_others_differ():
    first, again = make_scene(7, SIZE), make_scene(7, SIZE)
    for name in ("picture", "plate", "foreground", "alpha"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.picture, make_scene(8, SIZE).picture)
    assert not np.array_equal(first.picture, make_scene(7, SIZE, series="test").picture)


def test_without_drift_the_picture_is_the_composite_of_its_truth():
    for index in range(20):
        scene = make_scene(index, SIZE, drift=STILL)
        alpha = scene.alpha[..., None].astype(np.float64)
        expected = alpha * scene.foreground + (1 - alpha) * scene.plate
        # foreground and plate are rounded to 8 bits each, the picture once more
        assert np.abs(expected - scene.picture).max() <= 1.01


def test_scenes_show_soft_edges_and_empty_and_full_regions():
    alphas = np.stack([make_scene(index, SIZE).alpha for index in range(40)])
    soft = ((alphas > 0.05) & (alphas < 0.95)).mean()
    assert 0.02 < soft < 0.4
    assert 0.1 < (alphas > 0.95).mean() < 0.7
    assert 0.1 < (alphas < 0.05).mean() < 0.9
    assert any(make_scene(index, (32, 32)).alpha.max() == 0 for index in range(200))


def test_gain_reaches_the_plate_alone():
    plain, brighter = make_scene(3, SIZE, drift=STILL), make_scene(3, SIZE, drift=Drift(gain=(1.1, 1.1, 1.1)))
    np.testing.assert_array_equal(plain.picture, brighter.picture)
    lit = (plain.plate > 20) & (plain.plate < 225)
    assert np.median(brighter.plate[lit] / plain.plate[lit]) == pytest.approx(1.1, abs=0.01)


def test_shift_moves_the_plate_by_that_many_pixels():
    plain = make_scene(3, SIZE, drift=STILL).plate
    moved = make_scene(3, SIZE, drift=Drift(shift=(3.0, -2.0))).plate
    np.testing.assert_array_equal(moved[:-2, 3:], plain[2:, :-3])


def test_rotation_turns_about_the_middle():
    plain = make_scene(3, (256, 256), drift=STILL).plate.astype(int)
    turned = make_scene(3, (256, 256), drift=Drift(rotation=1.0)).plate.astype(int)
    difference = np.abs(plain - turned).max(2)
    assert difference[124:132, 124:132].mean() < difference[:, :32].mean()


def test_noise_has_the_deviation_asked_for():
    plain, noisy = make_scene(3, (256, 256), drift=STILL), make_scene(3, (256, 256), drift=Drift(noise=0.02))
    for name in ("picture", "plate"):
        clean, grainy = getattr(plain, name).astype(float), getattr(noisy, name).astype(float)
        middle = (clean > 30) & (clean < 225)
        assert (grainy - clean)[middle].std() == pytest.approx(0.02 * 255, rel=0.1)
    grain = [getattr(noisy, name).astype(float) - getattr(plain, name) for name in ("picture", "plate")]
    assert abs(np.corrcoef(grain[0].ravel(), grain[1].ravel())[0, 1]) < 0.05


def test_a_shadow_darkens_the_background_of_the_picture_and_nothing_else():
    drift = Drift(shadow=0.4, shadow_offset=(10, 5))
    plain, shaded = make_scene(3, SIZE, drift=STILL), make_scene(3, SIZE, drift=drift)
    np.testing.assert_array_equal(plain.plate, shaded.plate)
    np.testing.assert_array_equal(plain.alpha, shaded.alpha)
    solid = plain.alpha > 0.999
    assert np.abs(plain.picture.astype(int) - shaded.picture)[solid].max() <= 1
    assert (shaded.picture.astype(int) - plain.picture).max() <= 0
    assert (shaded.picture.astype(int) - plain.picture)[~solid].min() < -5


def test_compression_costs_more_the_lower_the_quality():
    plain = make_scene(3, SIZE, drift=STILL)
    losses = []
    for quality in (95, 50):
        compressed = make_scene(3, SIZE, drift=Drift(jpeg_quality=quality))
        np.testing.assert_array_equal(plain.foreground, compressed.foreground)
        losses.append(np.abs(plain.picture.astype(int) - compressed.picture).mean())
        assert not np.array_equal(plain.plate, compressed.plate)
    assert 0 < losses[0] < losses[1]
