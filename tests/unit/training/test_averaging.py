from __future__ import annotations

import numpy as np
import torch

from omz.networks.plate_matting import PlateMatting
from omz.training.averaging import average_of, follow, norms_of, settle
from omz.training.batches import make_batch
from omz.training.drawn_scenes import drawn_scene

NETWORK = {"widths": (4, 6), "depths": (1, 1), "fine": 4, "tolerant": 4}
CPU = torch.device("cpu")


def test_the_average_keeps_less_at_first():
    network = PlateMatting(**NETWORK)
    average = average_of(network)
    weights = []
    for step in range(400):
        with torch.no_grad():
            network.alpha.bias.fill_(float(step))
        follow(average, network, 0.99, step)
        weights.append(average.alpha.bias[0].item())
    expected = 0.5
    for step in range(400):
        kept = min(0.99, (step + 1) / (step + 10))
        expected = kept * expected + (1 - kept) * step
        assert np.isclose(weights[step], expected, rtol=1e-4)
    assert weights[5] > 1


def test_settled_statistics_are_those_of_the_scenes():
    torch.manual_seed(0)
    network = PlateMatting(**NETWORK)
    batches = [make_batch(drawn_scene, 0, range(i, i + 2), (32, 48)) for i in (0, 2, 4)]
    seen = []
    norm = next(norms_of(network))
    norm.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].detach()))
    network.eval()
    settle(network, batches, CPU)
    assert not network.training
    means = torch.stack([each.mean((0, 2, 3)) for each in seen]).mean(0)
    variances = torch.stack([each.var((0, 2, 3)) for each in seen]).mean(0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)
    assert {each.momentum for each in norms_of(network)} == {0.1}


def test_settling_twice_is_settling_once():
    network = PlateMatting(**NETWORK)
    batches = [make_batch(drawn_scene, 0, range(2), (32, 48))]
    settle(network, batches, CPU)
    first = [buffer.clone() for buffer in network.buffers()]
    settle(network, batches, CPU)
    assert all(torch.equal(one, other) for one, other in zip(first, network.buffers(), strict=True))
