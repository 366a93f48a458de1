from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.generated_weights import generated_image

from omz.networks.background_matting import BackgroundMatting
from omz.networks.refiner import REFINE_MODES

# The reference is float32 and has rounding errors of its own. In float64 they show, to the same digits on every
# processor: 5.6e-6 at most for the whole network, 2.9e-5 for the base network at full size.
REFERENCE_ERROR, BASE_REFERENCE_ERROR = 1e-5, 4e-5
# Float32 on the processor at hand adds its own: up to 8.6e-6 and 2.8e-5 were seen with SSE, AVX2 and AVX-512.
FLOAT32, BASE_FLOAT32 = 3e-5, 1e-4


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    src, bgr = (torch.from_numpy(generated_image(seed, (1, 3, 96, 160))) for seed in (1, 2))
    return src, bgr


def build(state, **arguments) -> BackgroundMatting:
    network = BackgroundMatting(refine_sample_pixels=1600, refine_threshold=0.1, **arguments).eval()
    network.load_state_dict(state)
    return network


def test_names_shapes_and_order_are_those_of_the_published_checkpoint(published_names):
    own = {
        name: {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
        for name, value in BackgroundMatting().state_dict().items()
    }
    assert list(own.items()) == list(published_names.items())


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, REFERENCE_ERROR), (torch.float32, FLOAT32)])
@pytest.mark.parametrize("mode", REFINE_MODES)
def test_whole_network_reproduces_the_reference(mode, kind, tolerance, generated_state, vectors, pair):
    network = build(generated_state, refine_mode=mode).to(kind)
    with torch.no_grad():
        output = network(*(picture.to(kind) for picture in pair))
    for name in ("pha", "fgr"):
        np.testing.assert_allclose(getattr(output, name), vectors[f"{mode}_{name}"], rtol=0, atol=tolerance)
    if mode != "full":
        np.testing.assert_array_equal(output.ref_sm, vectors[f"{mode}_refined"])


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, BASE_REFERENCE_ERROR), (torch.float32, BASE_FLOAT32)])
def test_base_network_reproduces_the_reference(kind, tolerance, generated_state, vectors, pair):
    src, bgr = (picture.to(kind) for picture in pair)
    with torch.no_grad():
        coarse = build(generated_state).to(kind).base(torch.cat([src, bgr], 1))
    ours = {
        "pha": coarse.pha,
        "fgr": (coarse.residual + src).clamp(0, 1),
        "err": coarse.err,
        "hid_mean": coarse.hid.mean((2, 3)),
    }
    for name, value in ours.items():
        np.testing.assert_allclose(value, vectors[f"base_{name}"], rtol=0, atol=tolerance)


def test_a_narrower_network_is_the_same_code():
    network = BackgroundMatting(width=0.4, refine_mode="sampling").eval()
    with torch.no_grad():
        output = network(torch.rand(2, 3, 64, 96), torch.rand(2, 3, 64, 96))
    assert output.pha.shape == (2, 1, 64, 96)
    assert output.fgr.shape == (2, 3, 64, 96)
    size = sum(value.numel() for value in network.state_dict().values())
    assert size < 0.2 * sum(value.numel() for value in BackgroundMatting().state_dict().values())


@pytest.mark.parametrize("scale", [0.0, -0.25, 0.75])
def test_a_backbone_scale_out_of_range_is_refused(scale):
    with pytest.raises(ValueError, match="backbone_scale"):
        BackgroundMatting(backbone_scale=scale)


def test_an_unknown_refine_mode_is_refused():
    with pytest.raises(ValueError, match="refine mode"):
        BackgroundMatting(refine_mode="none")
