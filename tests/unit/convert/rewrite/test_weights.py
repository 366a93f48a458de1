"""Weights of other forms of a layer against the layer in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from omz.convert.rewrite.weights import copying, doubling, enlarging, of_cells, of_places, of_plain_places

OUTPUTS, INPUTS = 3, 5


@pytest.fixture
def layer() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(OUTPUTS, INPUTS, 3, 3)))


def maps(height: int, width: int, channels: int = INPUTS) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(size=(1, channels, height, width)))


def as_row(value: torch.Tensor) -> np.ndarray:
    """Return y, x, channel of a map one after the other."""
    return value[0].permute(1, 2, 0).reshape(-1).numpy()


def as_places(value: torch.Tensor) -> torch.Tensor:
    """Return the pixels of places of 2x2 as channels: y, x, channel."""
    batch, channels, height, width = value.shape
    split = value.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return split.permute(0, 3, 5, 1, 2, 4).reshape(batch, -1, height // 2, width // 2)


def test_a_matrix_for_cells_is_the_layer(layer):
    window = maps(4, 4)
    np.testing.assert_allclose(as_row(window) @ of_cells(layer.numpy()), as_row(F.conv2d(window, layer)), atol=1e-12)


def test_doubling_is_bilinear_resizing():
    cells = maps(3, 3)
    resized = F.interpolate(cells, scale_factor=2, mode="bilinear", align_corners=False)[:, :, 1:5, 1:5]
    np.testing.assert_allclose(as_row(cells) @ doubling(INPUTS), as_row(resized), atol=1e-12)


def test_places_are_computed_as_pixels_are(layer):
    pixels = maps(8, 6)
    expected = as_places(F.conv2d(pixels, layer))
    found = F.conv2d(as_places(pixels), torch.from_numpy(of_places(layer.numpy())))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_plain_places_are_computed_as_enlarged_ones(layer):
    places = maps(4, 3)
    expected = as_places(F.conv2d(F.interpolate(places, scale_factor=2, mode="nearest"), layer))
    found = F.conv2d(places, torch.from_numpy(of_plain_places(layer.numpy())))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_copying_makes_pixels_the_channels_of_places():
    pixels = maps(6, 4)
    found = F.conv2d(pixels, torch.from_numpy(copying(INPUTS)), stride=2)
    np.testing.assert_array_equal(found, as_places(pixels))


def test_enlarging_is_bilinear_interpolation():
    cells = maps(4, 5)
    found = F.conv2d(F.pad(cells, (1, 1, 1, 1), mode="replicate"), torch.from_numpy(enlarging(INPUTS)))
    expected = F.interpolate(cells, scale_factor=4, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(F.pixel_shuffle(found, 4), expected, atol=1e-12)
