from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from omz.networks.background_matting import CoarseMatte, MattingOutput
from omz.training.losses import Truth, base_terms, matte_terms, refine_terms, sobel


def test_sobel_is_scipys_over_eight():
    image = np.random.default_rng(0).random((11, 13))
    ours = sobel(torch.from_numpy(image)[None, None])[0, 0].numpy()
    gx, gy = (ndimage.sobel(image, axis, mode="nearest") / 8 for axis in (1, 0))
    np.testing.assert_allclose(ours, np.sqrt(gx**2 + gy**2 + 1e-6), atol=1e-12)


def test_terms_by_hand():
    truth = Truth(torch.zeros(1, 1, 4, 4), torch.zeros(1, 3, 4, 4))
    truth.pha[..., :2] = 1
    terms = matte_terms(truth.pha + 0.5, truth.fgr + 0.2, truth)
    assert terms["alpha"].item() == pytest.approx(0.5)
    assert terms["edges"].item() == pytest.approx(0, abs=1e-7)
    assert terms["foreground"].item() == pytest.approx(0.1)  # half of the picture has a foreground


def test_a_perfect_matte_costs_nothing():
    picture = torch.rand(2, 3, 16, 16)
    truth = Truth(torch.rand(2, 1, 16, 16), torch.rand(2, 3, 16, 16))
    coarse = CoarseMatte(truth.pha, truth.fgr - picture, torch.zeros(2, 1, 16, 16), torch.zeros(2, 8, 16, 16))
    assert sum(base_terms(coarse, picture, truth).values()).item() == pytest.approx(0, abs=1e-6)


def test_the_error_head_learns_the_error_and_does_not_change_alpha_in_the_base_stage():
    picture = torch.rand(1, 3, 8, 8)
    truth = Truth(torch.zeros(1, 1, 8, 8), picture)
    pha = torch.full((1, 1, 8, 8), 0.3, requires_grad=True)
    err = torch.full((1, 1, 8, 8), 0.1, requires_grad=True)
    term = base_terms(CoarseMatte(pha, torch.zeros(1, 3, 8, 8), err, picture), picture, truth)["error"]
    assert term.item() == pytest.approx(0.04)
    term.backward()
    assert pha.grad is None
    assert err.grad is not None


def test_refine_terms_see_both_sizes():
    truth = Truth(torch.rand(1, 1, 32, 32), torch.rand(1, 3, 32, 32))
    small = truth.resized((8, 8))
    output = MattingOutput(truth.pha, truth.fgr, small.pha, small.fgr, torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8))
    terms = refine_terms(output, truth)
    assert {name for name, term in terms.items() if term > 1e-6} == {"error"}
    worse = refine_terms(output._replace(pha_sm=1 - small.pha), truth)
    assert worse["coarse_alpha"] > 0.1
    assert worse["alpha"] == terms["alpha"]
