from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.generated_weights import generated_image
from helpers.human_matting_oracle import matte
from helpers.semantic_human_matting import generated_network

from omz.networks.quiet_mindspore import ms
from omz.networks.semantic_human_matting import SemanticHumanMatting, _Twice, neighbours

DATA = Path(__file__).parents[2] / "data"
LOGITS, ALPHA = 5e-4, 1e-4  # of float32 in another order, on logits up to 41


def test_names_and_shapes_are_those_of_the_published_checkpoint():
    own = {name: list(value.shape) for name, value in SemanticHumanMatting().parameters_and_names()}
    assert own == json.loads((DATA / "semantic_human_matting_parameters.json").read_text())


def test_the_network_reproduces_the_reference():
    vectors = np.load(DATA / "semantic_human_matting_vectors.npz")
    image = generated_image(3, (1, 3, 64, 96)) * 2 - 1
    trimap, alpha = (result.asnumpy() for result in generated_network()(ms.Tensor(image)))
    np.testing.assert_allclose(trimap, vectors["trimap"], rtol=0, atol=LOGITS)
    np.testing.assert_allclose(alpha, vectors["alpha"], rtol=0, atol=ALPHA)


def test_the_network_is_the_one_described():
    """Against another implementation, in double precision: float32 strays by some 1e-4 of logits up to 45."""
    network = generated_network()
    image = generated_image(5, (2, 3, 160, 96)) * 2 - 1
    weights = {name: parameter.asnumpy() for name, parameter in network.parameters_and_names()}
    trimap, alpha = (result.asnumpy() for result in network(ms.Tensor(image)))
    exact_trimap, exact_alpha = matte(weights, image)
    np.testing.assert_allclose(trimap, exact_trimap, rtol=0, atol=6e-4)
    np.testing.assert_allclose(alpha, exact_alpha, rtol=0, atol=2e-4)


def test_alpha_is_what_is_surely_there_and_a_part_of_what_is_not():
    network = generated_network()
    image = ms.Tensor(generated_image(4, (2, 3, 32, 48)) * 2 - 1)
    trimap, alpha = (result.asnumpy() for result in network(image))
    classes = torch.softmax(torch.from_numpy(trimap), 1).numpy()
    raw = network.m_net(ms.Tensor(np.concatenate([image.asnumpy(), classes], 1))).asnumpy()
    np.testing.assert_allclose(alpha, classes[:, 1:2] + classes[:, 2:3] * raw, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4), (20, 20)])
def test_doubling_is_bilinear_between_centres(size):
    x = np.random.default_rng(0).standard_normal((2, 3, *size)).astype(np.float32)
    twice = torch.nn.functional.interpolate(torch.from_numpy(x), scale_factor=2, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(_Twice()(ms.Tensor(x)).asnumpy(), twice.numpy(), rtol=0, atol=1e-6)


def test_neighbours_of_a_line_of_three():
    lower, upper, share = neighbours(3)
    np.testing.assert_array_equal(lower, [0, 0, 0, 1, 1, 2])
    np.testing.assert_array_equal(upper, [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(share, np.float32([0, 0.25, 0.75, 0.25, 0.75, 0]))


def test_nothing_is_said_on_the_way(capfd):
    generated_network()(ms.Tensor(np.zeros((1, 3, 16, 16), np.float32)))
    assert capfd.readouterr() == ("", "")
