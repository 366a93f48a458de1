"""The dense refiner against the published form, which crops a window around every selected block."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from omz.networks.refiner import Refiner, resize


def refine_by_patches(refiner: Refiner, pair, coarse, err, hid):
    """Crop, refine and paste back each selected 4x4 block on its own."""
    batch, _, height, width = pair.shape
    selected = refiner.select(resize(err, (height // 4, width // 4)))
    half = height // 2, width // 2
    halves = F.pad(torch.cat([resize(torch.cat([hid, coarse], 1), half), resize(pair, half)], 1), (3, 3, 3, 3))
    fulls = F.pad(pair, (2, 2, 2, 2))
    result = resize(coarse, (height, width)).clone()
    for n in range(batch):
        for i, j in selected[n, 0].nonzero().tolist():
            x = halves[n : n + 1, :, 2 * i : 2 * i + 8, 2 * j : 2 * j + 8]
            x = F.relu(refiner.bn1(refiner.conv1(x)))
            x = F.relu(refiner.bn2(refiner.conv2(x)))
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = torch.cat([x, fulls[n : n + 1, :, 4 * i : 4 * i + 8, 4 * j : 4 * j + 8]], 1)
            x = F.relu(refiner.bn3(refiner.conv3(x)))
            result[n : n + 1, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = refiner.conv4(x)
    return result


@settings(max_examples=20)
@given(
    blocks=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    batch=st.integers(1, 3),
    mode=st.sampled_from(["sampling", "thresholding"]),
    seed=st.integers(0, 1000),
)
def test_dense_and_patch_form_are_equal(blocks, batch, mode, seed):
    torch.manual_seed(seed)
    refiner = Refiner(mode, sample_pixels=16 * 5, threshold=0.5, hidden_channels=8).double().eval()
    height, width = 4 * blocks[0], 4 * blocks[1]
    pair = torch.rand(batch, 6, height, width, dtype=torch.float64)
    coarse = torch.rand(batch, 4, blocks[0], blocks[1], dtype=torch.float64)
    err = torch.rand(batch, 1, blocks[0], blocks[1], dtype=torch.float64)
    hid = torch.rand(batch, 8, blocks[0], blocks[1], dtype=torch.float64)
    with torch.no_grad():
        dense, _ = refiner(pair, coarse, err, hid)
        patches = refine_by_patches(refiner, pair, coarse, err, hid)
    torch.testing.assert_close(dense, patches, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("asked", "positive", "expected"), [(3, 10, 3), (100, 10, 10), (3, 0, 0), (0, 10, 0)])
def test_sampling_takes_the_largest_errors_above_zero_and_never_more_than_there_are(asked, positive, expected):
    err = torch.zeros(1, 1, 5, 7)
    err.view(-1)[:positive] = torch.arange(1.0, positive + 1) / 20
    selected = Refiner("sampling", sample_pixels=16 * asked).select(err)
    assert selected.sum() == expected
    if expected:
        assert err[selected > 0].min() > err[selected == 0].max() or expected == positive


def test_thresholding_is_strict():
    err = torch.tensor([[[[0.1, 0.100001, 0.0]]]])
    assert Refiner("thresholding", threshold=0.1).select(err).flatten().tolist() == [0, 1, 0]
