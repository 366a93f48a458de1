from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from omz.training.losses import LEVELS, Truth, laplacian_loss, loss_terms, split_scales
from omz.training.recipe import Weights


def test_terms_by_hand():
    alpha = torch.zeros(1, 1, 32, 32)
    alpha[..., 16:] = 1
    band = torch.zeros_like(alpha)
    band[..., 13:19] = 1
    truth = Truth(alpha, torch.full((1, 1, 32, 32), 0.4), band)
    terms = loss_terms(alpha + 0.5, truth, Weights(band=4.0, laplacian=0.0, composition=2.0))
    assert terms["alpha"].item() == pytest.approx(0.5)
    assert terms["band"].item() == pytest.approx(4 * 0.5 * 6 / 32)
    assert terms["laplacian"].item() == 0
    assert terms["composition"].item() == pytest.approx(2 * 0.5 * 0.4)


def test_a_perfect_alpha_costs_nothing_and_one_beyond_1_does():
    truth = Truth(*torch.rand(3, 2, 1, 64, 96))
    assert sum(loss_terms(truth.alpha, truth, Weights()).values()).item() == 0
    white = Truth(*torch.ones(3, 1, 1, 32, 32))
    assert loss_terms(white.alpha + 0.1, white, Weights())["alpha"].item() == pytest.approx(0.1)


def test_the_composition_term_is_the_distance_of_composites():
    rng = np.random.default_rng(0)
    alpha, predicted = rng.random((2, 20, 30, 1))
    foreground, background = rng.random((2, 20, 30, 3))
    composites = [a * foreground + (1 - a) * background for a in (alpha, predicted)]
    expected = np.abs(composites[0] - composites[1]).mean()
    tensors = (alpha, predicted, np.abs(foreground - background).mean(2, keepdims=True))
    true, found, contrast = (torch.from_numpy(each.transpose(2, 0, 1)[None]) for each in tensors)
    term = loss_terms(found, Truth(true, contrast, true), Weights())["composition"]
    assert term.item() == pytest.approx(expected, abs=1e-12)


def test_scales_are_opencvs_inside():
    image = np.random.default_rng(0).random((32, 48))
    detail, rest = split_scales(torch.from_numpy(image)[None, None])
    smaller = cv2.pyrDown(image, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(rest[0, 0], smaller, rtol=0, atol=1e-12)
    larger = cv2.resize(smaller, (48, 32), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(detail[0, 0], image - larger, rtol=0, atol=1e-6)  # OpenCV's weights are float32


def test_the_pyramid_counts_an_error_by_its_scale():
    truth = torch.zeros(1, 1, 128, 128)
    checks = torch.ones_like(truth)
    checks[..., ::2, ::2] = checks[..., 1::2, 1::2] = -1
    blob = torch.zeros_like(truth)
    blob[..., 48:80, 48:80] = 1
    # on the finest level only
    assert laplacian_loss(0.1 * checks, truth).item() == pytest.approx(0.1 / LEVELS, rel=0.05)
    per_pixel = laplacian_loss(0.1 * blob, truth).item() / (0.1 * blob.mean().item())
    assert per_pixel > 2  # an error of the size of a face costs more than its mean


@pytest.mark.parametrize("size", [(4, 4), (180, 316), (36, 20)])
def test_the_loss_takes_all_sizes(size):
    truth = Truth(*torch.rand(3, 1, 1, *size))
    alpha = torch.rand(1, 1, *size, requires_grad=True)
    sum(loss_terms(alpha, truth, Weights()).values()).backward()
    assert torch.isfinite(alpha.grad).all()
