from __future__ import annotations

import numpy as np

from omz.synthesis.layer import extended, layer_of


def disc(size: int = 96) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.clip(size / 4 - np.hypot(x - size / 2, y - size / 2) + 0.5, 0, 1).astype(np.float32)


def test_colours_are_those_before_multiplication_and_go_on_beyond_the_edge():
    alpha = disc()
    colour = np.array([0.2, 0.5, 0.9], np.float32)
    found = extended(alpha[..., None] * colour, alpha)
    np.testing.assert_allclose(found, np.broadcast_to(colour, found.shape), atol=1e-5)


def test_each_side_goes_on_in_its_own_colour():
    alpha = disc()
    left = np.arange(96) < 48
    colours = np.where(left[None, :, None], np.float32([1, 0, 0]), np.float32([0, 0, 1]))
    found = extended(alpha[..., None] * colours, alpha)
    assert found[48, 20, 0] > 0.8
    assert found[48, 76, 2] > 0.8


def test_a_layer_is_the_subject_alone_and_composites_to_the_same_image():
    alpha = np.zeros((200, 300), np.float32)
    alpha[50:146, 100:196] = disc()
    rng = np.random.default_rng(0)
    premultiplied = (alpha[..., None] * rng.random((200, 300, 3), np.float32)).astype(np.float32)
    layer = layer_of(premultiplied, alpha)
    assert layer.alpha.shape[0] < 100
    assert not layer.cut
    found = layer.colour.astype(np.float64) * layer.alpha[..., None] / 255**2
    assert abs(found.sum() - premultiplied.sum()) < 2e-3 * premultiplied.sum()


def test_a_subject_on_the_lower_edge_is_cut():
    alpha = np.zeros((80, 80), np.float32)
    alpha[40:, 30:50] = 1
    assert layer_of(alpha[..., None] * np.ones(3, np.float32), alpha).cut
